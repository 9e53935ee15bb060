"""The pages of one's own account, the same on the hosts of the portals: those of django-allauth."""

from collections.abc import Callable

from allauth.account import views as account
from django.http import HttpResponse
from django.urls import URLPattern, URLResolver, include, path

from apps.interfaces.console import landing
from apps.interfaces.console.own_account import each_in_one_transaction, in_one_transaction


def account_urls(front: Callable[..., HttpResponse]) -> list[URLPattern | URLResolver]:
    """`front`: the front page of the host."""
    return [
        path("account/login/", account.login, name="account_login"),
        path("account/logout/", account.logout, name="account_logout"),
        path("account/reauthenticate/", account.reauthenticate, name="account_reauthenticate"),
        path("account/password/change/", in_one_transaction(account.password_change), name="account_change_password"),
        path("account/inactive/", account.account_inactive, name="account_inactive"),
        path("account/2fa/", include(each_in_one_transaction("allauth.mfa.urls"))),
        path("account/company/", include(each_in_one_transaction("allauth.socialaccount.urls"))),
        path("account/", include(each_in_one_transaction("allauth.socialaccount.providers.openid_connect.urls"))),
        # There is no sign-up and no reset by mail: django-allauth needs these names, which lead to the front page.
        path("account/signup/", front, name="account_signup"),
        path("account/password/reset/", landing.no_reset, name="account_reset_password"),
        path("account/password/set/", in_one_transaction(account.password_set), name="account_set_password"),
    ]
