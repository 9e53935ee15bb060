"""Counts beside the records: the same numbers, by version, and readable without the trail."""

import os
import uuid

import psycopg
import pytest
from azure.identity import ClientSecretCredential
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm
from azure.keyvault.secrets import SecretClient

from apps.audit_log.sealing import tag_of
from tests.support import records
from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def web():
    with psycopg.connect(os.environ["WEB_DATABASE_URL"], autocommit=True) as connection:
        yield connection


def counts(web, name, operation):
    query = "SELECT object_id, done, refused FROM usage_usecount WHERE object_id LIKE %s AND operation = %s"
    return {row[0]: row[1:] for row in web.execute(query, [f"%/{name}%", operation]).fetchall()}


def test_uses_are_counted_by_version_and_agree_with_the_trail(stack, web):
    name, credential = f"t{uuid.uuid4().hex[:10]}", stack.credential(ClientSecretCredential)
    keys = KeyClient(stack.vault_url, credential, connection_verify=stack.ca)
    old = keys.create_ec_key(name, hardware_protected=True)
    new = keys.create_ec_key(name, hardware_protected=True)
    for key, times in ((old, 3), (new, 5)):
        crypto = CryptographyClient(key.id, credential, connection_verify=stack.ca)
        for _ in range(times):
            crypto.sign(SignatureAlgorithm.es256, bytes(32))
    expected = {f"keys/{name}/{old.properties.version}": (3, 0), f"keys/{name}/{new.properties.version}": (5, 0)}
    wait_until(lambda: counts(web, name, "KeySign") == expected, f"the counts {expected}")
    found = records.running("operation = 'KeySign' AND object = %s", [tag_of("object", f"keys/{name}")])
    assert len(found) == 8


def test_refusals_are_counted_apart(stack, web):
    name = f"t{uuid.uuid4().hex[:10]}"
    stranger = stack.credential(ClientSecretCredential, stranger=True)
    client = SecretClient(stack.vault_url, stranger, connection_verify=stack.ca)
    for _ in range(2):
        with pytest.raises(Exception, match="Forbidden"):
            client.get_secret(name)
    wait_until(lambda: counts(web, name, "SecretGet") == {f"secrets/{name}": (0, 2)}, "two denials")


def test_nobody_who_counts_reads_the_trail(web):
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        web.execute("SELECT 1 FROM audit_event LIMIT 1")
