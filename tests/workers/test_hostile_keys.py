"""A hostile web process that wants keys of others bound to a place of its own, or internal keys made of its bytes."""

import os
import socket
import uuid
from pathlib import Path

import msgspec
import orjson
import psycopg
import pytest

from apps.core.ids import uuid7
from apps.core.principals import RequestContext, Scheme
from apps.domain.hsm_client import protocol

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def vault_id():
    """The id of the demo's vault, without hyphens."""
    with psycopg.connect(os.environ["WEB_DATABASE_URL"]) as connection:
        return connection.execute("SELECT id FROM vaults_vault WHERE name = 'demo-europe'").fetchone()[0].hex


@pytest.fixture(scope="module")
def name(stack):
    """The name of a key in the vault."""
    name = f"hostile-{os.urandom(4).hex()}"
    url, headers = f"{stack.vault_url}/keys/{name}/create?api-version=7.4", {"Authorization": f"Bearer {stack.token()}"}
    assert stack.http().request("POST", url, json={"kty": "EC-HSM"}, headers=headers).status == 200
    return name


def ask(request):
    """The code of the worker's error; "" for an answer."""
    (path, *_) = sorted((Path(os.environ["LANE_DIR"]) / "europe" / "web").glob("*.sock"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.settimeout(5)
        connection.connect(str(path))
        connection.send(protocol.pack_request(request))
        return msgspec.msgpack.decode(connection.recv(200_000))[0]


@pytest.fixture
def bind(stack, vault_id, name):
    """The code of the answer to a request to bind the header of a backup."""

    def bind(*, token=None, vault="demo-europe", asked=name, kind="key", **changes):
        header = {
            "object": "key",
            "name": name,
            "world": "europe",
            "vault": "demo-europe",
            "vaultId": vault_id,
            "lineage": uuid.uuid4().hex,
            "madeBy": "vaultportal 1",
            "created": 0,
            "parts": [],
        }
        credential = stack.token() if token is None else token
        context = RequestContext(request_id=uuid7(), scheme=Scheme.BEARER, credential=credential)
        encoded = orjson.dumps(header | changes)
        return ask(protocol.BindBackup(0.0, context, vault, asked, "", kind, encoded))

    return bind


def test_a_backup_is_bound_for_a_caller_who_may_make_it_and_for_this_object_only(bind, stack):
    assert bind() == ""
    assert bind(token="") == "TokenRefused"
    assert bind(token=stack.token(stranger=True)) == "NotAuthorised"
    for changes in ({"vaultId": ""}, {"vaultId": uuid.uuid4().hex}, {"name": "vault-key"}, {"world": "america"}):
        assert bind(**changes) == "PartNotInBackup", changes
    assert bind(object="secret") == "PartNotInBackup"
    assert bind(kind="secret") == "PartNotInBackup"


@pytest.mark.parametrize(
    ("name", "operations"),
    [("vault-key", ["seal"]), ("issuer/1", ["sign"]), ("token-authority", ["sign", "seal"]), ("a", ["wrap"])],
)
def test_no_internal_key_is_made_of_bytes_that_the_web_process_knows(vault_id, name, operations):
    spec = protocol.ImportedKeySpec(
        name=name, version="0" * 32, custody="wrapped", key_type="oct", parameter="256", operations=operations,
        exportable=False,
    )  # fmt: skip
    assert ask(protocol.ImportKey(0.0, vault_id, spec, bytes(32))) == "NotACustomersKey"


def test_no_key_is_bound_to_an_operation_of_internal_keys(vault_id, name):
    with psycopg.connect(os.environ["WEB_DATABASE_URL"]) as connection:
        row = connection.execute(
            "SELECT v.id FROM keys_keyversion v JOIN keys_key k ON k.id = v.key_id WHERE k.name = %s", [name]
        ).fetchone()
    assert ask(protocol.RebindKey(0.0, vault_id, row[0].hex, ["seal"])) == "NotACustomersKey"
