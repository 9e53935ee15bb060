"""A person confirms that a command line is theirs (RFC 8628 section 3.3), and ends those that are signed in."""

from typing import Any, ClassVar
from uuid import UUID

from allauth.core.exceptions import ReauthenticationRequired
from allauth.usersessions.views import ListUserSessionsView
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views import View

from apps.core import throttle
from apps.core.clock import now
from apps.core.request_facts import request_context
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import grant_for_own_account
from apps.domain.identity import device_sign_in, queries
from apps.domain.identity.models import User
from apps.domain.identity.reauthentication import recently_reauthenticated
from apps.interfaces.console.base import method_of


class OwnPage(View):
    """A page about one's own account, for every duty. Nobody at all gets the sign-in page."""

    permissions: ClassVar = {"get": Permission.SESSIONS_OPEN, "post": Permission.SESSIONS_OPEN}

    def dispatch(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponseBase:
        if not isinstance(request.user, User):
            return redirect_to_login(request.get_full_path())
        return super().dispatch(request, *args, **kwargs)

    @property
    def user(self) -> User:
        """Who has signed in."""
        assert isinstance(self.request.user, User)  # noqa: S101  dispatch has seen to it
        return self.request.user

    def grant(self) -> Grant:
        """Raises `NotAuthorised`."""
        context = request_context(self.request.META)
        permission = self.permissions[method_of(self.request)]
        return grant_for_own_account(queries.principal_of_person(self.user), permission, context)


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
        """Sign out a command line of one's own."""
        try:
            device_sign_in.end_token(grant=self.grant(), token_id=token_id, now=now())
        except device_sign_in.TokenNotFound as error:
            messages.warning(request, error.message)
        else:
            messages.success(request, "CLI session signed out.")
        return redirect("usersessions_list")
