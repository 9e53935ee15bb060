"""Adapters of django-allauth: no sign-up, recorded sign-ins, encrypted second factors."""

import base64
import hashlib
import os
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.utils import get_next_redirect_url
from allauth.core.exceptions import ImmediateHttpResponse
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.views.defaults import page_not_found

from apps.audit_log.operation_names import Operation
from apps.core.request_facts import request_context
from apps.domain.access.audit_records import append_change
from apps.domain.access.denial_records import record_anonymous_denial, record_denial
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import grant_for_own_account
from apps.domain.identity import queries
from apps.domain.identity.reauthentication import recently_reauthenticated
from apps.interfaces.console.addresses import is_own_address
from apps.interfaces.console.middleware import is_elsewhere


def address_of(request: HttpRequest) -> str:
    """The address that connected; forwarded headers are not believed."""
    return str(request.META.get("REMOTE_ADDR", ""))


def username_of(request: HttpRequest, credentials: dict[str, Any] | None = None) -> str:
    """The user name of a sign-in attempt: the form's field and the backend's have different names."""
    return str((credentials or {}).get("username") or request.POST.get("login", ""))[:150].lower()


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]  # untyped base
    """Accounts come from invitations alone."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        return address_of(request)

    def is_safe_url(self, url: str) -> bool:
        """The library also redirects to every host below ours, of which most do not exist."""
        return is_own_address(self.request, url)

    def send_mail(self, *_args: Any, **_kwargs: Any) -> None:
        """We send no mail."""

    def pre_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponseBase | None:
        """Before there is a session, or a second factor is asked for: people sign in on the host of their role.

        On the auditors' host the way in does not exist for others. The portal shows an auditor the way to their host.
        """
        if is_elsewhere(user):
            status = 404 if settings.SIGN_IN_ROLE else 403
            why: dict[str, Any] = {"operation": Operation.SIGN_IN, "description": "not the host of this duty"}
            who = queries.principal_of_person(user)
            record_denial(who, Scope(), request_context(request.META), status=status, **why)
            return page_not_found(request, Http404()) if settings.SIGN_IN_ROLE else _auditors_address(request)
        response: HttpResponseBase | None = super().pre_login(request, user, **kwargs)
        return response

    def set_password(self, user: Any, password: str) -> None:
        """The password and nothing else: processes may not write other columns of a person."""
        user.set_password(password)
        user.save(update_fields=["password"])

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> Any:
        grant = grant_for_own_account(
            queries.principal_of_person(user), Permission.SESSIONS_OPEN, request_context(request.META)
        )
        append_change(grant, operation=Operation.SIGN_IN, object_id=f"people/{user.username}")
        return super().post_login(request, user, **kwargs)

    def authentication_failed(self, request: HttpRequest, **credentials: Any) -> None:
        super().authentication_failed(request, **credentials)
        context = request_context(request.META)
        record_anonymous_denial(
            Scope(), context, operation=Operation.SIGN_IN, status=401, reason="wrong user name or password"
        )

    def is_reauthentication_required(self, *, app: str) -> bool:
        return super().is_reauthentication_required(app=app) and not recently_reauthenticated(self.request)

    def get_reauthentication_methods(self, user: Any) -> Any:
        """The second factor where there is one: a stolen session has often seen the password. A passkey comes first,
        because a code can be typed into a phishing page.
        """
        methods = super().get_reauthentication_methods(user)
        strong = [method for method in methods if method["id"].startswith("mfa")]
        return sorted(strong or methods, key=lambda method: not method["id"].endswith("webauthn"))


class SecondFactorAdapter(DefaultMFAAdapter):  # type: ignore[misc]  # untyped base
    """TOTP secrets and recovery seeds are sealed with AES-256-GCM under a key made from the installation's secret."""

    def encrypt(self, text: str) -> str:
        nonce = os.urandom(12)
        return base64.b64encode(nonce + AESGCM(_key()).encrypt(nonce, text.encode(), None)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        sealed = base64.b64decode(encrypted_text)
        return AESGCM(_key()).decrypt(sealed[:12], sealed[12:], None).decode()

    def generate_authenticator_name(self, user: Any, type: Authenticator.Type) -> str:  # noqa: A002  the library's name
        """The first name of a new passkey; "master" and "backup" are terms of HSMs here."""
        return f"Passkey {1 + Authenticator.objects.filter(user=user, type=type).count()}"

    def can_delete_authenticator(self, authenticator: Authenticator) -> bool:
        """The last second factor stays."""
        kinds = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
        others = Authenticator.objects.filter(user=authenticator.user, type__in=kinds).exclude(pk=authenticator.pk)
        return authenticator.type not in kinds or bool(others.exists())


class CompanyAdapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # untyped base
    """Sign-in with the company's account, for people who have connected theirs."""

    def is_open_for_signup(self, request: HttpRequest, sociallogin: Any) -> bool:
        return False

    def pre_social_login(self, request: HttpRequest, sociallogin: Any) -> None:
        if sociallogin.is_existing or request.user.is_authenticated:
            return
        context = request_context(request.META)
        record_anonymous_denial(
            Scope(), context, operation=Operation.SIGN_IN, status=403, reason="unknown company account"
        )
        text = "This company account is not connected to a user. Sign in with your password and connect it."
        messages.error(request, text)
        raise ImmediateHttpResponse(redirect("account_login"))


def _auditors_address(request: HttpRequest) -> HttpResponse:
    """A link to read and click, never a redirect to another host; to confirm a command line there, with its code."""
    wanted = str(get_next_redirect_url(request) or "")
    path = wanted.removeprefix("/") if wanted.startswith("/device") else ""
    context = {"address": queries.addresses().auditors, "path": path}
    return render(request, "portal/auditors_address.html", context, status=403)


def _key() -> bytes:
    return hashlib.sha256(b"vault portal second factors\0" + settings.SECRET_KEY.encode()).digest()
