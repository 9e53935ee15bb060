"""The cookie of a session has the value whose hash the database stores."""

from typing import Any

from django.conf import settings
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest, HttpResponse

from apps.domain.identity.portal_sessions import cookie_of


class SessionCookies(SessionMiddleware):
    """Django's middleware, with the value of the cookie where it takes and sets the stored key."""

    def process_request(self, request: HttpRequest) -> None:
        """Find the session by the hash of what the browser sent."""
        sessions: Any = self.SessionStore  # one of ours, by SESSION_ENGINE
        request.session = sessions.of_cookie(request.COOKIES.get(settings.SESSION_COOKIE_NAME))

    def process_response(self, request: HttpRequest, response: HttpResponse) -> HttpResponse:
        """Exchange the stored key in the cookie that is set, if one is."""
        response = super().process_response(request, response)
        cookie = response.cookies.get(settings.SESSION_COOKIE_NAME)
        if cookie is not None and cookie.value:  # an empty one is deleted
            response.cookies[settings.SESSION_COOKIE_NAME] = cookie_of(request.session)
        return response
