"""Whatever a stranger or a clumsy client sends: the contract's shape and status, never a 5xx, nothing changed."""

import base64
import json
import os
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

pytestmark = pytest.mark.stack

VERSION = "7.4"


@pytest.fixture(scope="module")
def ask(stack):
    """Send a request, with our token where the headers say nothing else."""
    http, token = stack.http(), stack.token()

    def send(method, path, body=None, *, query=f"api-version={VERSION}", headers=None, url=None):
        data = body if isinstance(body, bytes | None) else json.dumps(body).encode()
        given = {"Authorization": f"Bearer {token}", "Content-Type": "application/json", **(headers or {})}
        sent = {name: value for name, value in given.items() if value is not None}
        return http.request(
            method, f"{url or stack.vault_url}{path}{'?' if query else ''}{query}", body=data, headers=sent
        )

    return send


@pytest.fixture(scope="module")
def objects(ask):
    """A key and a secret, and what they looked like before."""
    tag = os.urandom(4).hex()
    key = ask("POST", f"/keys/bad-{tag}/create", {"kty": "RSA-HSM"})
    secret = ask("PUT", f"/secrets/bad-{tag}", {"value": "kept"})
    assert (key.status, secret.status) == (200, 200)
    return f"bad-{tag}"


def has_the_shape(answer):
    error = answer.json()["error"]
    assert set(error) <= {"code", "message", "innererror"}
    assert error["code"] and error["message"]
    return error


DEEP = b"[" * 100_000 + b"]" * 100_000
DIGEST = base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")
BAD_BODIES = {
    "100 000 deep": (DEEP, 413),
    "20 000 deep": (b"[" * 20_000 + b"]" * 20_000, 400),
    "40 deep in a tag": (b'{"alg":"RS256","value":"AA","x":' + b"[" * 40 + b"]" * 40 + b"}", 400),
    "lone surrogate": (b'{"alg":"RS256","value":"\\ud800"}', 400),
    "lone surrogate as a name": (b'{"\\udfff":1,"alg":"RS256","value":"AA"}', 400),
    "duplicate keys": (b'{"alg":"RS256","alg":"PS256","value":"AA"}', 400),
    "3 MB": (b'{"alg":"' + b"x" * 3_000_000 + b'"}', 413),
    "not JSON": (b"alg=RS256", 400),
    "empty": (b"", 400),
    "a list": (b"[]", 400),
    "a number": (b"1", 400),
    "NaN": (b'{"alg":NaN,"value":"AA"}', 400),
    "5 000 digits": (b'{"alg":' + b"9" * 5000 + b"}", 400),
    "UTF-16": ('{"alg":"RS256","value":"AA"}'.encode("utf-16"), 400),
    "bad UTF-8": (b'{"alg":"RS256","value":"\xff\xfe"}', 400),
    "NUL in text": (b'{"alg":"RS256\\u0000","value":"AA"}', 400),
    "number for text": (b'{"alg":256,"value":"AA"}', 400),
    "null": (b'{"alg":null,"value":null}', 400),
    "no value": (b'{"alg":"RS256"}', 400),
    "standard base64": (b'{"alg":"RS256","value":"+/+/"}', 400),
    "base64url of length 1": (b'{"alg":"RS256","value":"A"}', 400),
    "short digest": (b'{"alg":"RS256","value":"AAAA"}', 400),
    "long digest": (json.dumps({"alg": "RS256", "value": "A" * 128}).encode(), 400),
    "unknown algorithm": (json.dumps({"alg": "none", "value": DIGEST}).encode(), 400),
    "algorithm of another type": (json.dumps({"alg": "ES256", "value": DIGEST}).encode(), 400),
}


