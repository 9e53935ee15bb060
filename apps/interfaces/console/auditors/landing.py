"""The start page of the auditors' host."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from apps.domain.identity import queries
from apps.domain.identity.models import User


def front(request: HttpRequest) -> HttpResponse:
    """Redirect to the explorer after sign-in; before it, show how to sign in."""
    if isinstance(request.user, User):
        return redirect("auditors:records")
    return render(request, "portal/auditors/front.html", {"portal": queries.addresses().portal})
