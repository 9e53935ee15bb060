"""What people see on `audit.<suffix>`: the way in, and one line for each page."""

from django.urls import include, path

from apps.interfaces.console import device_sign_in, landing
from apps.interfaces.console.account_urls import account_urls
from apps.interfaces.console.as_command import AsCommand

urlpatterns = [
    path("", landing.audit_front, name="front"),
    path("csp-report", landing.csp_report),
    path("as-command/<str:form>", AsCommand.as_view(), name="as_command"),
    path("preferences", landing.preferences, name="preferences"),
    path("device", device_sign_in.Device.as_view(), name="device"),
    path("device/<uuid:token_id>/end", device_sign_in.EndToken.as_view(), name="token_end"),
    path("account/sessions/", device_sign_in.Sessions.as_view(), name="usersessions_list"),
    *account_urls(landing.audit_front),
    path("", include("apps.interfaces.console.auditors.pages")),
]
