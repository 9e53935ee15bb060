"""The requests of .NET's clients, replayed: path, headers and body as their public source writes them.

.NET is not run here. Sources, in Azure/azure-sdk-for-net: `KeyVaultPipeline`, `ChallengeBasedAuthenticationPolicy`,
`KeyRequestParameters`, `KeyClient`, `SecretClient`, `CertificateClient` and its generated `RestClient`, `RequestUriBuilder`
(which keeps two slashes); for sign-in MSAL.NET's `AdfsOpenIdConfigurationEndpoint` and `AdfsWebFingerEndpoint`. What is
asserted of the answers is what those classes read.
"""

import base64
import json
import re
from urllib.parse import urlsplit

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.interop.node import throwaway
from tests.support.self_signed import pem_of, self_signed
from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack

# HttpHeader.Common.JsonContentType and JsonAccept are set on every request, also on those without a body.
HEADERS = {
    "Accept": "application/json",
    "Content-Type": "application/json",
    "User-Agent": "azsdk-net-Security.KeyVault.Keys/4.8.0 (.NET 8.0.11; Debian GNU/Linux 12 (bookworm))",
    "x-ms-client-request-id": "6d3f6c2a-36a3-4b5c-9f60-1a0a5f6f0a11",
    "x-ms-return-client-request-id": "true",
}


class DotNet:
    """Sends as `KeyVaultPipeline` does; the answer's JSON, or None for an answer without a body."""

    def __init__(self, stack):
        self._stack, self._http, self._token = stack, stack.http(), stack.token()

    def send(self, method, *path, body=None, status=200, version="7.6"):
        answer = self.answer(method, f"{self._stack.vault_url}{''.join(path)}?api-version={version}", body)
        assert answer.status == status, (method, path, answer.status, answer.data)
        assert answer.headers["x-ms-client-request-id"] == HEADERS["x-ms-client-request-id"]
        assert answer.headers["x-ms-request-id"]
        return answer.json() if answer.data else None

    def answer(self, method, url, body=None, token=True):
        data = json.dumps(body, separators=(",", ":")).encode() if body is not None else None
        bearer = {"Authorization": f"Bearer {self._token}"} if token else {}
        return self._http.request(method, url, body=data, headers={**HEADERS, **bearer})

    def pages(self, path):
        """All items, by `nextLink` as it is: the client adds nothing to it."""
        url, found = f"{self._stack.vault_url}{path}?api-version=7.6", []
        while url:
            page = self.answer("GET", url).json()
            found += page["value"]
            url = page.get("nextLink")
            assert url is None or urlsplit(url).scheme == "https"  # the client demands a whole address
        return found

    def until_found(self, *path):
        """`DeleteKeyOperation` and its likes ask until the answer is 200; 404 means "not yet"."""
        url = f"{self._stack.vault_url}{''.join(path)}?api-version=7.6"
        wait_until(lambda: self.answer("GET", url).status == 200, url)


@pytest.fixture(scope="module")
def dotnet(stack):
    return DotNet(stack)


