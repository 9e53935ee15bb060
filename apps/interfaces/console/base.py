"""Base of the pages: each declares a role and permissions, requires a grant, makes one domain call, renders values."""

from abc import ABC, abstractmethod
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
from django.urls import reverse
from django.utils import timezone
from django.views import View

from apps.audit_log.operation_names import OPERATIONS, Operation
from apps.core.errors import NotFound, VaultError
from apps.core.principals import PersonRole, Principal, Scheme
from apps.core.request_facts import request_context
from apps.domain.access.grants import Grant, Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import grant_for_own_account
from apps.domain.approvals.errors import ApprovalRequired
from apps.domain.catalog.visibility import authorize_person
from apps.domain.identity import queries as identities
from apps.domain.identity.models import User
from apps.domain.identity.portal_sessions import cookie_of
from apps.domain.identity.reauthentication import recently_reauthenticated
from apps.interfaces.console.form_commands import CommandForm
from apps.interfaces.console.page_context import Undo, zone_of

LONGEST_REASON = 300


def method_of(request: HttpRequest) -> str:
    """The method whose permission counts: HEAD asks for what GET shows (RFC 9110 section 9.3.2)."""
    return "get" if request.method == "HEAD" else str(request.method).lower()


def _sign_in_first(request: HttpRequest) -> HttpResponse:
    if request.headers.get("HX-Request"):  # a part of a page: the page itself goes to the sign-in
        return HttpResponse(status=401, headers={"HX-Refresh": "true"})
    return redirect_to_login(request.get_full_path())


class OwnPage(View):
    """A page about one's own account, for every role. Anyone who has not signed in gets the sign-in page."""

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
        return grant_for_own_account(identities.principal_of_person(self.user), permission, context)


