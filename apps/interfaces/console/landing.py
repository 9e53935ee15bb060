"""Coming in: the front page, what the browser reports, how pages look."""

import logging

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from apps.core.principals import PersonRole
from apps.domain.identity import queries
from apps.domain.identity.models import User
from apps.interfaces.console.addresses import is_own_address
from apps.interfaces.console.csp_reports import summary_of
from apps.interfaces.console.page_context import OWN_CA_NAME, THEMES

logger = logging.getLogger(__name__)

HOMES = {PersonRole.SECURITY_OPERATIONS.value: "secops:overview", PersonRole.DEVELOPER.value: "dev:overview"}


@require_safe
def front(request: HttpRequest) -> HttpResponse:
    """Home for who has signed in; for others, what this is and the way in."""
    if isinstance(request.user, User):
        home = HOMES.get(request.user.duty or "")
        return redirect(home) if home else render(request, "portal/no_portal_yet.html")
    return render(request, "portal/front.html", {"addresses": queries.addresses()})


@require_safe
def audit_front(request: HttpRequest) -> HttpResponse:
    """On the auditors' host: the explorer after sign-in; before it, how to sign in."""
    if isinstance(request.user, User):
        return redirect("auditors:records")
    return render(request, "portal/auditors/front.html", {"portal": queries.addresses().portal})


@require_safe
def own_authority(_request: HttpRequest) -> HttpResponse:
    """The certificate authority of this installation, for browsers and applications to trust: public by nature."""
    if not settings.OWN_CA:
        raise Http404
    answer = HttpResponse(settings.OWN_CA, content_type="application/x-pem-file")
    answer["Content-Disposition"] = f'attachment; filename="{OWN_CA_NAME}"'
    return answer


@require_safe
def no_reset(request: HttpRequest) -> HttpResponse:
    """We send no mail: a colleague invites again."""
    return render(request, "portal/no_reset.html")


@csrf_exempt  # browsers send it without a token; it changes nothing
@require_POST
def csp_report(request: HttpRequest) -> HttpResponse:
    """Log a violation of the content security policy; anybody may send one (apps/core/log_limits.py)."""
    logger.warning("CSP report: %s", summary_of(request.body))
    return HttpResponse(status=204)


@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """Store the theme in a cookie, which identifies nobody."""
    theme, back = request.POST.get("theme", ""), request.POST.get("next", "/")
    answer = redirect(back if is_own_address(request, back) else "/")
    if theme in dict(THEMES):
        answer.set_cookie("theme", theme, max_age=365 * 86400, secure=True, samesite="Lax")
    return answer
