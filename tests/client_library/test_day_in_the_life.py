"""A day in the life of a key, from an installer to two HSMs: docs/day-in-the-life.md has the same steps."""

import re
import sqlite3
import uuid
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from azure.identity import ClientSecretCredential
from azure.keyvault.keys import KeyClient
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from tests.client_library.instances import running
from tests.support.audit_api import AUDIT, Api
from tests.support.counts import wait_numbered
from tests.support.management import Management, vault_name
from tests.support.waiting import wait_until
from vaultportal_client import AccessForbidden, EnvelopeClient, EnvelopeError, KeyNotFound, KeyVersionDisabled, Limits
from vaultportal_client.envelope import split_header
from vaultportal_client.rewrapping import Rewrapper
from vaultportal_client.wire_format import parse_header

pytestmark = pytest.mark.stack

PAGE = Path(__file__).parents[2] / "docs" / "day-in-the-life.md"
INSTALLER = 'DATABASE_HOST = "db.internal"\nDOCUMENT_KEY = "{key}"  # the same at every customer\n'
NO_CACHE = Limits(
    version_check=0, opened_age=0, retry_after=0
)  # each call asks the vault: rehearsals see changes at once


@dataclass
class Application:
    """An application identity, its credential, and the keys that it is authorised for."""

    name: str
    client_id: str
    variables: dict
    credential: ClientSecretCredential
    keys: list

    def client(self):
        return EnvelopeClient(self.keys, self.credential, limits=NO_CACHE)


class Day:
    """What the steps of the day hand on to each other."""

    def __init__(self, stack):
        self.stack, self.suffix = stack, uuid.uuid4().hex[:8]
        self.security, self.developer = Management(stack), Management(stack, "DEVELOPER")
        self.database = None

    def application(self, person, name, keys, role):
        """An application of this person, with a role at each of these keys and nowhere else."""
        made = person.ask("POST", "applications", {"name": name})
        assert made.status == 201, made.data
        client_id, secret = made.json()["client_id"], made.json()["client_secret"]
        for key in keys:
            body = {"application": name, "role": role, "key": key.rpartition("/")[2]}
            assert person.ask("POST", f"vaults/{vault_name(key)}/role-assignments", body).status == 201
        stack = self.stack
        credential = ClientSecretCredential(
            stack.tenant, client_id, secret, authority=stack.authority, disable_instance_discovery=True
        )
        variables = {"AZURE_CLIENT_ID": client_id, "AZURE_CLIENT_SECRET": secret}
        return Application(name, client_id, variables, credential, keys)

    def url(self, vault):
        return self.stack.vault_url.replace(vault_name(self.stack.vault_url), vault)


@pytest.fixture(scope="module")
def day(stack, tmp_path_factory):
    day = Day(stack)
    day.database = tmp_path_factory.mktemp("day") / "documents.sqlite"
    return day


def eventually(act, kind):
    """A change counts in every process within a second."""

    def refused():
        try:
            act()
        except kind:
            return True
        return False

    wait_until(refused, kind.__name__)


def opens(client, ciphertext, content):
    def opened():
        try:
            return client.decrypt(ciphertext, context=b"1") == content
        except EnvelopeError:
            return False

    wait_until(opened, "content that is readable again")


def key_ids(ciphertext):
    return [copy.key_id for copy in parse_header(split_header(ciphertext)[0]).copies]


def documents(path):
    with closing(sqlite3.connect(path, timeout=60)) as database:
        return dict(database.execute("SELECT id, content FROM document"))


def test_1_a_key_is_found_in_the_installer(day):
    """Everybody who has the installer can read every customer's documents."""
    nonce, found = bytes(12), AESGCM.generate_key(256)
    installer = INSTALLER.format(key=found.hex())
    record = AESGCM(found).encrypt(nonce, b"1 000 EUR", b"1")
    key = bytes.fromhex(re.search(r'DOCUMENT_KEY = "(\w+)"', installer)[1])
    day.legacy = AESGCM(key).decrypt(nonce, record, b"1")
    assert day.legacy == b"1 000 EUR"