class Page(View):
    """A method without a permission is an error at import. People of another role get 404, others the sign-in page."""

    role: ClassVar[PersonRole]
    portal: ClassVar[str]  # the namespace of the addresses of that role
    section: ClassVar[str] = ""  # the entry of the navigation that is marked
    permissions: ClassVar[Mapping[str, Permission]] = {}
    require_reauth: ClassVar[bool] = False  # before a POST, unless it was recent
    require_reauth_before_form: ClassVar[bool] = False  # also before the form, into which something secret is typed
    uses_objects: ClassVar[bool] = (
        False  # it uses or binds a key, opens or seals a value: the HSM worker sees the session
    )
    error_page: ClassVar[tuple[str, ...]] = ()  # the name of an address and of its arguments
    template: ClassVar[str] = ""
    operation: ClassVar[Operation]  # the name in the record of a denial; by default that of the class

    def __init_subclass__(cls, *, abstract: bool = False, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if abstract:
            return
        methods = {name for name in ("get", "post") if hasattr(cls, name)}
        if methods and methods != set(cls.permissions):
            raise ImproperlyConfigured(f"{cls.__name__} must declare a permission for each of its methods")
        if methods and "operation" not in vars(cls):
            if cls.__name__ not in OPERATIONS:
                raise ImproperlyConfigured(f"{cls.__name__} must declare the operation that its denials record")
            cls.operation = OPERATIONS[cls.__name__]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Check the person, then answer; domain errors become messages or 404."""
        if not isinstance(request.user, User):
            return _sign_in_first(request)
        if request.user.duty != self.role.value:
            raise Http404
        if request.method == "POST" and self.require_reauth and not recently_reauthenticated(request):
            raise ReauthenticationRequired
        timezone.activate(zone_of(request))
        try:
            self.check_visibility()
            if self.require_reauth_before_form and not recently_reauthenticated(request):
                return self._require_reauth_first()
            return super().dispatch(request, *args, **kwargs)
        except NotFound as error:
            if request.method == "POST":
                return self.redirect_with_error(error)
            raise Http404(error.message) from None
        except VaultError as error:
            if request.method != "POST":
                raise
            return self.redirect_with_error(error)
        finally:
            timezone.deactivate()

    def _require_reauth_first(self) -> HttpResponseBase:
        """Re-authenticate before the form: a suspended POST would be stored with its secret, in the session.

        With htmx what was typed stays in the browser.
        """
        if self.request.method == "POST":
            if self.request.headers.get("HX-Request"):
                return self.show(template="portal/prove_first.html")
            text = "Please sign in again. The form was not saved."
            messages.warning(self.request, text)
            return redirect(self.request.get_full_path())
        raise ReauthenticationRequired

    def check_visibility(self) -> None:
        """Checks of a role before any of its pages is served. Raises `Http404`."""

    @property
    def principal(self) -> Principal:
        """The person who has signed in."""
        assert isinstance(self.request.user, User)  # noqa: S101  checked by dispatch
        return identities.principal_of_person(self.request.user)

    def grant(self, scope: Scope | None = None, permission: Permission | None = None) -> Grant:
        """The grant for this method, or for another permission that the page needs. Raises `NotAuthorised`."""
        wanted = permission or self.permissions[method_of(self.request)]
        context = request_context(self.request.META)
        context = replace(context, reason=self.request.POST.get("reason", "").strip()[:LONGEST_REASON])
        if self.uses_objects:
            context = replace(context, scheme=Scheme.SESSION, credential=cookie_of(self.request.session))
        return authorize_person(self.principal, wanted, scope or Scope(), context, operation=self.operation)

    def show(self, status: int = 200, *, template: str = "", **context: Any) -> HttpResponse:
        """Render the page, or another template."""
        page = {"portal": self.portal, "section": self.section}
        return render(self.request, template or self.template, {**page, **context}, status=status)

    def redirect_with_success(self, message: str, to: str, *args: Any, undo: Undo | None = None) -> HttpResponse:
        """Redirect to the page where the effect is seen, a name or an address, with a message (Post/Redirect/Get).

        `undo` offers the opposite operation with the message, once.
        """
        messages.success(self.request, message)
        if undo is not None:
            undo.remember(self.request)
        return redirect(to, *args)

    def redirect_with_error(self, error: VaultError) -> HttpResponse:
        """Redirect to the page of the form, with the reason."""
        if isinstance(error, ApprovalRequired):
            messages.warning(self.request, error.message)
        else:
            messages.error(self.request, error.message)
        return redirect(self.error_url())

    def error_url(self) -> str:
        """The page that shows errors: `error_page`, by default the page of the request."""
        if not self.error_page:
            return self.request.path
        name, *arguments = self.error_page
        return reverse(name, args=[self.kwargs[argument] for argument in arguments])


class FormPage(Page, ABC, abstract=True):
    """A page of one form. The texts are those of `parts/form_page.html`."""

    template = "portal/parts/form_page.html"
    form_class: ClassVar[type[CommandForm]]
    error_field: ClassVar[str | None] = "name"  # the field beside which the domain's errors are shown
    errors_in_form: ClassVar[bool] = True  # or as a message on `error_page`, as always if an approval is needed
    title: ClassVar[str] = ""
    lead: ClassVar[str] = ""
    verb: ClassVar[str] = ""
    parent: ClassVar[tuple[str, str]]  # the page above this one: its name and its address
    problem: VaultError | None = None  # the domain's error that the form is shown with

    def scope(self) -> Scope | None:
        """The scope of the grant that the form needs; None is the organisation."""
        return None

    def form(self, data: Any = None) -> Any:
        """The form, empty or with what was sent."""
        return self.form_class(data)

    def texts(self, form: Any) -> dict[str, Any]:
        """The rest of the page."""
        crumb, url = self.parent
        texts = {"title": self.title, "lead": self.lead, "verb": self.verb, "crumb": crumb, "crumb_url": reverse(url)}
        return {**texts, "command": form.cli}

    @abstractmethod
    def submit(self, form: Any) -> HttpResponse:
        """Carry out what a valid form asks for. Raises `VaultError`."""

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
                if not self.errors_in_form or isinstance(error, ApprovalRequired):
                    raise
                form.add_error(self.error_field, error.message)
                self.problem = error
        return self.show_form(form)

    def show_form(self, form: Any) -> HttpResponse:
        """The page, with the form's errors if it has any."""
        return self.show(400 if form.errors else 200, form=form, **self.texts(form))
