"""Each kind of storage over its real protocol: what it accepts, what it refuses, and the messages about it."""

import base64
import gzip
import hashlib
import hmac
import logging
import os
import re
import secrets

import pytest

from apps.core.outbound_http import Guard
from apps.log_delivery.models import LogDestination
from apps.log_delivery.rules import check_settings
from apps.workers.log_delivery.destinations import TEST_NAME, SinkConfig, SinkError, open_sink
from apps.workers.log_delivery.segment_delivery import DestinationConnection
from apps.workers.log_delivery.segments import SegmentEncryption
from tests.core.test_outgoing import Peer
from tests.support.certificate_authority import Authority
from tests.support.processes import free_port
from tests.support.waiting import wait_until

pytestmark = pytest.mark.slow  # it starts servers that others wrote

LOCAL = Guard.of(["127.0.0.0/8"])
FOLDER = "payroll/0193a1b2-0000-7000-8000-00000000abcd"
NAME = "segments/0000000000000000-0000000000000002.ndjson.gz"
LINES = [
    b'{"a":"%d","integrity":{"header":{"at":"2026-11-24T14:39:06.12345%dZ"}}}' % (number, number) for number in range(3)
]
SEGMENT = gzip.compress(b"\n".join(LINES) + b"\n")


@pytest.fixture
def opened(tmp_path):
    """Open a sink from settings, as the delivery process does."""
    sinks = []

    def make(kind, settings, *, guard=LOCAL, root=tmp_path):
        checked = check_settings(kind, settings)
        opening = SinkConfig(checked.config, checked.credentials, FOLDER, guard, root)
        sinks.append(open_sink(kind, opening))
        return sinks[-1]

    yield make
    for sink in sinks:
        sink.close()


@pytest.fixture
def stranger(tmp_path):
    """An authority that signed nobody's storage."""
    return Authority(tmp_path, "somebody else")


def s3_settings(s3, authority, **changes):
    settings = {"endpoint": s3[0], "bucket": "usage-logs", "prefix": "team/a", "ca_pem": authority.pem}
    return {**settings, "access_key_id": "AKIAKEYID", "secret_access_key": "the-secret-access-key", **changes}


def blob_settings(azurite, authority, **changes):
    settings = {"account_url": azurite[0], "container": "usage-logs", "prefix": "team"}
    return {**settings, "ca_pem": authority.pem, "account_key": azurite[1], **changes}


def hook_settings(hook, authority, **changes):
    secret = "whsec_" + base64.b64encode(b"k" * 32).decode()
    return {"url": hook.url, "ca_pem": authority.pem, "secret": secret, **changes}


def syslog_settings(syslog, authority, **changes):
    port, _, (certificate, key) = syslog
    return {
        "host": "localhost",
        "port": str(port),
        "ca_pem": authority.pem,
        "client_certificate": certificate.read_text(),
        "client_key": key.read_text(),
        **changes,
    }


def test_s3_takes_an_object_and_takes_it_again(opened, s3, authority):
    sink = opened("s3", s3_settings(s3, authority))
    for data in (b"first", SEGMENT):
        sink.put(NAME, data)
        stored = s3[1].get_object(Bucket="usage-logs", Key=f"team/a/{FOLDER}/{NAME}")
        assert stored["Body"].read() == data
    sink.check()
    assert s3[1].head_object(Bucket="usage-logs", Key=f"team/a/{FOLDER}/{TEST_NAME}")


def test_a_bucket_that_is_not_there_is_named(opened, s3, authority):
    sink = opened("s3", s3_settings(s3, authority, bucket="nobody-has-this"))
    with pytest.raises(SinkError, match="no such bucket"):
        sink.check()


def test_blob_storage_takes_an_object_and_takes_it_again(opened, azurite, authority):
    sink = opened("azure-blob", blob_settings(azurite, authority))
    for data in (b"first", SEGMENT):
        sink.put(NAME, data)
        assert azurite[2].download_blob(f"team/{FOLDER}/{NAME}").readall() == data


def test_blob_storage_that_lets_nobody_overwrite_is_asked_what_it_has(opened, immutable, azurite, authority):
    """We recommend an immutability policy: a delivery that died before its watermark moved must continue all the same."""
    sink = opened("azure-blob", blob_settings((immutable.url, azurite[1]), authority, prefix=secrets.token_hex(4)))
    for _ in range(2):
        sink.put(NAME, SEGMENT)
        sink.check()
    assert len(immutable.refused) == 2
    with pytest.raises(SinkError, match="HTTP 409"):
        sink.put(NAME, SEGMENT + b"something else")


