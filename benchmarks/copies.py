"""Very many keys in very many vaults that are really used: copies of one key, which the HSM binds (`bound_copies.py`).

The application of the benchmark has the same roles at each of the vaults. `KEYS`, `VAULTS`: fewer of them.
"""

import math
import os
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

import django
import psycopg

django.setup()

from apps.domain.hsm_client.lane_client import client_for  # noqa: E402  models exist only after Django is set up
from apps.domain.hsm_client.protocol import Status  # noqa: E402
from apps.launcher import processes  # noqa: E402
from apps.launcher.account import ROOT, Account  # noqa: E402
from apps.launcher.state import StateDirectory  # noqa: E402
from benchmarks.portal import Portal  # noqa: E402
from benchmarks.scenarios import CONNECTIONS  # noqa: E402

KEYS = int(os.environ.get("KEYS", "100000"))
VAULTS = min(KEYS, int(os.environ.get("VAULTS", "10000")))
SCENARIO = "copies"
WORLD = "europe"
_TEMPLATE = "bench-copied"
_SECONDS = 20  # of a round in which keys are used for the first time
_TEMPLATES = """
create temporary table template on commit drop as
    select v.id as vault_id, v.key_id as vault_key_id, k.id as key_id, n.id as version_id, n.protected_id
    from keys_key k join keys_keyversion n on n.id = k.current_id join vaults_vault v on v.id = k.vault_id
    where k.name = %(name)s;
create temporary table bound (kind text, number integer, mac bytea) on commit drop;
"""
_VAULTS = """
insert into worlds_protectedkey
    select (jsonb_populate_record(p, jsonb_build_object(
        'id', md5('copy of vault key ' || number)::uuid, 'vault_id', md5('copy of vault ' || number)::uuid,
        'mac', bound.mac))).*
    from template join worlds_protectedkey p on p.id = template.vault_key_id, bound where kind = 'vault';
insert into vaults_vault
    select (jsonb_populate_record(v, jsonb_build_object(
        'id', md5('copy of vault ' || number)::uuid, 'name', 'copy-' || number,
        'key_id', md5('copy of vault key ' || number)::uuid))).*
    from template join vaults_vault v on v.id = template.vault_id, bound where kind = 'vault';
insert into guardian_userobjectpermission (object_pk, content_type_id, permission_id, user_id)
    select md5('copy of vault ' || number)::uuid::text, p.content_type_id, p.permission_id, p.user_id
    from template join guardian_userobjectpermission p on p.object_pk = template.vault_id::text
        join identity_applicationidentity a on a.user_id = p.user_id and a.client_id = %(client)s, bound
    where kind = 'vault';
"""
_KEYS = """
insert into worlds_protectedkey
    select (jsonb_populate_record(p, jsonb_build_object(
        'id', md5('copy of protected ' || number)::uuid,
        'vault_id', md5('copy of vault ' || number %% %(vaults)s)::uuid,
        'name', 'copy-' || number, 'mac', bound.mac))).*
    from template join worlds_protectedkey p on p.id = template.protected_id, bound where kind = 'key';
insert into keys_key
    select (jsonb_populate_record(k, jsonb_build_object(
        'id', md5('copy of key ' || number)::uuid, 'vault_id', md5('copy of vault ' || number %% %(vaults)s)::uuid,
        'name', 'copy-' || number, 'folded_name', 'copy-' || number, 'current_id', null))).*
    from template join keys_key k on k.id = template.key_id, bound where kind = 'key';
insert into keys_keyversion
    select (jsonb_populate_record(n, jsonb_build_object(
        'id', md5('copy of version ' || number)::uuid, 'key_id', md5('copy of key ' || number)::uuid,
        'protected_id', md5('copy of protected ' || number)::uuid))).*
    from template join keys_keyversion n on n.id = template.version_id, bound where kind = 'key';
update keys_key set current_id = md5('copy of version ' || number)::uuid
    from bound where kind = 'key' and keys_key.id = md5('copy of key ' || number)::uuid;
"""


def make(portal: Portal) -> None:
    """Make the vaults and keys, and the scenario that signs with all keys in turn. Raises `psycopg.Error`, `OSError`.

    And `subprocess.CalledProcessError`.
    """
    identifier = portal.create(_TEMPLATE, {"kty": "EC-HSM"})["kid"]
    bound = _bind()
    values = {"name": _TEMPLATE, "client": os.environ["AZURE_CLIENT_ID"], "vaults": VAULTS}
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
        with database.transaction():
            _execute(database, _TEMPLATES, values)
            with database.cursor().copy("COPY bound FROM STDIN") as lines:
                lines.write(bound)
            _execute(database, _VAULTS + _KEYS, values)
        database.execute("VACUUM ANALYZE")
    portal.sign_with(SCENARIO, [_copied(identifier, number) for number in range(KEYS)])


def few(portal: Portal, scenario: str, number: int) -> None:
    """Make a scenario that signs with some of the keys, by `make`."""
    portal.repeat(scenario, SCENARIO, number)


def use_all(portal: Portal) -> float:
    """Use each key once, so that it is cached where it is used. Return the seconds that this took.

    On a busy machine some first uses wait too long for a turn, and are refused. The rounds that follow allow none.
    """
    begun, done = time.monotonic(), 0
    while done < KEYS:
        # Two threads of wrk begin half the list apart, and neither is much behind the other.
        first = math.floor(done / 2 * 0.98)
        done += portal.measure(
            SCENARIO, seconds=_SECONDS, connections=CONNECTIONS, refusals_allowed=True, first=first
        ).requests
    return time.monotonic() - begun


def handles() -> dict[str, tuple[int, int]]:
    """By lane, the number of unwrapped keys, and the MB that it counts for them."""
    found = client_for(WORLD).call_all(Status(), timeout=10)
    return {lane: (facts["handles"], facts["cache_mb"]) for lane, facts in found.items() if facts}


def _bind() -> bytes:
    """Let the HSM of the world bind the copies, in a process of its own."""
    state = StateDirectory(Path(os.environ["TEST_STATE_DIR"]), Account())
    worker = processes.hsm_environment(state, WORLD, role="vault_hsm")
    command = [sys.executable, "-m", "benchmarks.bound_copies", _TEMPLATE, str(KEYS), str(VAULTS)]
    environment = {"PATH": os.environ["PATH"], **worker}
    return subprocess.run(command, env=environment, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout


def _execute(database: psycopg.Connection, statements: str, values: dict[str, object]) -> None:
    for statement in statements.split(";\n")[:-1]:
        database.execute(statement, values)


def _copied(identifier: str, number: int) -> str:
    """The address of a copy of the key with this one."""
    url = urlsplit(identifier)
    host = f"copy-{number % VAULTS}.{url.netloc.partition('.')[2]}"
    return f"https://{host}{url.path.replace(_TEMPLATE, f'copy-{number}')}"
