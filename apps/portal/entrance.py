"""Coming in: the front page, invitations, and what the browser reports."""

import logging

from allauth.account.internal.flows.login import record_authentication
from django.contrib.auth import login
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views import View
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST

from apps.core.clock import now
from apps.core.errors import VaultError
from apps.core.principals import Duty
from apps.core.requests import context_of
from apps.identity import invitations, queries
from apps.identity.models import Invitation as InvitationRow
from apps.identity.models import User
from apps.portal.forms import AcceptForm

logger = logging.getLogger(__name__)

HOMES = {Duty.SECURITY_OPERATIONS.value: "secops:overview", Duty.DEVELOPER.value: "dev:overview"}
THEMES = ("system", "light", "dark", "contrast")


def front(request: HttpRequest) -> HttpResponse:
    """Home for who has signed in; for others, what this is and the way in."""
    if isinstance(request.user, User):
        home = HOMES.get(request.user.duty or "")
        return redirect(home) if home else render(request, "portal/no_portal_yet.html")
    return render(request, "portal/front.html", {"addresses": queries.addresses()})


def no_reset(request: HttpRequest) -> HttpResponse:
    """We send no mail: a colleague invites again."""
    return render(request, "portal/no_reset.html")


@csrf_exempt  # browsers send it without a token; it changes nothing
@require_POST
def csp_report(request: HttpRequest) -> HttpResponse:
    """Something on a page wanted what the policy forbids: one line in the log, for us to mend."""
    logger.warning("CSP report: %r", request.body[:2000])
    return HttpResponse(status=204)


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """How pages look in this browser. A cookie: it says nothing about anybody."""
    theme, back = request.POST.get("theme", ""), request.POST.get("next", "/")
    if not url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()}, require_https=True):
        back = "/"
    answer = redirect(back)
    if theme in THEMES:
        answer.set_cookie("theme", theme, max_age=365 * 86400, secure=True, samesite="Lax")
    return answer


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
                request=context_of(request.META),
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
