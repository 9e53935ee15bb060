"""The token endpoint, as MSAL and others call it."""

import os
import uuid

import pytest

pytestmark = pytest.mark.stack


@pytest.fixture
def post(stack):
    def ask(fields, *, tenant=None, headers=None):
        url = f"{stack.authority}/{tenant or stack.tenant}/oauth2/v2.0/token"
        return stack.http().request("POST", url, fields=fields, encode_multipart=False, headers=headers or {})

    return ask


@pytest.fixture
def good(stack):
    return {
        "grant_type": "client_credentials",
        "client_id": stack.client_id,
        "client_secret": stack.client_secret,
        "scope": "https://" + stack.vault_url.split(".", 1)[1] + "/.default",
    }


def test_discovery_has_what_the_libraries_need(stack):
    url = f"{stack.authority}/{stack.tenant}/v2.0/.well-known/openid-configuration"
    document = stack.http().request("GET", url).json()
    for name in ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"):
        assert document[name].startswith(f"{stack.authority}/{stack.tenant}/")
    keys = stack.http().request("GET", document["jwks_uri"]).json()["keys"]
    assert {(key["kty"], key["crv"], key["alg"]) for key in keys} == {("EC", "P-256", "ES256")}


def test_a_token_verifies_with_the_published_key_and_says_who(stack, post, good):
    import jwt

    answer = post(good)
    assert answer.headers["Cache-Control"] == "no-store"
    body = answer.json()
    assert (body["token_type"], body["expires_in"]) == ("Bearer", 3599)
    keys = stack.http().request("GET", f"{stack.authority}/{stack.tenant}/discovery/v2.0/keys").json()["keys"]
    key = next(key for key in keys if key["kid"] == jwt.get_unverified_header(body["access_token"])["kid"])
    resource = good["scope"].removesuffix("/.default")
    claims = jwt.decode(body["access_token"], jwt.PyJWK(key), algorithms=["ES256"], audience=resource)
    assert claims["appid"] == stack.client_id
    assert claims["tid"] == stack.tenant
    assert claims["exp"] - claims["iat"] == 3599
    assert {"iss", "nbf", "oid", "sub", "ver"} <= set(claims)


def test_unknown_fields_and_further_scopes_are_ignored(post, good):
    extra = {"client_info": "1", "claims": '{"access_token":{}}', "x-client-SKU": "MSAL.Python"}
    assert post({**good, **extra, "scope": good["scope"] + " openid profile offline_access"}).status == 200


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "unsupported_grant_type"),
        ({"scope": "https://management.azure.com/.default"}, 400, "invalid_scope"),
        ({"scope": ""}, 400, "invalid_scope"),
        ({"client_secret": "wrong"}, 401, "invalid_client"),
        ({"client_secret": ""}, 401, "invalid_client"),
        ({"client_id": "nobody"}, 401, "invalid_client"),
        ({"client_id": "\x00"}, 401, "invalid_client"),
        ({"client_id": "00000000-0000-0000-0000-000000000001"}, 401, "invalid_client"),
    ],
)
def test_a_bad_request_is_refused_in_oauths_words(post, good, changes, status, error):
    answer = post({**good, **changes})
    assert (answer.status, answer.json()["error"]) == (status, error)


def test_failures_are_slowed_down_but_lock_nobody_out(post, good, management):
    """With an application of its own: an SDK that failed once more for the demo's would wait a minute and try again."""
    made = management.ask("POST", "applications", {"name": f"app-{uuid.uuid4()}"}).json()
    good |= {"client_id": made["client_id"], "client_secret": made["client_secret"]}
    wrong = [post({**good, "client_secret": "wrong"}) for _ in range(60)]
    assert {answer.status for answer in wrong} == {401, 429}
    assert all(int(answer.headers["Retry-After"]) > 0 for answer in wrong if answer.status == 429)
    assert post(good).status == 200


def test_another_tenant_is_not_ours(stack, post, good):
    assert post(good, tenant="common").status == 400
    assert post(good, tenant="../x").status in (400, 404)
    assert stack.http().request("GET", f"{stack.authority}/x/v2.0/.well-known/openid-configuration").status == 400


def test_basic_authentication_works_too(stack, post, good):
    import urllib3

    headers = urllib3.make_headers(basic_auth=f"{stack.client_id}:{stack.client_secret}")
    fields = {name: value for name, value in good.items() if not name.startswith("client_")}
    assert post(fields, headers=headers).status == 200


@pytest.mark.parametrize(
    "body", [b"\xff" * 1000, b"a" * 70_000, b"client_id=%", b"&" * 5000], ids=lambda b: repr(b[:8])
)
def test_a_broken_form_is_a_4xx(stack, body):
    url = f"{stack.authority}/{stack.tenant}/oauth2/v2.0/token"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    assert 400 <= stack.http().request("POST", url, body=body, headers=headers).status < 500


def test_the_authority_has_no_vault_and_the_vault_no_authority(stack):
    http = stack.http()
    assert http.request("GET", f"{stack.authority}/keys/x?api-version=7.4").status == 404
    url = f"{stack.vault_url}/{stack.tenant}/oauth2/v2.0/token"
    assert http.request("POST", url, fields={"grant_type": "client_credentials"}, encode_multipart=False).status == 404
    assert http.request("GET", f"{stack.portal_url}/keys/x?api-version=7.4").status == 404
    assert os.environ["PORTAL_URL"] == stack.portal_url
