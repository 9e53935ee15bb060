"""What people see on `audit.<suffix>`: the way in, and one line for each page."""

from django.urls import include, path

from apps.interfaces.console import landing
from apps.interfaces.console.account_urls import account_urls
from apps.interfaces.console.as_command import AsCommand

urlpatterns = [
    path("", landing.audit_front, name="front"),
    path("csp-report", landing.csp_report),
    path("as-command/<str:form>", AsCommand.as_view(), name="as_command"),
    path("preferences", landing.preferences, name="preferences"),
    path("account/sessions/", include("allauth.usersessions.urls")),
    *account_urls(landing.audit_front),
    path("", include("apps.interfaces.console.auditors.pages")),
]
