"""Which requests get a token of `portal agent`."""

import time
from email.message import Message

import pytest

from apps.cli.managed_identity import APP_SERVICE_PATH, IMDS_PATH, ManagedIdentity, Token, TokenCache

SECRET, RESOURCE, CLIENT = "s" * 32, "https://vault.example:8443", "019e9f3c-1111-7222-8333-444455556666"
ASKED = "resource=https://vault.example:8443"
LOCAL = {"Host": "127.0.0.1:41380"}
OWN = {**LOCAL, "X-IDENTITY-HEADER": SECRET}
METADATA = {**LOCAL, "Metadata": "true"}


def ask(target, headers, *, imds=True, secret=SECRET):
    message = Message()
    for name, value in headers.items():
        message[name] = value
    cache = TokenCache(lambda: Token("t0ken", time.time() + 3599))
    return ManagedIdentity(cache, secret, RESOURCE, CLIENT, imds=imds).answer(target, message)


@pytest.mark.parametrize(
    "query",
    [
        ASKED,
        f"{ASKED}/",
        "resource=https%3A%2F%2FVault.Example",
        f"{ASKED}&client_id={CLIENT.upper()}&api-version=2019-08-01",
    ],
)
@pytest.mark.parametrize(
    ("path", "headers"), [(APP_SERVICE_PATH, OWN), (f"{APP_SERVICE_PATH}/", OWN), (IMDS_PATH, METADATA)]
)
@pytest.mark.parametrize("host", ["127.0.0.1:41380", "localhost:41380", "169.254.169.254"])
def test_own_programs_get_one(path, headers, query, host):
    status, body = ask(f"{path}?{query}", {**headers, "Host": host})
    assert (status, body["access_token"], body["client_id"], body["token_type"]) == (200, "t0ken", CLIENT, "Bearer")
    assert int(body["expires_on"]) - time.time() > 3500


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        (APP_SERVICE_PATH, LOCAL, 401),
        (APP_SERVICE_PATH, {**LOCAL, "X-IDENTITY-HEADER": SECRET[:-1]}, 401),
        (APP_SERVICE_PATH, {**LOCAL, "X-IDENTITY-HEADER": SECRET + "s"}, 401),
        (APP_SERVICE_PATH, {**LOCAL, "X-IDENTITY-HEADER": "s\u00f6"}, 401),
        (APP_SERVICE_PATH, METADATA, 401),
        (APP_SERVICE_PATH, {**OWN, "X-Forwarded-For": "192.0.2.1"}, 403),
        (APP_SERVICE_PATH, {**OWN, "X-Forwarded-For": ""}, 403),
        (APP_SERVICE_PATH, {**OWN, "Host": "evil.example"}, 403),
        (APP_SERVICE_PATH, {**OWN, "Host": "127.0.0.1.evil.example:80"}, 403),
        (APP_SERVICE_PATH, {**OWN, "Host": ""}, 403),
        (APP_SERVICE_PATH, {**OWN, "Host": "[::"}, 400),
        (IMDS_PATH, LOCAL, 400),
        (IMDS_PATH, OWN, 400),
        (IMDS_PATH, {**LOCAL, "Metadata": "false"}, 400),
        (IMDS_PATH, {**METADATA, "X-Forwarded-For": "192.0.2.1"}, 403),
        (IMDS_PATH, {**METADATA, "Host": "evil.example"}, 403),
        ("/", OWN, 404),
        ("/metadata/instance", METADATA, 404),
    ],
)  # fmt: skip
def test_others_get_none(path, headers, status):
    answered, body = ask(f"{path}?{ASKED}", headers)
    assert (answered, body["statusCode"]) == (status, str(status))
    assert "t0ken" not in str(body)


@pytest.mark.parametrize(
    "query",
    ["", "resource=", "resource=https", "resource=https://vault.azure.net", "resource=https://vault.example:8444",
     "resource=https://vault.example.evil.example", f"{ASKED}&client_id=019e9f3c-1111-7222-8333-444455556667",
     f"{ASKED}&mi_res_id=/subscriptions/x", f"{ASKED}&msi_res_id=x", f"{ASKED}&object_id=x", f"{ASKED}&principal_id=x"],
)  # fmt: skip
def test_tokens_are_for_the_vaults_and_the_own_identity_only(query):
    for path, headers in ((APP_SERVICE_PATH, OWN), (IMDS_PATH, METADATA)):
        status, body = ask(f"{path}?{query}", headers)
        assert (status, set(body)) == (400, {"error", "error_description", "statusCode", "message"})


def test_without_the_option_there_is_no_metadata_service():
    assert ask(f"{IMDS_PATH}?{ASKED}", METADATA, imds=False)[0] == 404


def test_an_identity_has_no_text_with_its_secret():
    assert SECRET not in repr(ManagedIdentity(TokenCache(lambda: Token("t0ken", 0.0)), SECRET, RESOURCE, CLIENT))
