"""`rotate_token_key` and `retire_token_key` on the running system, with a vault in each of its two worlds."""

import os
import time

import psycopg
import pytest

from tests.support import programs
from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack


@pytest.fixture
def owner():
    """Afterwards the keys that a test retired verify again: other tests keep their tokens."""
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        (began,) = connection.execute("SELECT now()").fetchone()
        yield connection
        connection.execute("UPDATE identity_signingkey SET retired = NULL WHERE retired >= %s", [began])
        time.sleep(1)  # each process knows it within a second; no request shows that all of them do


@pytest.fixture
def statuses(stack):
    """What each world's vault answers to a read of secrets (web process), and to the HSM worker's use, with a token."""
    http = stack.http()

    def ask(token):
        headers = {"Authorization": f"Bearer {token}"}
        answers = []
        for url in (stack.vault_url, stack.vault2_url):
            listed = http.request("GET", f"{url}/keys?api-version=7.4", headers=headers)
            used = http.request("GET", f"{url}/secrets/none-such?api-version=7.4", headers=headers)
            answers += [listed.status, used.status]
        return answers

    return ask


USED, REFUSED = [200, 404, 200, 404], [401, 401, 401, 401]


def key_id(token):
    import jwt

    return jwt.get_unverified_header(token)["kid"]


def manage(command):
    code, output, errors = programs.manage(command)
    assert code == 0, errors
    return output


def test_a_rotation_is_not_noticed_and_a_retirement_ends_all_tokens_within_a_second(stack, statuses, owner):
    old = stack.token()
    assert statuses(old) == USED
    manage("rotate_token_key")
    assert statuses(old) == USED
    new = wait_until(lambda: key_id(token := stack.token()) != key_id(old) and token, "a token of the new key")
    assert statuses(new) == statuses(old) == USED
    published = stack.http().request("GET", f"{stack.authority}/{stack.tenant}/discovery/v2.0/keys").json()["keys"]
    assert {key_id(old), key_id(new)} <= {key["kid"] for key in published}

    assert "Retired: 2." in manage("retire_token_key")
    wait_until(lambda: statuses(old) == statuses(new) == REFUSED, "that no earlier token counts", seconds=1)
    # A token of now is signed by a key that counts; a process that has not read of that key yet refuses it for a moment.
    latest = stack.token()
    assert key_id(latest) not in {key_id(old), key_id(new)}
    wait_until(lambda: statuses(latest) == USED, "that a token of the newest key counts")
    operations = owner.execute(
        "SELECT count(*) FROM audit_event WHERE operation = 'SigningKeyRetireAtOnce' AND status = 200"
    )
    assert operations.fetchone()[0] >= 2