@pytest.mark.parametrize(("body", "status"), BAD_BODIES.values(), ids=BAD_BODIES)
def test_a_bad_body_is_a_4xx_in_the_contracts_shape(ask, objects, body, status):
    answer = ask("POST", f"/keys/{objects}/sign", body)
    assert answer.status == status
    has_the_shape(answer)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"kty": 5},
        {"kty": "oct", "key_size": 512},
        {"kty": "oct-HSM", "attributes": {"exportable": True}, "release_policy": {"data": "e30"}},
        {"kty": "RSA", "key_size": 1024},
        {"kty": "RSA", "key_size": "2048"},
        {"kty": "RSA", "key_size": True},
        {"kty": "RSA", "key_size": 10**30},
        {"kty": "RSA", "public_exponent": 17},
        {"kty": "RSA-HSM", "public_exponent": 4},
        {"kty": "EC", "public_exponent": 3},
        {"kty": "EC", "crv": "P-192"},
        {"kty": "EC", "crv": "\ud800"},
        {"kty": "EC", "key_ops": ["encrypt"]},
        {"kty": "EC", "key_ops": ["sign", "sign"]},
        {"kty": "EC", "key_ops": "sign"},
        {"kty": "EC", "attributes": {"enabled": "true"}},
        {"kty": "EC", "attributes": {"exp": 1.5}},
        {"kty": "EC", "attributes": {"exp": 10**18}},
        {"kty": "EC", "attributes": {"exp": 100, "nbf": 200}},
        {"kty": "EC", "attributes": {"exportable": True}},
        {"kty": "EC", "attributes": []},
        {"kty": "EC", "tags": {"a": 1}},
        {"kty": "EC", "tags": {str(n): "" for n in range(16)}},
        {"kty": "EC", "tags": {"a": "x" * 257}},
        {"kty": "EC", "tags": {"\u0000": "x"}},
    ],
    ids=lambda body: json.dumps(body)[:50],
)
def test_a_key_that_cannot_be_is_not_made(ask, body):
    name = f"never-{os.urandom(4).hex()}"
    answer = ask("POST", f"/keys/{name}/create", body)
    assert answer.status == 400
    has_the_shape(answer)
    assert ask("GET", f"/keys/{name}").status == 404


def test_negative_and_late_dates_are_taken(ask):
    body = {"kty": "EC", "attributes": {"nbf": -2208988800, "exp": 32503680000}}
    answer = ask("POST", f"/keys/dates-{os.urandom(4).hex()}/create", body)
    assert answer.status == 200
    assert answer.json()["attributes"]["nbf"] == -2208988800
    assert answer.json()["attributes"]["exp"] == 32503680000


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/keys/" + "a" * 128 + "/create", 400),
        ("/keys/under_score/create", 400),
        ("/keys/sp%20ace/create", 400),
        ("/keys/%00/create", 400),
        ("/keys/a%2Fb/create", 404),
        ("/keys/caf%C3%A9/create", 400),
        ("/keys/%F0%9F%98%80/create", 400),
        ("/keys/%ED%A0%80/create", 400),
        ("/keys/..%2f..%2fetc/create", 404),
        ("/nothing", 404),
        ("/certificates/c/create", 404),
        ("/keys/x/nothing", 405),
    ],
)
def test_a_bad_address_is_a_4xx(ask, path, status):
    answer = ask("POST", path, {"kty": "EC"})
    assert answer.status == status
    has_the_shape(answer)


def test_a_name_of_127_characters_is_taken(ask):
    name = (os.urandom(4).hex() + "a" * 127)[:127]
    assert ask("PUT", f"/secrets/{name}", {"value": "v"}).status == 200


@pytest.mark.parametrize("version", ["not-hex", "A" * 33, "%00", "' OR 1=1 --".replace(" ", "%20"), "0" * 32])
def test_a_version_that_is_not_there_is_404(ask, objects, version):
    for path in (f"/keys/{objects}/{version}", f"/secrets/{objects}/{version}"):
        answer = ask("GET", path)
        assert answer.status == 404
        has_the_shape(answer)


@pytest.mark.parametrize("query", ["", "api-version=", "api-version=1.0", "api-version=2099-01-01", "x=y&" * 40])
def test_an_unknown_api_version_is_400(ask, objects, query):
    for method, path in (("GET", f"/keys/{objects}"), ("GET", f"/secrets/{objects}")):
        answer = ask(method, path, query=query)
        assert answer.status == 400
        assert has_the_shape(answer)["code"] == "BadParameter"


def test_the_api_version_may_come_percent_encoded(ask, objects):
    assert ask("GET", f"/keys/{objects}", query=f"api%2Dversion={VERSION}").status == 200


def test_a_preview_is_served_and_its_next_page_too(stack, ask):
    for _ in range(2):
        ask("PUT", f"/secrets/page-{os.urandom(4).hex()}", {"value": "v"})
    first = ask("GET", "/secrets", query="api-version=7.6-preview.2&maxresults=1").json()
    following = first["nextLink"].removeprefix(stack.vault_url)
    assert "api-version=7.6-preview.2&" in following
    assert len(ask("GET", following, query="").json()["value"]) == 1