def test_2_contractors_develop_against_a_test_vault_with_software_keys(day):
    """A developer makes it without asking anyone. The code is that of production, with another key identifier."""
    name = f"d{day.suffix}"
    assert day.developer.ask("POST", "test-vaults", {"name": name, "world": "europe"}).status == 201
    hardware = {"name": "documents", "type": "RSA", "parameter": "2048", "hardware": True}
    assert day.developer.ask("POST", f"vaults/{name}/new-key", hardware).status == 400
    assert day.developer.ask("POST", f"vaults/{name}/new-key", {**hardware, "hardware": False}).status == 201
    key = f"{day.url(name)}/keys/documents"
    day.contractor = day.application(day.developer, f"contractor-{day.suffix}", [key], "key-vault-crypto-officer")
    with day.contractor.client() as client:
        day.rehearsed = client.encrypt(day.legacy, context=b"1")
        assert client.decrypt(day.rehearsed, context=b"1") == day.legacy


def test_3_roll_disable_delete_and_recover_are_rehearsed(day):
    vault, credential = day.contractor.keys[0].partition("/keys/")[0], day.contractor.credential
    with KeyClient(vault, credential) as keys, day.contractor.client() as client:
        newest = keys.rotate_key("documents").id
        assert client.decrypt(day.rehearsed, context=b"1") == day.legacy
        assert key_ids(client.encrypt(b"new")) == [newest]

        old = key_ids(day.rehearsed)[0].rpartition("/")[2]
        keys.update_key_properties("documents", old, enabled=False)
        eventually(lambda: client.decrypt(day.rehearsed, context=b"1"), KeyVersionDisabled)
        keys.update_key_properties("documents", old, enabled=True)
        opens(client, day.rehearsed, day.legacy)

        keys.begin_delete_key("documents").wait()
        eventually(lambda: client.decrypt(day.rehearsed, context=b"1"), KeyNotFound)
        keys.begin_recover_deleted_key("documents").wait()
        opens(client, day.rehearsed, day.legacy)


def test_4_production_has_hsm_keys_in_two_geographies_authorised_by_identifier(day):
    """Security operations make vaults, keys and role assignments. The application may use these two keys only."""
    worlds = ("europe", "america")
    vaults = [day.security.vault(world=world) for world in worlds]
    key = {"name": "documents", "type": "RSA", "parameter": "2048", "hardware": True}
    for vault in vaults:
        for name in ("documents", "payroll"):
            body = {**key, "name": name}
            assert day.security.ask("POST", f"vaults/{vault_name(vault)}/new-key", body).status == 201
    keys = [f"{vault}/keys/documents" for vault in vaults]
    role = "key-vault-crypto-service-encryption-user"
    day.production = day.application(day.security, f"documents-{day.suffix}", keys, role)
    with day.production.client() as client:
        day.moved = client.encrypt(day.legacy, context=b"1")
        assert [each.partition("/keys/")[0] for each in key_ids(day.moved)] == vaults
        assert client.decrypt(day.moved, context=b"1") == day.legacy
    for other in ([f"{vaults[0]}/keys/payroll"], day.contractor.keys):
        with EnvelopeClient(other, day.production.credential) as client, pytest.raises(AccessForbidden):
            client.encrypt(b"x")
    with day.contractor.client() as client, pytest.raises(EnvelopeError):
        client.decrypt(day.moved, context=b"1")


def test_5_the_keys_are_rolled_under_load_and_no_call_fails(day):
    """Two instances write and read documents while security operations rotate both keys."""
    with running(2, day.database, day.production.keys, **day.production.variables) as instances:
        wait_until(lambda: day.database.exists() and count(day.database) > 100, "documents")
        day.newest = [rotate(day, key) for key in day.production.keys]
        for instance in instances:
            instance.refresh()
        wait_until(lambda: under(day.database, day.newest) > 100, "documents under the newest versions")
        done = [instance.stop() for instance in instances]
    assert [each["failed"] for each in done] == [0, 0], done


