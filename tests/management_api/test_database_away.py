"""While the database is away every host answers 503, with the time after which to come back, and never a 500."""

import uuid

import pytest
from django.db import Error, connection
from django.test import Client


@pytest.fixture
def away(transactional_db):
    """Call it, and the server has ended the connection of this process, as when it is killed."""

    def end():
        with connection.cursor() as cursor, pytest.raises(Error):
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

    yield end
    connection.close()


@pytest.fixture
def ask(settings):
    client = Client()

    def request(label, method, path, **fields):
        host = f"{label}.{settings.VAULT_SUFFIX}:{settings.OWN_PORT}"
        return getattr(client, method)(path, fields, HTTP_HOST=host, secure=True)

    request.client = client
    return request


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/v2.0/.well-known/openid-configuration"),
        ("get", "/discovery/v2.0/keys"),
        ("post", "/oauth2/v2.0/token"),
    ],
)
def test_the_token_service(away, ask, method, path):
    fields = {"grant_type": "client_credentials", "client_id": str(uuid.uuid4()), "client_secret": "x"}
    away()
    answer = ask("login", method, f"/{uuid.uuid4()}{path}", **fields)
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")
    assert answer.json()["error"] == "temporarily_unavailable"


@pytest.mark.parametrize("path", ["/", "/secops/", "/account/sessions/"])
def test_a_page_of_somebody_who_has_a_session(settings, away, ask, path):
    ask.client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    away()
    answer = ask("portal", "get", path)
    assert (answer.status_code, answer["Retry-After"]) == (503, "2")


def test_the_management_api_for_somebody_who_has_a_session(settings, away, ask):
    ask.client.cookies[settings.SESSION_COOKIE_NAME] = "a" * 32
    away()
    answer = ask("portal", "get", "/api/v1/vaults")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "Unavailable")
