"""An auditor has no session at the portal and others have none on the auditors' host, whatever row there is."""

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import Http404, HttpResponse

from apps.domain.identity.models import User
from apps.interfaces.console.middleware import RequireRole


@pytest.mark.parametrize(("host", "served"), [("", {"security-operations", "developer", ""}), ("auditor", {"auditor"})])
def test_a_host_serves_its_own_people_only(rf, settings, host, served):
    settings.SIGN_IN_ROLE = host
    for duty in ("security-operations", "developer", "auditor", ""):
        request = rf.get("/")
        request.user = User(username="somebody", kind="person", duty=duty)
        if duty in served:
            assert RequireRole(lambda _request: HttpResponse("served"))(request).content == b"served"
        else:
            with pytest.raises(Http404):
                RequireRole(lambda _request: HttpResponse("served"))(request)
    request.user = AnonymousUser()
    assert RequireRole(lambda _request: HttpResponse("sign in"))(request).content == b"sign in"