def encoded(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def digest(data):
    sha = hashes.Hash(hashes.SHA256())
    sha.update(data)
    return encoded(sha.finalize())


def assert_deleted(deleted, kind, name):
    assert urlsplit(deleted["recoveryId"]).path == f"/deleted{kind}/{name}"
    assert isinstance(deleted["deletedDate"], int) and isinstance(deleted["scheduledPurgeDate"], int)


def test_the_first_request_has_no_body_and_gets_a_challenge(dotnet, stack):
    """The policy takes the body away, keeps Content-Type, and splits the challenge at commas and at `=`."""
    answer = dotnet.answer("POST", f"{stack.vault_url}/keys/any/create?api-version=7.6", token=False)
    assert answer.status == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith("Bearer ")
    pairs = [pair.split("=") for pair in challenge.removeprefix("Bearer ").split(",")]
    named = {pair[0].strip().strip('"'): pair[1].strip().strip('"') for pair in pairs if len(pair) == 2}
    authority, resource = urlsplit(named["authorization"]), urlsplit(named["resource"])
    assert authority.path.strip("/") == stack.tenant
    assert urlsplit(stack.vault_url).hostname.endswith(f".{resource.hostname}")  # VerifyChallengeResource


def test_keys(dotnet, name):
    attributes = {"enabled": True, "nbf": 1700000000, "exp": 2208988800, "exportable": False}
    body = {"kty": "EC", "crv": "P-256", "attributes": attributes, "key_ops": ["sign", "verify"], "tags": {"a": "1"}}
    made = dotnet.send("POST", "/keys/", name, "/create", body=body)
    kid = urlsplit(made["key"]["kid"]).path
    version = kid.rpartition("/")[2]
    assert made["key"]["key_ops"] == ["sign", "verify"] and made["attributes"]["exp"] == 2208988800
    assert dotnet.send("GET", "/keys/", name, "/")["key"] == made["key"]  # a version that is null
    assert dotnet.send("GET", "/keys/", name, "/", version)["key"] == made["key"]
    changed = dotnet.send(
        "PATCH", "/keys/", name, "/", version, body={"attributes": {"enabled": True}, "tags": {"b": "2"}}
    )
    assert changed["tags"] == {"b": "2"}
    assert name in {item["kid"].rpartition("/")[2] for item in dotnet.pages("/keys/")}
    assert [urlsplit(item["kid"]).path for item in dotnet.pages(f"/keys/{name}/versions")] == [kid]
    dotnet.send("POST", "/keys/", name, "/rotate")
    assert len(dotnet.pages(f"/keys/{name}/versions")) == 2


def test_use_of_a_key(dotnet, name):
    dotnet.send("POST", "/keys/", name, "/create", body={"kty": "EC", "crv": "P-256"})
    body = {"alg": "ES256", "value": digest(b"data")}
    signed = dotnet.send("POST", "/keys/", name, "//sign", body=body)
    assert re.fullmatch(r"[\w-]+", signed["value"])
    verify = {"alg": "ES256", "digest": digest(b"data"), "value": signed["value"]}
    version = signed["kid"].rpartition("/")[2]
    assert dotnet.send("POST", "/keys/", name, "/", version, "/verify", body=verify) == {"value": True}
    wrapping = f"{name}-rsa"
    dotnet.send("POST", "/keys/", wrapping, "/create", body={"kty": "RSA", "key_size": 2048})
    for hide, show in (("encrypt", "decrypt"), ("wrapKey", "unwrapKey")):
        hidden = dotnet.send(
            "POST", "/keys/", wrapping, "//", hide, body={"alg": "RSA-OAEP", "value": encoded(b"plain")}
        )
        shown = {"alg": "RSA-OAEP", "value": hidden["value"]}
        assert dotnet.send("POST", "/keys/", wrapping, "//", show, body=shown)["value"] == encoded(b"plain")


def test_the_case_of_a_path_is_not_significant(dotnet, stack, name):
    """`wrapKey` is written so by .NET alone; Azure takes any case."""
    dotnet.send("PUT", "/secrets/", name, body={"value": "v"})
    assert dotnet.send("GET", "/Secrets/", name)["value"] == "v"
    answers = [dotnet.answer("DELETE", f"{stack.vault_url}/{path}?api-version=7.6") for path in ("secrets", "SECRETS")]
    assert [answer.status for answer in answers] == [405, 405]


def test_import_and_rotation_policy_of_keys(dotnet, name):
    numbers = ec.generate_private_key(ec.SECP256R1()).private_numbers()
    public = numbers.public_numbers
    jwk = {"kty": "EC", "crv": "P-256"}
    jwk |= {
        part: encoded(value.to_bytes(32))
        for part, value in (("x", public.x), ("y", public.y), ("d", numbers.private_value))
    }
    imported = dotnet.send("PUT", "/keys/", name, body={"key": jwk})
    assert imported["key"]["x"] == jwk["x"]
    actions = [{"trigger": {"timeAfterCreate": "P90D"}, "action": {"type": "Rotate"}}]
    policy = {"lifetimeActions": actions, "attributes": {"expiryTime": "P2Y"}}
    assert dotnet.send("PUT", "/keys/", name, "/rotationpolicy", body=policy)["attributes"]["expiryTime"] == "P2Y"
    assert dotnet.send("GET", "/keys/", name, "/rotationpolicy")["lifetimeActions"][0]["action"] == {"type": "Rotate"}


@pytest.mark.parametrize("kind", ["keys", "secrets", "certificates"])
def test_deletion_recovery_and_restoration(dotnet, kind, name):
    create(dotnet, kind, name)
    backup = dotnet.send("POST", f"/{kind}/", name, "/backup")["value"]
    assert_deleted(dotnet.send("DELETE", f"/{kind}/", name), kind, name)
    dotnet.until_found(f"/deleted{kind}/", name)
    assert name in {item["recoveryId"].rpartition("/")[2] for item in dotnet.pages(f"/deleted{kind}/")}
    dotnet.send("POST", f"/deleted{kind}/", name, "/recover")
    dotnet.until_found(f"/{kind}/", name)
    dotnet.send("DELETE", f"/{kind}/", name)
    dotnet.until_found(f"/deleted{kind}/", name)
    dotnet.send("DELETE", f"/deleted{kind}/", name, status=204)
    # KeyClient and CertificateClient append "/restore" to "/keys/" and "/certificates/", SecretClient appends "restore".
    path = "/secrets/restore" if kind == "secrets" else f"/{kind}//restore"
    dotnet.send("POST", path, body={"value": backup})
    dotnet.until_found(f"/{kind}/", name)


def create(dotnet, kind, name):
    if kind == "secrets":
        dotnet.send("PUT", "/secrets/", name, body={"value": "v"})
    elif kind == "keys":
        dotnet.send("POST", "/keys/", name, "/create", body={"kty": "EC-HSM"})
    else:
        start(dotnet, name, "Self")
        wait_until(lambda: dotnet.send("GET", "/certificates/", name, "/pending")["status"] == "completed")


def test_secrets(dotnet, name):
    body = {"value": "pässwörd", "contentType": "text/plain", "attributes": {"enabled": True}, "tags": {"a": "1"}}
    made = dotnet.send("PUT", "/secrets/", name, body=body)
    version = made["id"].rpartition("/")[2]
    assert dotnet.send("GET", "/secrets/", name, "/")["value"] == "pässwörd"
    changed = dotnet.send("PATCH", "/secrets/", name, "/", version, body={"contentType": "a/b"})
    assert changed["contentType"] == "a/b"
    assert name in {item["id"].rpartition("/")[2] for item in dotnet.pages("/secrets/")}
    assert [item["id"] for item in dotnet.pages(f"/secrets/{name}/versions")] == [made["id"]]


def start(dotnet, name, issuer):
    policy = {
        "key_props": {"kty": "EC", "reuse_key": False, "exportable": True, "crv": "P-256"},
        "secret_props": {"contentType": "application/x-pkcs12"},
        "x509_props": {"subject": "CN=net.example", "sans": {"dns_names": ["net.example"]}, "validity_months": 12},
        "issuer": {"name": issuer},
        "attributes": {"enabled": True},
        "lifetime_actions": [{"trigger": {"days_before_expiry": 30}, "action": {"action_type": "AutoRenew"}}],
    }
    if issuer == "Unknown":
        policy["lifetime_actions"][0]["action"]["action_type"] = "EmailContacts"
    return dotnet.send("POST", "/certificates/", name, "/create", body={"policy": policy}, status=202)


def test_certificates(dotnet, name):
    create(dotnet, "certificates", name)
    made = dotnet.send("GET", "/certificates/", name)
    assert {"id", "kid", "sid", "x5t", "cer", "attributes", "policy"} <= made.keys()
    version = made["id"].rpartition("/")[2]
    assert dotnet.send("GET", "/certificates/", name, "/", version)["cer"] == made["cer"]
    assert dotnet.send("PATCH", "/certificates/", name, "/", version, body={"tags": {"a": "1"}})["tags"] == {"a": "1"}
    assert name in {item["id"].rpartition("/")[2] for item in dotnet.pages("/certificates/")}
    assert [item["id"] for item in dotnet.pages(f"/certificates/{name}/versions")] == [made["id"]]
    policy = dotnet.send("GET", "/certificates/", name, "/policy")
    assert dotnet.send("PATCH", "/certificates/", name, "/policy", body=policy)["x509_props"] == policy["x509_props"]


def test_certificate_that_somebody_else_signs(dotnet, name):
    started = start(dotnet, name, "Unknown")
    assert started["status"] == "inProgress" and started["csr"] and started["cancellation_requested"] is False
    chain = throwaway.sign({"csr": started["csr"]})["chain"]
    merged = dotnet.send("POST", "/certificates/", name, "/pending/merge", body={"x5c": chain}, status=201)
    assert merged["cer"] == chain[0]
    start(dotnet, f"{name}-2", "Unknown")
    body = {"cancellation_requested": True}
    assert dotnet.send("PATCH", "/certificates/", f"{name}-2", "/pending", body=body)["cancellation_requested"] is True
    dotnet.send("DELETE", "/certificates/", f"{name}-2", "/pending")


def test_import_of_a_certificate(dotnet, name):
    key = ec.generate_private_key(ec.SECP256R1())
    none, form = serialization.NoEncryption(), serialization.PrivateFormat.PKCS8
    pem = key.private_bytes(serialization.Encoding.PEM, form, none) + pem_of(self_signed(key, "net"))
    body = {"value": pem.decode(), "policy": {"secret_props": {"contentType": "application/x-pem-file"}}}
    assert dotnet.send("POST", "/certificates/", name, "/import", body=body)["policy"]["issuer"]["name"] == "Unknown"


def test_contacts_and_issuers(dotnet, name):
    contacts = {"contacts": [{"email": "a@b.example", "name": "A", "phone": "1"}]}
    assert dotnet.send("PUT", "/certificates/contacts/", body=contacts)["contacts"] == contacts["contacts"]
    assert dotnet.send("GET", "/certificates/contacts/")["contacts"] == contacts["contacts"]
    dotnet.send("DELETE", "/certificates/contacts/")
    body = {"provider": "Test", "credentials": {"account_id": "me", "pwd": "pw"}, "org_details": {"id": "acme"}}
    dotnet.send("PUT", "/certificates/issuers/", name, body=body)
    assert dotnet.send("GET", "/certificates/issuers/", name)["org_details"]["id"] == "acme"
    dotnet.send("PATCH", "/certificates/issuers/", name, body={"provider": "Test"})
    assert name in {item["id"].rpartition("/")[2] for item in dotnet.pages("/certificates/issuers/")}
    dotnet.send("DELETE", "/certificates/issuers/", name)


def test_sign_in_with_the_tenant_adfs(stack):
    """MSAL.NET asks webfinger whether the host is trusted, and has the token endpoint in its code."""
    http, host = stack.http(), stack.authority
    relation = "http://schemas.microsoft.com/rel/trusted-realm"
    answer = http.request("GET", f"{host}/adfs/.well-known/webfinger", fields={"rel": relation, "resource": host})
    assert answer.status == 200
    assert relation in {link["rel"] for link in answer.json()["links"]}
    headers = {
        "x-client-SKU": "MSAL.CoreCLR",
        "x-client-Ver": "4.67.2.0",
        "client-request-id": HEADERS["x-ms-client-request-id"],
    }
    fields = {
        "client_id": stack.client_id,
        "client_info": "1",
        "client_secret": stack.client_secret,
        "grant_type": "client_credentials",
        "scope": f"https://{host.split('.', 1)[1]}/.default",
    }
    token = http.request("POST", f"{host}/adfs/oauth2/token", fields=fields, encode_multipart=False, headers=headers)
    assert token.status == 200
    assert token.json()["token_type"] == "Bearer" and int(token.json()["expires_in"]) > 0
