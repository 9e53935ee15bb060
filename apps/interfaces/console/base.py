"""One page of a portal: a role and a permission declared, a grant demanded, one domain call, plain values rendered."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from allauth.core.exceptions import ReauthenticationRequired
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views import View

from apps.audit_log.operation_names import OPERATIONS, Operation
from apps.core.errors import NotFound, VaultError
from apps.core.principals import PersonRole, Principal
from apps.core.request_facts import request_context
from apps.domain.access.grants import Grant, Scope
from apps.domain.access.permissions import Permission
from apps.domain.approvals.errors import ApprovalRequired
from apps.domain.catalog.visibility import authorize_person
from apps.domain.identity import queries as identities
from apps.domain.identity.models import User
from apps.domain.identity.reauthentication import recently_reauthenticated
from apps.interfaces.console.page_context import Undo, zone_of

LONGEST_REASON = 300


def method_of(request: HttpRequest) -> str:
    """The method whose permission counts: HEAD asks for what GET shows (RFC 9110 section 9.3.2)."""
    return "get" if request.method == "HEAD" else str(request.method).lower()


class Page(View):
    """A page with a permission for each method. People of another role get 404, strangers the sign-in page."""

    role: ClassVar[PersonRole]
    permissions: ClassVar[Mapping[str, Permission]] = {}
    require_reauth: ClassVar[bool] = False  # a POST needs a recent re-authentication
    require_reauth_before_form: ClassVar[bool] = False  # so does its form, before a secret is typed into it
    template: ClassVar[str] = ""
    operation: ClassVar[Operation]  # the name in the record of a denial; by default that of the class

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        methods = {name for name in ("get", "post") if hasattr(cls, name)}
        if methods and methods != set(cls.permissions):
            raise ImproperlyConfigured(f"{cls.__name__} must declare a permission for each of its methods")
        if methods and "operation" not in vars(cls):
            if cls.__name__ not in OPERATIONS:
                raise ImproperlyConfigured(f"{cls.__name__} must declare the operation that its denials record")
            cls.operation = OPERATIONS[cls.__name__]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Who may come in; and what becomes of the domain's refusals."""
        if not isinstance(request.user, User):
            if request.headers.get("HX-Request"):  # a part of a page: the page itself goes to the sign-in
                return HttpResponse(status=401, headers={"HX-Refresh": "true"})
            return redirect_to_login(request.get_full_path())
        if request.user.duty != self.role.value:
            raise Http404
        if request.method == "POST" and self.require_reauth and not recently_reauthenticated(request):
            raise ReauthenticationRequired
        timezone.activate(zone_of(request))
        try:
            self.look_first()
            if self.require_reauth_before_form and not recently_reauthenticated(request):
                return self._ask_first()
            return super().dispatch(request, *args, **kwargs)
        except NotFound as error:
            if request.method == "POST":
                return self.back(error)
            raise Http404(error.message) from None
        except VaultError as error:
            if request.method != "POST":
                raise
            return self.back(error)
        finally:
            timezone.deactivate()

    def _ask_first(self) -> HttpResponseBase:
        """Who one is, before the form: a suspended POST rests in the session, in the database, with the secret typed.

        With htmx what was typed stays in the browser meanwhile.
        """
        if self.request.method == "POST":
            if self.request.headers.get("HX-Request"):
                return self.show(template="portal/prove_first.html")
            text = "Please sign in again. The form was not saved."
            messages.warning(self.request, text)
            return redirect(self.request.get_full_path())
        raise ReauthenticationRequired

    def look_first(self) -> None:
        """What a duty wants to know before any page of its is served. Raises `Http404`."""

    @property
    def principal(self) -> Principal:
        """Who has signed in."""
        assert isinstance(self.request.user, User)  # noqa: S101  dispatch has seen to it
        return identities.principal_of_person(self.request.user)

    def grant(self, scope: Scope | None = None, permission: Permission | None = None) -> Grant:
        """The grant for this method, or for another permission of an act on the same page. Raises `NotAuthorised`."""
        wanted = permission or self.permissions[method_of(self.request)]
        context = request_context(self.request.META)
        context = replace(context, reason=self.request.POST.get("reason", "").strip()[:LONGEST_REASON])
        return authorize_person(self.principal, wanted, scope or Scope(), context, operation=self.operation)

    def show(self, status: int = 200, *, template: str = "", **context: Any) -> HttpResponse:
        """The page; another template where an act's answer is a page of its own."""
        return render(self.request, template or self.template, context, status=status)

    def done(self, message: str, to: str, *args: Any, undo: Undo | None = None) -> HttpResponse:
        """After an act: say what happened, on the page where its effect is seen (Post/Redirect/Get).

        `undo` offers the opposite act beside it, once.
        """
        messages.success(self.request, message)
        if undo is not None:
            undo.remember(self.request)
        return redirect(to, *args)

    def back(self, error: VaultError) -> HttpResponse:
        """After a refused act: say why, on the page that it came from."""
        if isinstance(error, ApprovalRequired):
            messages.warning(self.request, error.message)
        else:
            messages.error(self.request, error.message)
        return redirect(self.came_from())

    def came_from(self) -> str:
        """Where refusals are told: the page of the act itself, unless a subclass knows better."""
        return self.request.path