@pytest.mark.parametrize("size", ["0", "26", "-1", "x", "", "1e1", "9" * 400])
def test_a_page_size_out_of_range_is_400(ask, size):
    answer = ask("GET", "/keys", query=f"api-version={VERSION}&maxresults={size}")
    assert answer.status == 400


def test_a_continuation_is_bound_to_its_list(stack, ask, objects):
    for _ in range(2):
        ask("PUT", f"/secrets/page-{os.urandom(4).hex()}", {"value": "v"})
    first = ask("GET", "/secrets", query=f"api-version={VERSION}&maxresults=1").json()
    skip = first["nextLink"].split("$skiptoken=")[1].split("&")[0]
    for path, used in (("/keys", skip), ("/secrets", skip[:-1] + "x"), ("/secrets", "x")):
        query = f"api-version={VERSION}&$skiptoken={used}"
        assert ask("GET", path, query=query).status == 400
    other = ask("GET", "/secrets", query=f"api-version={VERSION}&$skiptoken={skip}", url=stack.vault2_url)
    assert other.status == 400


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "BREW"])
def test_a_method_that_is_not_offered_is_refused_cleanly(ask, objects, method):
    answer = ask(method, f"/keys/{objects}/sign", {"alg": "RS256", "value": DIGEST})
    assert answer.status in (400, 404, 405, 501)


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "vault.localhost", "a.b.vault.localhost", "demo-europe.vault.localhost.evil.example",
     "demo-europe.vault.localhost@evil.example", "xn--caf-dma.vault.localhost:1", "demo-europe.vault.localhost:1",
     "-.vault.localhost", "_.vault.localhost", "%00.vault.localhost", "a" * 300 + ".vault.localhost"],
)  # fmt: skip
def test_a_host_that_is_not_ours_is_404_through_both_doors(ask, objects, host):
    for path in (f"/keys/{objects}", f"/secrets/{objects}"):
        answer = ask("GET", path, headers={"Host": host})
        assert answer.status in (400, 404)


def test_a_forwarded_host_is_not_believed(stack, ask, objects):
    forged = {"X-Forwarded-Host": "evil.example", "X-Forwarded-Port": "1", "X-Forwarded-Proto": "http"}
    answer = ask("GET", f"/keys/{objects}", headers=forged)
    assert answer.json()["key"]["kid"].startswith(stack.vault_url)


def test_an_object_of_another_vault_is_not_found(stack, ask, objects):
    version = ask("GET", f"/keys/{objects}").json()["key"]["kid"].rsplit("/", 1)[1]
    for path in (f"/keys/{objects}/{version}", f"/secrets/{objects}"):
        assert ask("GET", path, url=stack.vault2_url).status == 404
    body = {"alg": "RS256", "value": DIGEST}
    answer = ask("POST", f"/keys/{objects}/{version}/sign", body, url=stack.vault2_url)
    assert answer.status == 404


def test_the_first_request_without_a_token_gets_the_challenge_of_the_contract(stack, ask):
    for method, path in (("GET", "/keys/x"), ("POST", "/keys/x//sign"), ("GET", "/secrets/x/")):
        answer = ask(method, path, headers={"Authorization": None})
        assert answer.status == 401
        resource = "https://" + stack.vault_url.split(".", 1)[1]
        expected = f'Bearer authorization="{stack.authority}/{stack.tenant}", resource="{resource}"'
        assert answer.headers["WWW-Authenticate"] == expected
        assert answer.json()["error"] == {
            "code": "Unauthorized",
            "message": "AKV10000: Request is missing a Bearer or PoP token.",
        }


