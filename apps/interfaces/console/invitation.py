"""Taking up an invitation: of an auditor on the auditors' host, of others on the portal's."""

from typing import Any

from allauth.account.internal.flows.login import record_authentication
from django import forms
from django.conf import settings
from django.contrib.auth import login
from django.contrib.auth.password_validation import validate_password
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views import View

from apps.core.clock import now
from apps.core.errors import VaultError
from apps.core.principals import PersonRole
from apps.core.request_facts import request_context
from apps.domain.identity import invitations, queries
from apps.domain.identity.models import Invitation as InvitationRow


class AcceptForm(forms.Form):
    """Name and password of a person who was invited."""

    username = forms.CharField(
        label="Username",
        max_length=128,
        widget=forms.TextInput(attrs={"autocomplete": "username", "autofocus": True}),
    )
    password = forms.CharField(
        label="Password",
        help_text="At least 12 characters. The next page sets up two-factor authentication.",
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label="Confirm password",
        max_length=256,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        validate_password(password)
        return password

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("password") and data.get("password") != data.get("again"):
            self.add_error("again", "The passwords do not match.")
        return data


class Invitation(View):
    """A person takes up the invitation that a colleague, or the first start, gave out."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        invitation = self._find(token)
        if self._is_elsewhere(invitation):
            context = {"address": queries.addresses().auditors, "path": f"invitation/{token}"}
            return render(request, "portal/auditors_address.html", context)
        return self._show(request, AcceptForm(initial={"username": invitation.username}), invitation)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        invitation = self._find(token)
        if self._is_elsewhere(invitation):
            raise Http404
        form = AcceptForm(request.POST)
        if not form.is_valid():
            return self._show(request, form, invitation)
        try:
            user = invitations.accept(
                token=token,
                username=form.cleaned_data["username"],
                password=form.cleaned_data["password"],
                request=request_context(request.META),
                now=now(),
            )
        except VaultError as error:
            form.add_error("username", error.message)
            return self._show(request, form, invitation)
        login(request, user, backend="allauth.account.auth_backends.AuthenticationBackend")
        record_authentication(request, user, method="password")  # the next page need not ask for it again
        return redirect("front")

    @staticmethod
    def _find(token: str) -> InvitationRow:
        try:
            return invitations.get_open(token=token, now=now())
        except invitations.InvitationGone as error:
            raise Http404(error.message) from None

    @staticmethod
    def _is_elsewhere(invitation: InvitationRow) -> bool:
        """On the auditors' host invitations of others do not exist; on the portal's there is a link to that host."""
        is_auditor = invitation.duty == PersonRole.AUDITOR.value
        if settings.SIGN_IN_ROLE and not is_auditor:
            raise Http404
        return is_auditor and not settings.SIGN_IN_ROLE

    @staticmethod
    def _show(request: HttpRequest, form: AcceptForm, invitation: InvitationRow) -> HttpResponse:
        status = 400 if form.errors else 200
        return render(request, "portal/invitation.html", {"form": form, "invitation": invitation}, status=status)