def test_blob_storage_tells_wrong_keys_from_missing_containers(opened, azurite, authority):
    wrong = base64.b64encode(os.urandom(64)).decode()
    with pytest.raises(SinkError, match="rejects these credentials"):
        opened("azure-blob", blob_settings(azurite, authority, account_key=wrong)).check()
    with pytest.raises(SinkError, match="no such container"):
        opened("azure-blob", blob_settings(azurite, authority, container="nobody")).check()


def test_blob_storage_takes_a_shared_access_signature(opened, azurite, authority):
    import datetime as dt

    from azure.storage.blob import AccountSasPermissions, ResourceTypes, generate_account_sas

    until = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    sas = generate_account_sas(
        "owner",
        azurite[1],
        resource_types=ResourceTypes(object=True),
        permission=AccountSasPermissions(write=True, create=True),
        expiry=until,
    )
    settings = blob_settings(azurite, authority, sas_token=sas)
    del settings["account_key"]
    opened("azure-blob", settings).put(NAME, SEGMENT)
    assert azurite[2].download_blob(f"team/{FOLDER}/{NAME}").readall() == SEGMENT


def test_syslog_gets_a_message_for_each_record_and_each_manifest(opened, syslog, authority):
    sink, marker = opened("syslog", syslog_settings(syslog, authority)), secrets.token_hex(8).encode()
    lines = [line.replace(b'"a"', b'"%b"' % marker) for line in LINES]
    sink.put(NAME, gzip.compress(b"\n".join(lines) + b"\n"))
    sink.put("leaves/x.bin", b"\x00\xff" * 16)
    sink.put("manifests/x.json", b'{"%b":1}' % marker)

    def received():
        found = [line for line in syslog[1].read_bytes().splitlines() if marker in line] if syslog[1].exists() else []
        return found if len(found) == 4 else None

    found = wait_until(received, "messages in rsyslog")
    for number, line in enumerate(lines):
        head = b"vaultportal payroll record 2026-11-24T14:39:06.12345%d+00:00 " % number
        assert found[number].replace(b"Z ", b"+00:00 ") == head + line
    assert found[3].startswith(b"vaultportal payroll manifest ")


def test_syslog_carries_a_long_segment_whole(opened, syslog, authority):
    sink, marker = opened("syslog", syslog_settings(syslog, authority)), secrets.token_hex(8)
    lines = [f'{{"{marker}":"{number}","text":"{"x" * 900}"}}' for number in range(3000)]
    sink.put(NAME, gzip.compress("\n".join(lines).encode() + b"\n"))
    pattern = re.compile(f'"{marker}":"(\\d+)"')
    wait_until(lambda: len(pattern.findall(syslog[1].read_text())) == 3000, "3000 messages")
    assert pattern.findall(syslog[1].read_text()) == [str(number) for number in range(3000)]


def test_a_receiver_that_wants_a_certificate_refuses_whoever_has_none(opened, syslog, authority):
    settings = syslog_settings(syslog, authority)
    del settings["client_certificate"], settings["client_key"]
    with pytest.raises(SinkError):
        opened("syslog", settings).check()


