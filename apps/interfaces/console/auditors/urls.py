"""What people see on `audit.<suffix>`: the way in, and one line for each page."""

from allauth.account import views as account
from django.urls import include, path

from apps.interfaces.console import landing
from apps.interfaces.console.as_command import AsCommand
from apps.interfaces.console.auditors.landing import front
from apps.interfaces.console.own_account import each_in_one_transaction, in_one_transaction

urlpatterns = [
    path("", front, name="front"),
    path("csp-report", landing.csp_report),
    path("as-command/<str:form>", AsCommand.as_view(), name="as_command"),
    path("preferences", landing.preferences, name="preferences"),
    path("account/login/", account.login, name="account_login"),
    path("account/logout/", account.logout, name="account_logout"),
    path("account/reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("account/password/change/", in_one_transaction(account.password_change), name="account_change_password"),
    path("account/inactive/", account.account_inactive, name="account_inactive"),
    path("account/2fa/", include(each_in_one_transaction("allauth.mfa.urls"))),
    path("account/sessions/", include("allauth.usersessions.urls")),
    path("account/company/", include(each_in_one_transaction("allauth.socialaccount.urls"))),
    path("account/", include(each_in_one_transaction("allauth.socialaccount.providers.openid_connect.urls"))),
    # Nobody signs up and nobody resets by mail: django-allauth asks for these names, and they lead to the front.
    path("account/signup/", front, name="account_signup"),
    path("account/password/reset/", landing.no_reset, name="account_reset_password"),
    path("account/password/set/", in_one_transaction(account.password_set), name="account_set_password"),
    path("", include("apps.interfaces.console.auditors.pages")),
]
