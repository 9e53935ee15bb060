"""Taking up an invitation: on the portal's host only, for people of every duty."""

from allauth.account.internal.flows.login import record_authentication
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views import View

from apps.core.clock import now
from apps.core.errors import VaultError
from apps.core.request_facts import request_context
from apps.domain.identity import invitations
from apps.domain.identity.models import Invitation as InvitationRow
from apps.interfaces.console.forms import AcceptForm


class Invitation(View):
    """A person takes up the invitation that a colleague, or the first start, gave out."""

    def get(self, request: HttpRequest, token: str) -> HttpResponse:
        invitation = self._find(token)
        return self._show(request, AcceptForm(initial={"username": invitation.username}), invitation)

    def post(self, request: HttpRequest, token: str) -> HttpResponse:
        invitation = self._find(token)
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
    def _show(request: HttpRequest, form: AcceptForm, invitation: InvitationRow) -> HttpResponse:
        status = 400 if form.errors else 200
        return render(request, "portal/invitation.html", {"form": form, "invitation": invitation}, status=status)
