"""A person confirms that a command line is theirs (RFC 8628 section 3.3), and ends those that are signed in."""

from typing import Any, ClassVar
from uuid import UUID

from allauth.core.exceptions import ReauthenticationRequired
from allauth.usersessions.views import ListUserSessionsView
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from apps.core import throttle
from apps.core.clock import now
from apps.domain.access.permissions import Permission
from apps.domain.identity import device_sign_in
from apps.domain.identity.reauthentication import recently_reauthenticated
from apps.interfaces.console.base import OwnPage


class Device(OwnPage):
    def get(self, request: HttpRequest) -> HttpResponse:
        """Ask for the code; then say who asks, before anything is confirmed."""
        self.grant()
        code = request.GET.get("code", "")
        source = ("device code", self.user.pk)
        if not code:
            return self._show()
        if throttle.is_throttled(source):
            return self._show(429, problems=["Too many wrong codes. Wait a minute."])
        try:
            row = device_sign_in.get_waiting(user_code=code, now=now())
        except device_sign_in.DeviceRequestGone as error:
            throttle.count_failure(source)
            return self._show(404, code=code[:16], problems=[error.message])
        return self._show(code=device_sign_in.format_user_code(code), row=row)

    def post(self, request: HttpRequest) -> HttpResponse:
        """Confirm or deny. Confirming opens what the person may do, so it wants a recent proof of who they are."""
        allow = request.POST.get("decision") == "confirm"
        if allow and not recently_reauthenticated(request):
            raise ReauthenticationRequired
        source, code = ("device code", self.user.pk), request.POST.get("code", "")
        if throttle.is_throttled(source):
            return self._show(429, problems=["Too many wrong codes. Wait a minute."])
        try:
            device_sign_in.decide(grant=self.grant(), user=self.user, user_code=code, allow=allow, now=now())
        except device_sign_in.DeviceRequestGone as error:
            throttle.count_failure(source)
            return self._show(404, problems=[error.message])
        if allow:
            messages.success(request, "Confirmed. The CLI session starts within seconds and is then listed here.")
        else:
            messages.warning(request, "Denied. The CLI sign-in was refused.")
        return redirect("usersessions_list")

    def _show(self, status: int = 200, **context: object) -> HttpResponse:
        return render(self.request, "portal/device.html", context, status=status)


class Sessions(ListUserSessionsView):  # type: ignore[misc]  # django-allauth has no types
    """django-allauth's page of a person's browsers, with their CLI sessions: they end where they were confirmed."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        """Both lists."""
        cli_sessions = device_sign_in.list_tokens(person_id=self.request.user.pk, now=now())
        return {**super().get_context_data(**kwargs), "cli_sessions": cli_sessions}


class EndToken(OwnPage):
    permissions: ClassVar = {"post": Permission.SESSIONS_OPEN}

    def post(self, request: HttpRequest, token_id: UUID) -> HttpResponse:
        """Sign out one of the person's command lines."""
        try:
            device_sign_in.end_token(grant=self.grant(), token_id=token_id, now=now())
        except device_sign_in.TokenNotFound as error:
            messages.warning(request, error.message)
        else:
            messages.success(request, "CLI session signed out.")
        return redirect("usersessions_list")
