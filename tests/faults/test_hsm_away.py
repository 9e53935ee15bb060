"""The HSM goes away under load (docs/reference/security-guarantees.md section 13): 503 with Retry-After, nothing made, back by itself."""

import base64
import os
import time

import pytest

from tests.support.load import BACK_WITHIN, Load

pytestmark = pytest.mark.stack

DIGEST = base64.urlsafe_b64encode(bytes(32)).decode().rstrip("=")
NOTICED_WITHIN = 2.0


@pytest.mark.alone
def test_a_missing_token_is_a_503_and_makes_no_key(system, client):
    tag = os.urandom(4).hex()
    assert client.ask("create", "POST", f"/keys/away-{tag}/create", {"kty": "RSA-HSM"}).status == 200

    def sign():
        return client.ask("sign", "POST", f"/keys/away-{tag}/sign", {"alg": "RS256", "value": DIGEST})

    def create():
        return client.ask("create", "POST", f"/keys/away-{tag}-new/create", {"kty": "EC-HSM", "crv": "P-256"})

    directory = system.token_directory("europe")
    aside = directory.with_name("europe.moved-away")
    with Load([sign, sign, sign, create], threads=4) as load:
        load.wait_good(20)
        directory.rename(aside)
        gone = time.time()
        try:
            time.sleep(NOTICED_WITHIN + 2)
        finally:
            back = time.time()
            aside.rename(directory)
        settled = load.wait_steady(back)

    away = [a for a in load.answers if gone + NOTICED_WITHIN < a.at - a.seconds and a.at < back]
    assert len(away) > 5
    assert {answer.status for answer in away} == {503}
    assert all(answer.retry_after for answer in away)
    assert max(answer.seconds for answer in away) <= NOTICED_WITHIN
    assert settled - back < BACK_WITHIN

    answered = [answer for answer in load.answers if answer.what == "create" and answer.status == 200]
    versions = client.ask("list", "GET", f"/keys/away-{tag}-new/versions")
    listed = versions.body.count(b'"kid"')
    assert listed == min(len(answered), 25), "a version exists that no caller received"


def test_the_other_world_does_not_notice(system, client, stack):
    tag = os.urandom(4).hex()
    path = f"/keys/other-{tag}"
    made = client.ask("create", "POST", f"{path}/create", {"kty": "EC-HSM"}, vault_url=stack.vault2_url)
    assert made.status == 200

    directory = system.token_directory("europe")
    aside = directory.with_name("europe.moved-away")
    directory.rename(aside)
    try:
        until = time.monotonic() + 4
        while time.monotonic() < until:
            body = {"alg": "ES256", "value": DIGEST}
            assert client.ask("sign", "POST", f"{path}/sign", body, vault_url=stack.vault2_url).status == 200
    finally:
        aside.rename(directory)
