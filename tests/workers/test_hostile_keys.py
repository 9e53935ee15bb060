"""A hostile web process that wants keys of others bound to a place of its own, or internal keys made of its bytes."""

import os
import socket
import uuid
from pathlib import Path

import msgspec
import orjson
import psycopg
import pytest
from azure.keyvault.secrets import SecretClient

from apps.core.encoding import to_base64url
from apps.core.ids import uuid7
from apps.core.principals import RequestContext, Scheme
from apps.domain.hsm_client import protocol
from apps.domain.objects import backups
from tests.support.management import vault_name
from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack
REFUSED = "PartNotInBackup"


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
    return answer_of(request)[0]


def answer_of(request):
    """The code of the worker's error, and its answer or message."""
    (path, *_) = sorted((Path(os.environ["LANE_DIR"]) / "europe" / "web").glob("*.sock"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.settimeout(5)
        connection.connect(str(path))
        connection.send(protocol.pack_request(request))
        return msgspec.msgpack.decode(connection.recv(200_000))[:2]


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
            "madeBy": "vaultportal 2",
            "created": 0,
            "production": False,
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


def spec(**changes):
    given = {
        "name": "hostile", "version": "0" * 32, "custody": "wrapped", "key_type": "oct", "parameter": "256",
        "operations": ["sign"], "exportable": False,
    }  # fmt: skip
    return protocol.ImportedKeySpec(**given | changes)


@pytest.fixture
def caller(stack):
    """The context of a request with the token of the demo application; `of` makes others."""

    def of(token=None):
        credential = stack.token() if token is None else token
        return RequestContext(request_id=uuid7(), scheme=Scheme.BEARER, credential=credential)

    return of


@pytest.fixture
def newest(name):
    """The version of the key in the vault."""
    with psycopg.connect(os.environ["WEB_DATABASE_URL"]) as connection:
        return connection.execute(
            "SELECT v.version FROM keys_keyversion v JOIN keys_key k ON k.id = v.key_id WHERE k.name = %s", [name]
        ).fetchone()[0]


@pytest.mark.parametrize(
    ("name", "operations"),
    [("vault-key", ["seal"]), ("issuer/1", ["sign"]), ("token-authority", ["sign", "seal"]), ("a", ["wrap"])],
)
def test_no_internal_key_is_made_of_bytes_that_the_web_process_knows(caller, name, operations):
    bind = protocol.ImportKey(
        0.0, caller(), "demo-europe", name, uuid.uuid4().hex, "key", spec(operations=operations), bytes(32)
    )
    assert ask(bind) in {"NotACustomersKey", "BadObjectName"}


def every_request(context, name, version):
    """Each request that binds a key or seals a value in a caller's name."""
    place = (0.0, context, "demo-europe", name)
    part = (b"{}", bytes(32), b"{}")
    return [
        protocol.ImportKey(*place, uuid.uuid4().hex, "key", spec(), bytes(32)),
        protocol.ImportKey(*place, uuid.uuid4().hex, "certificate", spec(), bytes(32)),
        protocol.ImportWrappedKey(*place, uuid.uuid4().hex, spec(), (name, version), bytes(32)),
        protocol.RebindKey(*place, version, ["verify"]),
        protocol.SealCertificate(*place, version, [], "application/x-pem-file"),
        protocol.RestoreKeyVersion(*place, "", "key", *part),
        protocol.RestoreKeyVersion(*place, "", "certificate", *part),
        protocol.RestoreSecretVersion(*place, "", "secret", *part),
        protocol.SealSecret(*place, uuid.uuid4().hex, "secret", b"value"),
        protocol.SealSecret(*place, uuid.uuid4().hex, "certificate", b"value"),
        protocol.StoreSecret(*place, "", b"value", None, True, None, None, {}),
        protocol.SealDestination(0.0, context, "demo-europe", "", "", uuid.uuid4().hex, "credentials", b"value"),
    ]


def malformed(context, name, version):
    """Requests with a value that is none of the protocol."""
    place = (0.0, context, "demo-europe", name)
    new = (*place, uuid.uuid4().hex)
    return [
        protocol.UseKey(*place, "", "nonsense", "ES256", bytes(32)),
        protocol.UseKey(*place, "", "secrets/get", "ES256", bytes(32)),
        protocol.ImportKey(*new, "nonsense", spec(), bytes(32)),
        protocol.ImportKey(*new, "secret", spec(), bytes(32)),
        protocol.ImportKey(*new, "key", spec(custody="nonsense"), bytes(32)),
        protocol.ImportKey(*new, "key", spec(key_type="nonsense"), bytes(32)),
        protocol.BindBackup(*place, "", "nonsense", b"{}"),
        protocol.RestoreKeyVersion(*place, "", "nonsense", b"{}", bytes(32), b"{}"),
        protocol.RestoreSecretVersion(*place, "", "nonsense", b"{}", bytes(32), b"{}"),
        protocol.SealCertificate(*place, version, [], "application/x-pem-file"),
        protocol.SealCertificate(*place, version, [b"nonsense"], "application/x-pkcs12"),
        protocol.SealSecret(*place, uuid.uuid4().hex, "nonsense", b"value"),
        protocol.SealSecret(*place, uuid.uuid4().hex, "key", b"value"),
        protocol.CheckBackup(0.0, "nonsense", b"{}", bytes(32)),
        protocol.CheckBackup(0.0, uuid.uuid4().hex, b"{}", bytes(32)),
        protocol.IssueToken(0.0, context, "nonsense", "secret"),
    ]


def refusals():
    """The number of refused requests of web processes, which each worker counts."""
    (path, *_) = sorted((Path(os.environ["LANE_DIR"]) / "europe" / "web").glob("*.sock"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
        connection.settimeout(5)
        connection.connect(str(path))
        connection.send(protocol.pack_request(protocol.Status()))
        return msgspec.msgpack.decode(connection.recv(200_000))[1]["refusals"].get("web", 0)


def test_values_that_are_none_of_the_protocol_are_refused_and_counted(caller, name, newest):
    for request in malformed(caller(), name, newest):
        before = refusals()
        assert ask(request) == "RequestMalformed", request
        assert refusals() == before + 1, request


def records(context):
    """(operation, status) of the records of a request."""
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        return connection.execute(
            "SELECT operation, status FROM audit_event WHERE request_id = %s", [context.request_id]
        ).fetchall()


def test_nothing_is_bound_without_a_live_caller_who_may(stack, caller, name, newest):
    for request in every_request(caller(""), name, newest):
        assert ask(request) == "TokenRefused", request
    stranger = caller(stack.token(stranger=True))
    for request in every_request(stranger, name, newest):
        assert ask(request) == "NotAuthorised", request
    operations = ["KeyImport", "CertificateImport", "KeyImport", "KeyUpdate", "CertificateCreate"]
    operations += ["KeyRestore", "CertificateRestore", "SecretRestore"]
    operations += ["SecretSet", "CertificateImport", "SecretSet", "LogDestinationPut"]
    assert sorted(records(stranger)) == sorted((operation, 403) for operation in operations)


def test_what_a_caller_may_bind_is_recorded_and_replaces_no_version(caller, name, newest):
    one, place = caller(), ("demo-europe", name)
    assert ask(protocol.ImportKey(0.0, one, *place, uuid.uuid4().hex, "key", spec(name="vault-key"), bytes(32))) == ""
    assert records(one) == [("KeyBind", 200)]
    two = caller()
    assert ask(protocol.ImportKey(0.0, two, *place, newest, "key", spec(), bytes(32))) == "VersionExists"
    assert records(two) == [("KeyImport", 409)]


def test_a_sealed_value_has_a_record_of_the_worker_and_replaces_no_version(stack, caller):
    name = f"hostile-{os.urandom(4).hex()}"
    one, version = caller(), uuid.uuid4().hex
    assert ask(protocol.SealSecret(0.0, one, "demo-europe", name, version, "secret", b"value")) == ""
    assert records(one) == [("SecretSeal", 200)]
    url, headers = f"{stack.vault_url}/secrets/{name}?api-version=7.4", {"Authorization": f"Bearer {stack.token()}"}
    made = stack.http().request("PUT", url, json={"value": "first"}, headers=headers)
    two, version = caller(), made.json()["id"].rpartition("/")[2]
    assert ask(protocol.SealSecret(0.0, two, "demo-europe", name, version, "secret", b"second")) == "VersionExists"
    assert records(two) == [("SecretSet", 409)]
    assert ask(protocol.SealSecret(0.0, caller(), "demo-europe", name, "", "secret", b"value")) == "SecretNotFound"


def test_a_set_secret_has_one_record_which_the_worker_stored_with_the_value(stack):
    name = f"hostile-{os.urandom(4).hex()}"
    url, headers = f"{stack.vault_url}/secrets/{name}?api-version=7.4", {"Authorization": f"Bearer {stack.token()}"}
    made = stack.http().request("PUT", url, json={"value": "value"}, headers=headers)
    assert made.status == 200
    request_id = uuid.UUID(made.headers["x-ms-request-id"])
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        rows = connection.execute("SELECT operation FROM audit_event WHERE request_id = %s", [request_id]).fetchall()
    assert rows == [("SecretSet",)]


def test_a_value_that_the_row_cannot_hold_is_refused_without_a_record(caller):
    name = f"hostile-{os.urandom(4).hex()}"
    for content_type, tags in (("x" * 300, {}), (None, {"a": "\0"}), ("\0", {})):
        one = caller()
        request = protocol.StoreSecret(
            0.0, one, "demo-europe", name, "", b"value", content_type, True, None, None, tags
        )
        assert ask(request) == "SecretNotStored", content_type
        assert records(one) == []
    too_long = protocol.StoreSecret(0.0, caller(), "demo-europe", name, "", bytes(25_601), None, True, None, None, {})
    assert ask(too_long) == "SecretTooLong"


def test_an_application_seals_no_part_of_a_log_destination(caller):
    for part in ("credentials", "segments"):
        request = protocol.SealDestination(0.0, caller(), "demo-europe", "", "", uuid.uuid4().hex, part, b"value")
        assert ask(request) == "NotAuthorised"


@pytest.fixture
def backup_of(stack):
    """A genuine backup of a new secret in a vault."""

    def backup_of(url):
        client = stack.sdk(SecretClient, url)
        client.set_secret("password", "of production")
        backup = backups.parse_backup(to_base64url(client.backup_secret("password")))
        sent = {"header": backup.header, "mac": backup.mac, "encapsulated": backup.encapsulated}
        _, (genuine, key) = answer_of(protocol.CheckBackup(0.0, backup.facts.vault_id, **sent))
        assert genuine
        return backups.decrypt_parts(backup, key)

    return backup_of


def restored(caller, url, backup):
    """The code of the worker's answer to a web process that asks for no approval."""
    place = (0.0, caller(), vault_name(url), "password", "")
    return ask(protocol.RestoreSecretVersion(*place, "secret", backup.header, backup.mac, backup.parts[0]))


def test_the_worker_asks_for_the_approval_of_a_restore_from_production(management, caller, backup_of):
    source, target = management.vault(production=True), management.vault()
    backup = backup_of(source)
    assert backup.facts.production
    assert restored(caller, target, backup) == "SecondPersonNeeded"
    assert restored(caller, source, backup) == "VersionExists"


def test_the_worker_brings_into_a_test_vault_only_its_owners(management, caller, backup_of):
    source, target = management.vault(), management.vault()
    backup = backup_of(source)
    assert restored(caller, target, backup) == ""
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        connection.execute(
            "UPDATE vaults_vault SET test = true, owner_id = (SELECT id FROM identity_user WHERE username = %s) "
            "WHERE name = %s",
            [os.environ["PORTAL_USER_DEVELOPER"], vault_name(target)],
        )
    wait_until(lambda: restored(caller, target, backup) == "NotInTestVault")


def test_a_header_that_hides_a_production_vault_is_not_bound(management, caller):
    name = vault_name(management.vault(production=True))
    with psycopg.connect(os.environ["WEB_DATABASE_URL"]) as connection:
        vault_id = connection.execute("SELECT id FROM vaults_vault WHERE name = %s", [name]).fetchone()[0].hex
    header = {
        "object": "secret", "name": "password", "world": "europe", "vault": name, "vaultId": vault_id,
        "lineage": uuid.uuid4().hex, "madeBy": "vaultportal 2", "created": 0, "parts": [],
    }  # fmt: skip
    for output, answer in (({"production": True}, ""), ({"production": False}, REFUSED), ({}, REFUSED)):
        encoded = orjson.dumps(header | output)
        assert ask(protocol.BindBackup(0.0, caller(), name, "password", "", "secret", encoded)) == answer, output


def test_no_key_is_bound_to_an_operation_of_internal_keys(caller, name, newest):
    for operations in (["seal"], ["import"], ["wrap"]):
        request = protocol.RebindKey(0.0, caller(), "demo-europe", name, newest, operations)
        assert ask(request) == "BadKeyParameter"


def test_a_release_of_a_key_that_is_not_exportable_is_no_incident(caller, name):
    request = protocol.ReleaseKey(0.0, caller(), "demo-europe", name, "", b"", "RSA_AES_KEY_WRAP_256", "issuer", "kid")
    with psycopg.connect(os.environ["DATABASE_URL"]) as connection:
        count = "SELECT count(*) FROM audit_incident WHERE problem = 'altered-key'"
        before = connection.execute(count).fetchone()
        assert ask(request) == "KeyOperationForbidden"
        assert connection.execute(count).fetchone() == before


@pytest.mark.parametrize(
    ("key_type", "parameter"), [("OKP", "Ed25519"), ("AKP", "ML-DSA-65"), ("AKP", "ML-KEM-768")], ids=str
)
def test_a_key_that_the_hsm_cannot_protect_is_bound_to_no_hsm(caller, name, newest, key_type, parameter):
    """Also if the web process does not check it; and an ML-KEM key takes in other keys only if it may."""
    place = (0.0, caller(), "demo-europe", name, uuid.uuid4().hex)
    claimed = spec(key_type=key_type, parameter=parameter, operations=["verify"])
    assert ask(protocol.ImportKey(*place, "key", claimed, bytes(32))) == "BadKeyParameter"
    wrapped = protocol.ImportWrappedKey(*place, claimed, (name, newest), bytes(2000), (name, newest))
    assert ask(wrapped) == "KeyOperationForbidden"


@pytest.mark.parametrize(
    "more",
    [
        {"algorithm": ""},
        {"algorithm": "ML-DSA-65"},
        {"algorithm": "EdDSA"},
        {"algorithm": "ES256", "message_context": b"x"},
        {"algorithm": "ES256", "external_mu": True},
        {"algorithm": "", "value": bytes(64), "external_mu": True},
    ],
    ids=str,
)
def test_the_worker_decides_which_algorithm_and_context_fit_a_key(caller, name, more):
    given = {"permission": "keys/sign", "algorithm": "ES256", "value": bytes(32)} | more
    assert ask(protocol.UseKey(0.0, caller(), "demo-europe", name, "", **given)) == "BadKeyParameter"
