"""Where a sign-in may lead, and methods that no host offers."""

import pytest
from allauth.core import context
from django.test import Client, RequestFactory

from apps.interfaces.console.sign_in_adapters import AccountAdapter

PORTAL = "portal.vault.localhost:8443"


@pytest.mark.parametrize(
    ("url", "safe"),
    [("/secops/", True), (f"https://{PORTAL}/dev/", True), ("https://.vault.localhost/", False), ("https://payroll.vault.localhost:8443/", False),
     ("https://portal.vault.localhost:8444/", False), (f"http://{PORTAL}/", False), ("//evil.example/", False), ("https:///evil.example", False),
     ("javascript:alert(1)", False), ("/\\evil.example", False), ("", False)],
)  # fmt: skip
def test_a_sign_in_leads_to_a_page_of_its_own_host_or_nowhere(settings, url, safe):
    settings.VAULT_SUFFIX, settings.ALLOWED_HOSTS = "vault.localhost", [".vault.localhost"]
    request = RequestFactory().get("/account/login/", {"next": url}, secure=True, HTTP_HOST=PORTAL)
    with context.request_context(request):
        assert AccountAdapter().is_safe_url(url) is safe


@pytest.mark.parametrize("label", ["portal", "login", "auth", "payroll", "audit"])
@pytest.mark.parametrize("method", ["TRACE", "CONNECT", "PROPFIND", "GET\t"])
def test_a_method_of_no_use_is_refused_on_every_host(settings, label, method):
    host = f"{label}.{settings.VAULT_SUFFIX}:{settings.OWN_PORT}"
    answer = Client().generic(method, "/", HTTP_HOST=host, secure=True)
    assert answer.status_code == 405
    assert answer.json()["error"]["code"] == "MethodNotAllowed"
    assert "TRACE" not in answer["Allow"]