def test_a_webhook_gets_signed_bytes(opened, hook, authority):
    sink = opened("webhook", hook_settings(hook, authority))
    sink.put(NAME, SEGMENT)
    sink.put(NAME, SEGMENT)
    (headers, body), (again, _) = hook.received
    assert body == SEGMENT
    assert headers["X-Vault-Portal-Object"] == f"{FOLDER}/{NAME}"
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    expected = base64.b64encode(hmac.new(b"k" * 32, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{expected}"
    assert again["webhook-id"] == headers["webhook-id"], "what comes again says so"


@pytest.mark.parametrize("status", [302, 307, 308])
def test_a_webhook_leads_nowhere_else(opened, hook, authority, status):
    hook.status, hook.location = status, "https://169.254.169.254/latest/meta-data/"
    with pytest.raises(SinkError, match="points elsewhere"):
        opened("webhook", hook_settings(hook, authority)).check()
    assert len(hook.received) == 1


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_a_webhook_that_does_not_say_yes_has_not_taken_it(opened, hook, authority, status):
    hook.status = status
    with pytest.raises(SinkError, match=f"HTTP {status}"):
        opened("webhook", hook_settings(hook, authority)).check()


def test_a_directory_takes_an_object_whole_and_again(opened, tmp_path):
    sink = opened("directory", {"path": "team/a"})
    for data in (b"first", SEGMENT):
        sink.put(NAME, data)
    file = tmp_path / "team/a" / FOLDER / NAME
    assert file.read_bytes() == SEGMENT
    assert [found.name for found in file.parent.iterdir()] == [file.name], "nothing is left aside"


@pytest.mark.parametrize("name", ["../x", "segments/../../x", "/etc/x", "segments//x", "."])
def test_no_name_leads_out_of_the_directory(opened, tmp_path, name):
    with pytest.raises(SinkError):
        opened("directory", {"path": "team"}).put(name, b"x")


@pytest.mark.parametrize("where", ["team", f"team/{FOLDER.split('/', maxsplit=1)[0]}"])
def test_no_link_leads_out_of_the_directory(opened, tmp_path, where):
    root, outside = tmp_path / "root", tmp_path / "outside"
    outside.mkdir()
    (root / where).parent.mkdir(parents=True)
    (root / where).symlink_to(outside)
    with pytest.raises(SinkError, match="link"):
        opened("directory", {"path": "team"}, root=root).put(NAME, SEGMENT)
    assert list(outside.iterdir()) == []


def test_without_a_root_there_are_no_directories(opened):
    with pytest.raises(SinkError, match="DELIVERY_ROOT"):
        opened("directory", {"path": "team"}, root=None)


REMOTE = ["s3", "azure-blob", "syslog", "webhook"]


@pytest.fixture
def settings_of(s3, azurite, syslog, hook, authority):
    makers = {
        "s3": lambda **changes: s3_settings(s3, authority, **changes),
        "azure-blob": lambda **changes: blob_settings(azurite, authority, **changes),
        "syslog": lambda **changes: syslog_settings(syslog, authority, **changes),
        "webhook": lambda **changes: hook_settings(hook, authority, **changes),
    }
    return lambda kind, **changes: makers[kind](**changes)


@pytest.mark.parametrize("kind", REMOTE)
def test_storage_inside_is_refused_unless_it_is_allowed(opened, settings_of, kind):
    """localhost answers on all of them: only the guard can be what says no."""
    opened(kind, settings_of(kind)).check()
    with pytest.raises(SinkError, match="not at a public address"):
        opened(kind, settings_of(kind), guard=Guard()).check()


@pytest.mark.parametrize("kind", REMOTE)
def test_storage_whose_certificate_is_not_the_owners_gets_nothing(opened, settings_of, stranger, kind):
    with pytest.raises(SinkError, match="certificate"):
        opened(kind, settings_of(kind, ca_pem=stranger.pem)).check()


@pytest.mark.parametrize("kind", REMOTE)
def test_storage_that_is_away_is_told_from_storage_that_refuses(opened, settings_of, kind):
    port = free_port()
    addresses = {
        "s3": {"endpoint": f"https://localhost:{port}"},
        "azure-blob": {"account_url": f"https://localhost:{port}/owner"},
        "syslog": {"port": str(port)},
        "webhook": {"url": f"https://localhost:{port}/logs"},
    }
    with pytest.raises(SinkError, match="does not answer"):
        opened(kind, settings_of(kind, **addresses[kind])).check()


@pytest.mark.parametrize("kind", REMOTE)
def test_no_credential_is_in_a_repr_a_log_line_or_a_sentence(opened, settings_of, stranger, kind, caplog):
    caplog.set_level(logging.DEBUG)
    settings = settings_of(kind)
    checked = check_settings(kind, settings)
    secret = [value for value in checked.credentials.values() if len(value) > 10]
    assert secret
    shown = [repr(checked), str(checked), str(SinkConfig(checked.config, checked.credentials, FOLDER, LOCAL, None))]
    opened(kind, settings).check()
    for changes in ({"ca_pem": stranger.pem}, {}):
        with pytest.raises(SinkError) as fault:
            opened(kind, settings_of(kind, **changes), guard=LOCAL if changes else Guard()).check()
        shown.append(str(fault.value))
    text = "\n".join(shown)
    assert not [value for value in secret if value in text]
    ours = "\n".join(record.getMessage() for record in caplog.records if record.levelno >= logging.INFO)
    assert not [value for value in secret if value in ours]


def test_no_token_is_logged_with_an_address_whose_answer_is_broken(opened, tmp_path, capfd, caplog):
    """urllib3 warns of such headers, and names the address: with Azure's SAS in it."""
    peer, token = Peer(tmp_path), "sv=2024-11-04&sig=canary-signature-0ff1ce"
    peer.answer = b"HTTP/1.1 201 Created\r\nthis is no header\r\nContent-Length: 0\r\n\r\n"
    settings = {"account_url": f"{peer.url}owner", "container": "usage-logs", "sas_token": token}
    sink = opened("azure-blob", {**settings, "ca_pem": peer.authority.pem})
    sink.put(NAME, SEGMENT)
    assert peer.asked == 1
    peer.close()
    assert "canary" not in caplog.text + "".join(capfd.readouterr())


def test_nothing_shows_the_secret_of_encrypted_segments():
    shown = repr(SegmentEncryption("public", b"canary-secret")) + repr(
        DestinationConnection(LogDestination(), None, b"canary-secret")
    )
    assert "canary" not in shown