def forged_tokens(stack, good):
    """Tokens that are not ours, not for us, or not valid now."""
    header, claims = jwt.get_unverified_header(good), jwt.decode(good, options={"verify_signature": False})
    own = ec.generate_private_key(ec.SECP256R1())
    keys = stack.http().request("GET", f"{stack.authority}/{stack.tenant}/discovery/v2.0/keys").json()["keys"]
    public = jwt.PyJWK(keys[0]).key.public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    b64 = lambda data: base64.urlsafe_b64encode(data).decode().rstrip("=")  # noqa: E731
    hmac_header = b64(json.dumps({"alg": "HS256", "kid": header["kid"], "typ": "JWT"}).encode())
    signing_input = f"{hmac_header}.{good.split('.')[1]}"
    import hashlib
    import hmac

    hs256 = f"{signing_input}.{b64(hmac.new(public, signing_input.encode(), hashlib.sha256).digest())}"
    none = f"{b64(json.dumps({'alg': 'none', 'kid': header['kid']}).encode())}.{good.split('.')[1]}."

    def sign(changes=None, **extra):
        return jwt.encode(
            {**claims, **(changes or {})}, own, algorithm="ES256", headers={"kid": header["kid"], **extra}
        )

    return {
        "alg none": none,
        "HS256 with the public key": hs256,
        "another key under our kid": sign(),
        "a key of its own in the header": sign(jwk=jwt.algorithms.ECAlgorithm.to_jwk(own.public_key(), as_dict=True)),
        "jku": sign(jku="https://evil.example/keys"),
        "kid with SQL": jwt.encode(claims, own, algorithm="ES256", headers={"kid": "' OR 1=1 --"}),
        "changed payload": ".".join([good.split(".")[0], b64(json.dumps({**claims, "appid": "x"}).encode()), good.split(".")[2]]),
        "cut signature": good[:-4],
        "three dots": good + ".x",
        "no dots": "x",
        "16 KB": "x" * 16_500,
        "not ASCII": "ü.ü.ü",
    }  # fmt: skip


FORGERIES = ["alg none", "HS256 with the public key", "another key under our kid", "a key of its own in the header",
             "jku", "kid with SQL", "changed payload", "cut signature", "three dots", "no dots", "16 KB", "not ASCII"]  # fmt: skip


@pytest.mark.parametrize("forgery", FORGERIES)
def test_a_forged_token_is_401_with_the_challenge(stack, ask, objects, forgery):
    forged = forged_tokens(stack, stack.token())[forgery].encode("utf-8").decode("latin-1")
    answer = ask("GET", f"/secrets/{objects}", headers={"Authorization": f"Bearer {forged}"})
    assert answer.status == 401
    assert has_the_shape(answer)["message"].startswith("AKV100")
    assert answer.headers["WWW-Authenticate"].startswith("Bearer authorization=")


@pytest.mark.parametrize(
    ("value", "status"),
    [("x" * 25_600, 200), ("x" * 25_601, 400), ("é" * 12_801, 400)],
    ids=["25600", "25601", "25602"],
)
def test_a_secret_has_25600_bytes_at_most(ask, value, status):
    name = f"size-{os.urandom(4).hex()}"
    assert ask("PUT", f"/secrets/{name}", {"value": value}).status == status
    assert ask("GET", f"/secrets/{name}").status == (200 if status == 200 else 404)


def test_server_owned_properties_are_ignored(stack, ask):
    name = f"owned-{os.urandom(4).hex()}"
    body = {
        "value": "v",
        "id": "https://evil.example/secrets/x/1",
        "managed": True,
        "kid": "x",
        "attributes": {"created": 1, "updated": 1, "recoveryLevel": "Purgeable", "recoverableDays": 0, "enabled": True},
        "vault": "other",
        "world": "other",
    }
    answer = ask("PUT", f"/secrets/{name}", body).json()
    assert answer["id"].startswith(f"{stack.vault_url}/secrets/{name}/")
    assert answer["attributes"]["created"] > 1_000_000_000
    assert answer["attributes"]["recoveryLevel"] == "Recoverable+Purgeable"
    assert "managed" not in answer


@pytest.mark.parametrize("text", ["a\r\nX-Injected: 1", "\x1b[31mred", "é" * 200])
def test_a_callers_headers_do_not_come_back_split(ask, objects, text):
    headers = {"x-ms-client-request-id": text.replace("\r\n", " "), "User-Agent": text.replace("\r\n", " ")}
    answer = ask("GET", f"/secrets/{objects}", headers=headers)
    assert answer.status in (200, 400)
    assert "X-Injected" not in answer.headers


def test_afterwards_everything_still_works(ask, objects):
    assert ask("GET", f"/secrets/{objects}").json()["value"] == "kept"
    answer = ask("POST", f"/keys/{objects}/sign", {"alg": "RS256", "value": DIGEST})
    assert answer.status == 200
    versions = ask("GET", f"/keys/{objects}/versions").json()["value"]
    assert len(versions) == 1
    state = json.loads((Path(os.environ["TEST_STATE_DIR"]) / "status.json").read_text())
    assert all(process["state"] == "running" for process in state["processes"].values())
