"""The token service for clients that believe in an AD FS, in a region, or in version 1 of the endpoints."""

import time

import pytest

pytestmark = pytest.mark.stack

REL = "http://schemas.microsoft.com/rel/trusted-realm"


@pytest.fixture(scope="module")
def resource(stack):
    return "https://" + stack.vault_url.split(".", 1)[1]


@pytest.fixture(scope="module")
def region(stack):
    return stack.authority.replace("://login.", "://auth.")


@pytest.fixture
def post(stack):
    def ask(path, *, host="", **fields):
        form = {"grant_type": "client_credentials", "client_id": stack.client_id, "client_secret": stack.client_secret}
        url = f"{host or stack.authority}/{path}"
        return stack.http().request("POST", url, fields={**form, **fields}, encode_multipart=False)

    return ask


@pytest.fixture
def get(stack):
    def ask(path, *, host="", **query):
        return stack.http().request("GET", f"{host or stack.authority}/{path}", fields=query)

    return ask


def works(stack, token):
    headers = {"Authorization": f"Bearer {token}"}
    return stack.http().request("GET", f"{stack.vault_url}/keys?api-version=7.4", headers=headers).status == 200


@pytest.mark.parametrize("path", ["adfs", "adfs/v2.0", "ADFS"])
def test_adfs_has_the_tenants_document(stack, get, path):
    document = get(f"{path}/.well-known/openid-configuration").json()
    assert document == get(f"{stack.tenant}/v2.0/.well-known/openid-configuration").json()
    assert document["token_endpoint"] == f"{stack.authority}/{stack.tenant}/oauth2/v2.0/token"
    assert get("adfs/discovery/keys").json() == get(document["jwks_uri"].removeprefix(f"{stack.authority}/")).json()


def test_adfs_gives_tokens_for_a_scope(stack, post, resource):
    answer = post("adfs/oauth2/token", scope=f"{resource}/.default openid offline_access profile")
    assert answer.json()["expires_in"] == 3599
    assert works(stack, answer.json()["access_token"])


@pytest.mark.parametrize("ending", ["", "/"])
@pytest.mark.parametrize("with_port", [True, False])
def test_version_1_gives_tokens_for_a_resource(stack, post, resource, ending, with_port):
    asked = (resource if with_port else resource.rpartition(":")[0]) + ending
    answer = post(f"{stack.tenant}/oauth2/token?api-version=1.0", resource=asked, scope="openid")
    body = answer.json()
    assert (answer.status, body["resource"], body["expires_in"], body["token_type"]) == (200, asked, "3599", "Bearer")
    assert 3500 < int(body["expires_on"]) - time.time() <= 3600
    assert works(stack, body["access_token"])


@pytest.mark.parametrize("scope", ["{}//.default", "{}/.default"])
def test_scope_of_a_resource_that_ends_in_a_slash(stack, post, resource, scope):
    answer = post(f"{stack.tenant}/oauth2/v2.0/token", scope=scope.format(resource))
    assert works(stack, answer.json()["access_token"])


@pytest.mark.parametrize(
    ("path", "fields", "error"),
    [
        ("{}/oauth2/token", {"resource": "https://management.azure.com/"}, "invalid_resource"),
        ("{}/oauth2/token", {"resource": ""}, "invalid_scope"),
        ("{}/oauth2/token", {}, "invalid_scope"),
        ("adfs/oauth2/token", {"resource": "https://vault.azure.net"}, "invalid_resource"),
        ("common/oauth2/token", {"resource": "{resource}"}, "invalid_request"),
        ("{}/oauth2/v2.0/token", {"resource": "{resource}"}, "invalid_scope"),  # as Entra: version 2 has scopes only
    ],
)
def test_other_resources_are_refused(stack, post, resource, path, fields, error):
    answer = post(path.format(stack.tenant), **{name: text.format(resource=resource) for name, text in fields.items()})
    assert (answer.status, answer.json()["error"]) == (400, error)


def test_a_wrong_secret_is_refused_everywhere(stack, post, region, resource):
    for path in ("adfs/oauth2/token", f"{stack.tenant}/oauth2/token"):
        for host in (stack.authority, region):
            assert post(path, host=host, resource=resource, client_secret="wrong").status in (401, 429)


def test_the_region_has_an_issuer_at_the_suffix_and_the_same_endpoints(stack, get, post, region, resource):
    document = get(f"{stack.tenant}/v2.0/.well-known/openid-configuration", host=region).json()
    assert document["issuer"] == f"{resource}/{stack.tenant}/v2.0"
    assert document["token_endpoint"] == f"{stack.authority}/{stack.tenant}/oauth2/v2.0/token"
    answer = post(f"{stack.tenant}/oauth2/v2.0/token", host=region, scope=f"{resource}/.default")
    assert works(stack, answer.json()["access_token"])
    assert get("other/v2.0/.well-known/openid-configuration", host=region).status == 400


def test_webfinger_answers_for_this_host_only(stack, get):
    mine = get("adfs/.well-known/webfinger", rel=REL, resource=stack.authority)
    assert mine.json() == {"subject": stack.authority, "links": [{"rel": REL, "href": stack.authority}]}
    assert get("adfs/.well-known/webfinger", rel="other", resource=stack.authority).json()["links"] == []
    for other in (
        "https://login.evil.example",
        stack.vault_url,
        stack.authority.replace("https", "http"),
        "https://[",
        "",
    ):
        assert get("adfs/.well-known/webfinger", rel=REL, resource=other).status == 404


def test_instance_discovery_knows_this_authority_only(stack, get):
    known = get("common/discovery/instance", **{"api-version": "1.1", "authorization_endpoint": f"{stack.authority}/x"})
    document = f"{stack.authority}/{stack.tenant}/v2.0/.well-known/openid-configuration"
    assert (known.status, known.json()["tenant_discovery_endpoint"], known.json()["metadata"]) == (200, document, [])
    assert get("common/discovery/instance").status == 200
    other = get(
        "common/discovery/instance", authorization_endpoint="https://login.evil.example/x/oauth2/v2.0/authorize"
    )
    assert (other.status, other.json()["error"]) == (400, "invalid_instance")


@pytest.mark.parametrize(
    "path", ["", "nothing/here", "adfs/ls", "robots.txt", "common/userrealm/a@b", "keys/x", "%00", "x" * 4000]
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_unknown_address_answers_in_json(stack, region, path, method):
    for host in (stack.authority, region):
        answer = stack.http().request(method, f"{host}/{path}")
        assert answer.status == 404, answer.data
        assert answer.headers["Content-Type"] == "application/json"
        assert set(answer.json()) == {"error", "error_description"}


def test_another_method_answers_in_json(stack):
    for method, path in (("GET", "oauth2/token"), ("POST", "discovery/keys"), ("DELETE", "oauth2/v2.0/token")):
        answer = stack.http().request(method, f"{stack.authority}/adfs/{path}")
        assert (answer.status, answer.json()["error"]) == (405, "invalid_request")
        assert answer.headers["Allow"] in ("GET", "POST")