def rotate(day, key):
    answer = day.security.ask("POST", f"vaults/{vault_name(key)}/keys/documents/rotate", {})
    assert answer.status in {200, 201}, answer.data
    return f"{key}/{answer.json()['version']}"


def count(path):
    try:
        return len(documents(path))
    except sqlite3.OperationalError:  # the table is not there yet
        return 0


def under(path, versions):
    return sum(key_ids(content) == versions for content in documents(path).values())


def test_6_all_content_is_readable_and_all_new_content_is_under_the_newest_version(day):
    stored = documents(day.database)
    versions = {tuple(key_ids(content)) for content in stored.values()}
    assert len(versions) >= 2  # three, if an instance looked between the two rotations
    assert tuple(day.newest) in versions
    with EnvelopeClient(day.production.keys, day.production.credential) as client:
        for document, content in stored.items():
            assert client.decrypt(content, context=document.encode()) == f"content of {document}".encode()
        assert key_ids(client.encrypt(b"new")) == day.newest


def test_7_old_content_is_moved_and_the_old_versions_are_disabled(day):
    with EnvelopeClient(day.production.keys, day.production.credential) as client:
        stored = {**documents(day.database), "1": day.moved}
        moved = dict(stored)
        outcomes = list(Rewrapper(client).items(stored.items(), lambda item, _, renewed: moved.update({item: renewed})))
        assert not [outcome for outcome in outcomes if outcome.error]
        for key_id in key_ids(day.moved):
            path = f"vaults/{vault_name(key_id)}/objects/keys/documents/versions/{key_id.rpartition('/')[2]}"
            answer = day.security.ask("POST", path, {"enabled": False})
            assert answer.status == 204, answer.data
        eventually(lambda: (client.forget(), client.decrypt(day.moved, context=b"1")), KeyVersionDisabled)
        assert client.decrypt(moved.pop("1"), context=b"1") == day.legacy
        for document, content in moved.items():
            assert client.decrypt(content, context=document.encode()) == f"content of {document}".encode()


def test_8_everything_is_visible_to_the_auditor_and_to_no_one_else(day):
    wait_numbered()
    auditor = Api(day.stack)
    for key in day.production.keys:
        for operation in ("KeyCreate", "KeyRotate", "KeyUpdate"):
            assert records(auditor, vault=vault_name(key), object="keys/documents", operation=operation), operation
        assert records(auditor, operation="KeyUnwrap", caller=day.production.client_id)
        wrapped = records(auditor, vault=vault_name(key), operation="KeyWrap", caller=day.production.client_id)
        versions = {row["properties"]["id"].rpartition("/")[2] for row in wrapped}
        assert len(versions) == 2
    denied = records(auditor, vault=vault_name(day.production.keys[0]), status="refused")
    assert "keys/payroll" in str([row["properties"] for row in denied])
    for role in ("SECOPS", "DEVELOPER"):
        assert Api(day.stack, role).ask("records").status in {401, 403, 404}
    bearer = {"Authorization": f"Bearer {day.stack.token()}"}
    answer = day.stack.http().request("GET", f"{AUDIT}/api/v1/audit/records", headers=bearer)
    assert answer.status in {401, 403, 404}


def records(api, **fields):
    answer = api.ask("records", limit="200", **fields)
    assert answer.status == 200, answer.data
    return answer.json()["records"]


def test_the_page_tells_the_steps_of_this_test():
    steps = [name for name in globals() if re.match(r"test_\d_", name)]
    text = PAGE.read_text()
    assert re.findall(r"^## (\d)\. ", text, re.MULTILINE) == [name.split("_")[1] for name in steps]
