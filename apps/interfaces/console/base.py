"""One page of a portal: a duty and a permission declared, a grant demanded, one domain call, plain values rendered."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar

from allauth.core.exceptions import ReauthenticationRequired
from django import forms
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import ImproperlyConfigured
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views import View

from apps.core.errors import NotFound, VaultError
from apps.core.principals import Duty, Principal
from apps.core.request_facts import request_context
from apps.domain.access.denial_records import record_denial
from apps.domain.access.grants import Grant, NotAuthorised, Scope, authorize
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import grant_for_own_account
from apps.domain.approvals.errors import ApprovalRequired
from apps.domain.catalog import visibility
from apps.domain.identity import queries as identities
from apps.domain.identity.models import User
from apps.domain.identity.reauthentication import recently_reauthenticated
from apps.domain.vaults.models import Vault
from apps.interfaces.console.page_context import Undo, zone_of

LONGEST_REASON = 300


def at(vault: Vault) -> Scope:
    """The scope of a vault."""
    return Scope(vault_id=vault.pk, vault_name=vault.name)


def method_of(request: HttpRequest) -> str:
    """The method whose permission counts: HEAD asks for what GET shows (RFC 9110 section 9.3.2)."""
    return "get" if request.method == "HEAD" else str(request.method).lower()


def _sign_in_first(request: HttpRequest) -> HttpResponse:
    if request.headers.get("HX-Request"):  # a part of a page: the page itself goes to the sign-in
        return HttpResponse(status=401, headers={"HX-Refresh": "true"})
    return redirect_to_login(request.get_full_path())


class OwnPage(View):
    """A page about one's own account, for every duty. Anyone who has not signed in gets the sign-in page."""

    permissions: ClassVar = {"get": Permission.SESSIONS_OPEN, "post": Permission.SESSIONS_OPEN}

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not isinstance(request.user, User):
            return _sign_in_first(request)
        return super().dispatch(request, *args, **kwargs)

    @property
    def user(self) -> User:
        """The person who has signed in."""
        assert isinstance(self.request.user, User)  # noqa: S101  checked by dispatch
        return self.request.user

    def grant(self) -> Grant:
        """Raises `NotAuthorised`."""
        context = request_context(self.request.META)
        permission = self.permissions[method_of(self.request)]
        return grant_for_own_account(identities.person(self.user), permission, context)


class Page(View):
    """Refuses, at import, a method without a permission. Another duty gets 404, nobody at all the sign-in page."""

    duty: ClassVar[Duty]
    permissions: ClassVar[Mapping[str, Permission]] = {}
    step_up: ClassVar[bool] = False  # a POST asks for the second factor again when that was long ago
    proof_first: ClassVar[bool] = False  # so does its form, before anything secret is typed into it
    template: ClassVar[str] = ""

    def __init_subclass__(cls, *, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if abstract:
            return
        methods = {name for name in ("get", "post") if hasattr(cls, name)}
        if methods and methods != set(cls.permissions):
            raise ImproperlyConfigured(f"{cls.__name__} must declare a permission for each of its methods")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Who may come in; and what becomes of the domain's refusals."""
        if not isinstance(request.user, User):
            return _sign_in_first(request)
        if request.user.duty != self.duty.value:
            raise Http404
        if request.method == "POST" and self.step_up and not recently_reauthenticated(request):
            raise ReauthenticationRequired
        timezone.activate(zone_of(request))
        try:
            self.look_first()
            if self.proof_first and not recently_reauthenticated(request):
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
            text = _("Prove again who you are, then fill in the form again. Nothing of it was kept.")
            messages.warning(self.request, text)
            return redirect(self.request.get_full_path())
        raise ReauthenticationRequired

    def look_first(self) -> None:
        """What a duty wants to know before any page of its is served. Raises `Http404`."""

    @property
    def principal(self) -> Principal:
        """Who has signed in."""
        assert isinstance(self.request.user, User)  # noqa: S101  dispatch has seen to it
        return identities.person(self.request.user)

    def grant(self, scope: Scope | None = None, permission: Permission | None = None) -> Grant:
        """The grant for this method, or for another permission of an act on the same page. Raises `NotAuthorised`."""
        wanted = permission or self.permissions[method_of(self.request)]
        context, scope, principal = request_context(self.request.META), scope or Scope(), self.principal
        context = replace(context, reason=self.request.POST.get("reason", "").strip()[:LONGEST_REASON])
        try:
            return authorize(principal, wanted, scope, context)
        except NotAuthorised:
            record_denial(principal, scope, context, operation=type(self).__name__, status=403, permission=wanted)
            refusal = NotAuthorised(f"Your duty does not allow this ({wanted}).")
            raise visibility.refused(principal, scope, refusal) from None

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


class FormPage(Page, abstract=True):
    """A page of one form."""

    template = "portal/parts/form_page.html"
    error_field: ClassVar[str | None] = "name"  # the field beside which the domain's errors are shown

    def scope(self) -> Scope | None:
        """The scope of the grant that the form needs; None is the organisation."""
        return None

    def form(self, data: Any = None) -> forms.Form:
        """The form, empty or with what was sent."""
        raise NotImplementedError

    def texts(self, form: Any) -> dict[str, Any]:
        """The rest of the page: `title`, `lead`, `verb`, `command`, `crumb`, `crumb_url`."""
        raise NotImplementedError

    def submit(self, form: Any) -> HttpResponse:
        """Carry out what a valid form asks for. Raises `VaultError`."""
        raise NotImplementedError

    def get(self, request: HttpRequest, **names: str) -> HttpResponse:
        """The form."""
        self.grant(self.scope())
        return self.show_form(self.form())

    def post(self, request: HttpRequest, **names: str) -> HttpResponse:
        """Submit it."""
        form = self.form(request.POST)
        if form.is_valid():
            try:
                return self.submit(form)
            except VaultError as error:
                form.add_error(self.error_field, error.message)
        return self.show_form(form)

    def show_form(self, form: forms.Form) -> HttpResponse:
        """The page, with the form's errors if it has any."""
        return self.show(400 if form.errors else 200, form=form, **self.texts(form))
