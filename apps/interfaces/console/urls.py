"""The pages of `portal.<suffix>`."""

from django.urls import include, path

from apps.interfaces.console import device_sign_in, invitation, landing
from apps.interfaces.console.account_urls import account_urls
from apps.interfaces.console.as_command import AsCommand

urlpatterns = [
    path("", landing.front, name="front"),
    path("ca.pem", landing.own_authority, name="own_authority"),
    path("csp-report", landing.csp_report),
    path("as-command/<str:form>", AsCommand.as_view(), name="as_command"),
    path("preferences", landing.preferences, name="preferences"),
    path("invitation/<str:token>", invitation.Invitation.as_view(), name="invitation"),
    path("device", device_sign_in.Device.as_view(), name="device"),
    path("device/<uuid:token_id>/end", device_sign_in.EndToken.as_view(), name="token_end"),
    path("account/sessions/", device_sign_in.Sessions.as_view(), name="usersessions_list"),
    *account_urls(landing.front),
    path("dev/", include("apps.interfaces.console.developers.urls")),
    path("secops/", include("apps.interfaces.console.security_operations.urls")),
]
