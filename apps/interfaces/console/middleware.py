"""Middleware of the portals. On every other host each stands aside: a vault's data plane has no sessions."""

import logging
from collections.abc import Callable
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.middleware import UserSessionsMiddleware
from axes.middleware import AxesMiddleware
from django.conf import settings
from django.contrib import messages as tell
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBadRequest, JsonResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.middleware.csrf import CsrfViewMiddleware
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django_htmx.middleware import HtmxMiddleware
from whitenoise.middleware import WhiteNoiseMiddleware

Handler = Callable[[HttpRequest], HttpResponseBase]
logger = logging.getLogger(__name__)

PORTALS = frozenset({"vaultportal.urls.portal_host", "vaultportal.urls.audit_host"})
_HOOKS = ("process_view", "process_exception", "process_template_response")
# Where somebody without a second factor may go: to get one, or to leave.
_PUBLIC = ("/static/", "/csp-report", "/ca.pem")
_BEFORE_SECOND_FACTOR = ("/account/2fa/", "/account/logout/", "/account/reauthenticate/", *_PUBLIC)


def only_on_portals(middleware: Callable[[Handler], Any]) -> Callable[[Handler], Handler]:
    """The middleware, for requests to a portal's host; others go on as if it were not there."""

    def factory(get_response: Handler) -> Handler:
        inner = middleware(get_response)

        def call(request: HttpRequest) -> HttpResponseBase:
            answer: HttpResponseBase = inner(request) if _is_portal(request) else get_response(request)
            return answer

        for name in _HOOKS:
            hook = getattr(inner, name, None)
            if hook is not None:
                setattr(call, name, _guarded(hook))
        return call

    return factory


def _guarded(hook: Callable[..., Any]) -> Callable[..., Any]:
    def call(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        return hook(request, *args, **kwargs) if _is_portal(request) else None

    return call


def _is_portal(request: HttpRequest) -> bool:
    return getattr(request, "urlconf", None) in PORTALS


class _ContentSecurityPolicy:
    """Nothing but our own files runs or shows: no inline script, no inline style (security-guarantees.md section 6)."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response
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


class _NoNul:
    """PostgreSQL's texts hold no NUL: an address or a form with one is a mistake of whoever sends it, not of ours."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

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
    except UnreadablePostError:  # whoever sent it has gone; Django's check of the token refuses what is missing
        return False


class _OneRole:
    """On the auditors' host nothing exists for people of another role, whatever session they bring."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        user, wanted = request.user, settings.SIGN_IN_ROLE
        if wanted and user.is_authenticated and getattr(user, "duty", None) != wanted:
            raise Http404
        return self._get_response(request)


class _DatabaseAway:
    """A page that could not read, write or record says so; what it began is undone with its transaction."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self._get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """The page for that, which needs no database; None for what is another's."""
        del request
        if not isinstance(exception, DatabaseError):
            return None
        logger.error("The database is not available", exc_info=exception)
        return HttpResponse(render_to_string("503.html"), status=503, headers={"Retry-After": "2"})


class _SecondFactor:
    """Who has signed in without a second factor sets one up before anything else."""

    def __init__(self, get_response: Handler) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        user = request.user
        if user.is_authenticated and not request.path.startswith(_BEFORE_SECOND_FACTOR) and not _has_factor(request):
            tell.info(request, "Two-factor authentication is required. Set it up to continue.")
            return redirect("mfa_index")
        return self._get_response(request)


def _has_factor(request: HttpRequest) -> bool:
    """Remembered in the session once seen: a factor cannot be removed without setting up another."""
    if not request.session.get("second_factor"):
        kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
        request.session["second_factor"] = Authenticator.objects.filter(user=request.user, type__in=kinds).exists()
    return bool(request.session["second_factor"])


content_security_policy = only_on_portals(_ContentSecurityPolicy)
static_files = only_on_portals(WhiteNoiseMiddleware)
no_nul = only_on_portals(_NoNul)
sessions = only_on_portals(SessionMiddleware)
csrf = only_on_portals(CsrfViewMiddleware)
signed_in = only_on_portals(AuthenticationMiddleware)
one_role = only_on_portals(_OneRole)
messages = only_on_portals(MessageMiddleware)
open_sessions = only_on_portals(UserSessionsMiddleware)
htmx = only_on_portals(HtmxMiddleware)
database_away = only_on_portals(_DatabaseAway)
second_factor = only_on_portals(_SecondFactor)
lockouts = only_on_portals(AxesMiddleware)
