"""The pages of `portal.<suffix>`."""

from allauth.account import views as account
from django.urls import include, path

from apps.interfaces.console import device_sign_in, invitation, landing
from apps.interfaces.console.as_command import AsCommand
from apps.interfaces.console.own_account import each_in_one_transaction, in_one_transaction

urlpatterns = [
    path("", landing.front, name="front"),
    path("ca.pem", landing.own_authority, name="own_authority"),
    path("csp-report", landing.csp_report),
    path("as-command/<str:form>", AsCommand.as_view(), name="as_command"),
    path("preferences", landing.preferences, name="preferences"),
    path("invitation/<str:token>", invitation.Invitation.as_view(), name="invitation"),
    path("device", device_sign_in.Device.as_view(), name="device"),
    path("device/<uuid:token_id>/end", device_sign_in.EndToken.as_view(), name="token_end"),
    path("account/login/", account.login, name="account_login"),
    path("account/logout/", account.logout, name="account_logout"),
    path("account/reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
    path("account/password/change/", in_one_transaction(account.password_change), name="account_change_password"),
    path("account/inactive/", account.account_inactive, name="account_inactive"),
    path("account/2fa/", include(each_in_one_transaction("allauth.mfa.urls"))),
    path("account/sessions/", device_sign_in.Sessions.as_view(), name="usersessions_list"),
    path("account/company/", include(each_in_one_transaction("allauth.socialaccount.urls"))),
    path("account/", include(each_in_one_transaction("allauth.socialaccount.providers.openid_connect.urls"))),
    # There is no sign-up and no reset by mail: django-allauth needs these names, which lead to the front page.
    path("account/signup/", landing.front, name="account_signup"),
    path("account/password/reset/", landing.no_reset, name="account_reset_password"),
    path("account/password/set/", in_one_transaction(account.password_set), name="account_set_password"),
    path("dev/", include("apps.interfaces.console.developers.urls")),
    path("secops/", include("apps.interfaces.console.security_operations.urls")),
]
