"""Middleware of the portals' hosts."""

import logging
from collections.abc import Callable, Iterable
from typing import Any

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.contrib import messages
from django.core.handlers.exception import convert_exception_to_response
from django.db import Error as DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.utils.module_loading import import_string

from apps.core.principals import PersonRole

Handler = Callable[[HttpRequest], HttpResponseBase]
logger = logging.getLogger(__name__)

PORTALS = frozenset({"vaultportal.urls.portal_host", "vaultportal.urls.audit_host"})
_PUBLIC = ("/static/", "/csp-report", "/ca.pem")
# Where a person without a second factor may go: to get one, or to leave.
_BEFORE_SECOND_FACTOR = ("/account/2fa/", "/account/logout/", "/account/reauthenticate/", *_PUBLIC)


class PortalMiddleware:
    """The middleware of the portals' hosts, `settings.PORTAL_MIDDLEWARE`.

    For other hosts none of it exists: a vault's data plane has no sessions and no cookies.
    """

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response
        self._chain: Any = get_response
        self._view_hooks: list[Callable[..., HttpResponseBase | None]] = []
        self._exception_hooks: list[Callable[..., HttpResponseBase | None]] = []
        for path in reversed(settings.PORTAL_MIDDLEWARE):  # as django.core.handlers.base.BaseHandler does
            middleware = import_string(path)(self._chain)
            if hasattr(middleware, "process_view"):
                self._view_hooks.insert(0, middleware.process_view)
            if hasattr(middleware, "process_exception"):
                self._exception_hooks.append(middleware.process_exception)
            self._chain = convert_exception_to_response(_unless_database_is_away(middleware))

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = (self._chain if _is_portal(request) else self._get_response)(request)
        return response

    def process_view(self, request: HttpRequest, *args: Any) -> HttpResponseBase | None:
        """The first answer of a middleware that looks at the view."""
        return _first_response(self._view_hooks, request, *args)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponseBase | None:
        """The first answer of a middleware that handles the exception."""
        return _first_response(self._exception_hooks, request, exception)


def _unless_database_is_away(middleware: Handler) -> Handler:
    """The middleware, or `DatabaseUnavailable`'s answer when it could not read a session or a person itself."""

    def respond(request: HttpRequest) -> HttpResponseBase:
        try:
            return middleware(request)
        except DatabaseError as error:
            return _database_unavailable(request, error)

    return respond


def _first_response(
    hooks: Iterable[Callable[..., HttpResponseBase | None]], request: HttpRequest, *args: Any
) -> HttpResponseBase | None:
    responses = (hook(request, *args) for hook in hooks) if _is_portal(request) else iter(())
    return next((response for response in responses if response is not None), None)


def _is_portal(request: HttpRequest) -> bool:
    return getattr(request, "urlconf", None) in PORTALS


class Middleware:
    """One of `settings.PORTAL_MIDDLEWARE`."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """The answer of the next one."""
        return self._get_response(request)


class ContentSecurityPolicy(Middleware):
    """Only our own files are run or shown: no inline script, no inline style (security-guarantees.md section 6)."""

    def __init__(self, get_response: Handler) -> None:
        super().__init__(get_response)
        forms = f"'self' {settings.OIDC_ISSUER}".strip()
        self._policy = (
            "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
            f"form-action {forms}; frame-ancestors 'none'; base-uri 'none'; report-uri /csp-report"
        )

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        answer = self._get_response(request)
        answer["Content-Security-Policy"] = self._policy
        answer["Permissions-Policy"] = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"
        answer["Cross-Origin-Resource-Policy"] = "same-origin"
        if not request.path.startswith("/static/"):
            answer.setdefault("Cache-Control", "no-store")
        return answer


class RejectNulBytes(Middleware):
    """Answers 400 to an address or a form with a NUL character, which PostgreSQL's texts cannot hold."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if "\0" in request.path_info or "%00" in request.META.get("QUERY_STRING", "") or _has_nul(request):
            sentence = "The request contains a NUL character. Remove it and try again."
            if request.path_info.startswith("/api/"):
                return JsonResponse({"error": {"code": "BadParameter", "message": sentence}}, status=400)
            return HttpResponseBadRequest(sentence, content_type="text/plain; charset=utf-8")
        return self._get_response(request)


def _has_nul(request: HttpRequest) -> bool:
    """In a form's fields; bodies of the management API are JSON, and its serializers look at them."""
    if request.method != "POST" or request.path_info.startswith("/api/"):
        return False
    try:
        return any("\0" in value for values in request.POST.lists() for value in (values[0], *values[1]))
    except UnreadablePostError:  # the sender has gone; Django's check of the CSRF token refuses what is missing
        return False


class RequireRole(Middleware):
    """Nothing exists for an auditor at the portal, nor for others on the auditors' host, whatever session they have."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.user.is_authenticated and is_elsewhere(request.user):
            raise Http404
        return self._get_response(request)


def is_elsewhere(user: Any) -> bool:
    """The person signs in on the other host: the auditors' for auditors, the portal's for others."""
    is_auditor = getattr(user, "duty", None) == PersonRole.AUDITOR.value
    return is_auditor is not bool(settings.SIGN_IN_ROLE)


class DatabaseUnavailable(Middleware):
    """Answers 503 when a page could not read, write or record; its transaction is rolled back."""

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The page for a database error; None for other exceptions."""
        return _database_unavailable(request, exception) if isinstance(exception, DatabaseError) else None


def _database_unavailable(request: HttpRequest, error: Exception) -> HttpResponse:
    """The answer to a database error, which needs no database."""
    logger.error("The database is not available", exc_info=error)
    if request.path_info.startswith("/api/"):
        problem = {"code": "Unavailable", "message": "The database is not available. Try again shortly."}
        return JsonResponse({"error": problem}, status=503, headers={"Retry-After": "2"})
    return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": "2"})


class RequireSecondFactor(Middleware):
    """A person who has signed in without a second factor sets one up before anything else."""

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        user = request.user
        if user.is_authenticated and not request.path.startswith(_BEFORE_SECOND_FACTOR) and not _has_factor(request):
            messages.info(request, "Two-factor authentication is required. Set it up to continue.")
            return redirect("mfa_index")
        return self._get_response(request)


def _has_factor(request: HttpRequest) -> bool:
    """Remembered in the session once seen: a factor cannot be removed without setting up another."""
    if not request.session.get("second_factor"):
        kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
        request.session["second_factor"] = Authenticator.objects.filter(user=request.user, type__in=kinds).exists()
    return bool(request.session["second_factor"])
