"""MongoDB's field-level encryption, unmodified libmongocrypt: its data keys are wrapped by the vault, without a MongoDB.

The library writes the requests itself and reads the answers itself; what is here only moves bytes over TLS. Its ways: a
`Host` without the port, a scope without the port, and an empty version in the path when the caller gave none.
"""

import importlib.metadata
import socket
import ssl
import struct
import uuid
from urllib.parse import urlsplit

import pytest
from pymongocrypt.errors import MongoCryptError
from pymongocrypt.mongocrypt import MongoCryptOptions
from pymongocrypt.synchronous.explicit_encrypter import ExplicitEncrypter
from pymongocrypt.synchronous.state_machine import MongoCryptCallback

from tests.support.compatibility import proves

pytestmark = pytest.mark.stack

ALGORITHM = "AEAD_AES_256_CBC_HMAC_SHA_512-Random"
PLAIN = "4929 0000 0000 6"


def bson(document):
    """As much of BSON as is needed here: text, bytes and documents."""
    body = b""
    for name, value in document.items():
        if isinstance(value, dict):
            kind, data = 3, bson(value)
        elif isinstance(value, bytes):
            kind, data = 5, struct.pack("<iB", len(value), 0) + value
        else:
            text = value.encode() + b"\0"
            kind, data = 2, struct.pack("<i", len(text)) + text
        body += bytes([kind]) + name.encode() + b"\0" + data
    return struct.pack("<i", len(body) + 5) + body + b"\0"


def id_of(data_key):
    """The `_id` (binary of 16 bytes, subtype 4) in an encoded document."""
    start = data_key.index(b"\x05_id\0" + struct.pack("<iB", 16, 4)) + 10
    return data_key[start : start + 16]


def with_capital_names(answer):
    """The answer with its header names as `Content-Length`.

    libmongocrypt compares them by case, against RFC 9110 section 5.1; the server in front of us writes them small.
    """
    head, _, body = answer.partition(b"\r\n\r\n")
    first, *fields = head.split(b"\r\n")
    named = [name.title() + b":" + value for name, _, value in (field.partition(b":") for field in fields)]
    return b"\r\n".join([first, *named]) + b"\r\n\r\n" + body


class Mover(MongoCryptCallback):
    """Moves bytes between the library and the vault; keeps data keys where a driver would keep them in MongoDB."""

    def __init__(self, ca, data_keys):
        self.data_keys = data_keys
        self.sent = []
        self._context = ssl.create_default_context(cafile=ca)

    def kms_request(self, kms_context):
        self.sent.append(bytes(kms_context.message).decode())
        host, port = kms_context.endpoint.rsplit(":", 1)
        plain = socket.create_connection((host, int(port)), timeout=30)
        with self._context.wrap_socket(plain, server_hostname=host) as connection:
            connection.sendall(kms_context.message)
            answer = b"".join(iter(lambda: connection.recv(65536), b""))  # the library asks for Connection:close
        answer = with_capital_names(answer)
        while (needed := kms_context.bytes_needed) > 0:
            part, answer = answer[:needed], answer[needed:]
            assert part, "the answer ended early"
            kms_context.feed(part)

    def fetch_keys(self, wanted):
        yield from self.data_keys.values()

    def insert_data_key(self, data_key):
        self.data_keys[id_of(data_key)] = data_key
        return id_of(data_key)

    def bson_encode(self, doc):
        return bson(doc)

    def collection_info(self, database, wanted):
        raise AssertionError("explicit encryption asks for no collection")

    def mark_command(self, database, cmd):
        raise AssertionError("explicit encryption asks for no marking")

    def close(self):
        """Nothing is open."""


@pytest.fixture(params=[True, False], ids=["hsm", "software"])
def key(keys, request):
    return keys.create_rsa_key(f"mongo-{uuid.uuid4().hex[:12]}", hardware_protected=request.param)


@pytest.fixture
def application(stack):
    """Starts one more process of an application: it shares the stored data keys and nothing else."""
    data_keys = {}
    started = []

    def start(*, stranger=False):
        who = {
            "tenantId": stack.tenant,
            "clientId": stack.stranger_id if stranger else stack.client_id,
            "clientSecret": stack.stranger_secret if stranger else stack.client_secret,
            "identityPlatformEndpoint": urlsplit(stack.authority).netloc,
        }
        encrypter = ExplicitEncrypter(Mover(stack.ca, data_keys), MongoCryptOptions({"azure": who}))
        started.append(encrypter)
        return encrypter

    yield start
    for encrypter in started:
        encrypter.close()


def master_key(stack, key, *, version=None):
    found = {"keyVaultEndpoint": urlsplit(stack.vault_url).netloc, "keyName": key.name}
    return {**found, "keyVersion": version} if version else found


def encrypted(encrypter, data_key):
    value = encrypter.encrypt(bson({"v": PLAIN}), ALGORITHM, key_id=data_key)
    assert PLAIN.encode() not in value
    return value


def test_what_is_encrypted_is_decrypted_by_a_fresh_client(application, stack, key):
    first = application()
    data_key = first.create_data_key("azure", master_key(stack, key))
    value = encrypted(first, data_key)
    assert first.decrypt(value) == bson({"v": PLAIN})
    assert application().decrypt(value) == bson({"v": PLAIN})


def test_the_requests_are_those_that_the_library_is_known_for(application, stack, key):
    """If a newer library writes them in another way, this file no longer tests what it says."""
    encrypter = application()
    encrypter.create_data_key("azure", master_key(stack, key))
    token, wrap = encrypter.callback.sent
    assert token.startswith(f"POST /{stack.tenant}/oauth2/v2.0/token HTTP/1.1")
    vault = urlsplit(stack.vault_url)
    assert f"scope=https%3A%2F%2F{vault.hostname.split('.', 1)[1]}%2F.default" in token
    assert wrap.startswith(f"POST /keys/{key.name}//wrapkey?api-version=7.1 HTTP/1.1")
    assert f"\r\nHost:{vault.hostname}\r\n" in wrap


def test_with_a_version_the_data_key_outlives_a_roll(application, keys, stack, key):
    first = application()
    data_key = first.create_data_key("azure", master_key(stack, key, version=key.properties.version))
    value = encrypted(first, data_key)
    keys.rotate_key(key.name)
    fresh = application()
    assert fresh.decrypt(value) == bson({"v": PLAIN})
    assert any(
        f"POST /keys/{key.name}/{key.properties.version}/unwrapkey" in request for request in fresh.callback.sent
    )


def test_without_a_version_a_roll_closes_the_data_key_as_in_azure(application, keys, stack, key):
    first = application()
    value = encrypted(first, first.create_data_key("azure", master_key(stack, key)))
    keys.rotate_key(key.name)
    with pytest.raises(MongoCryptError, match="400"):
        application().decrypt(value)


def test_a_stranger_with_the_stored_data_keys_decrypts_nothing(application, stack, key):
    first = application()
    value = encrypted(first, first.create_data_key("azure", master_key(stack, key)))
    with pytest.raises(MongoCryptError, match="403"):
        application(stranger=True).decrypt(value)
    what = "client-side encryption: data keys wrapped by the vault"
    proves("MongoDB `pymongocrypt`", importlib.metadata.version("pymongocrypt"), what)
