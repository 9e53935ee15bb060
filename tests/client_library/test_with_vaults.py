"""The library with two vaults of the running system."""

import contextlib
import json
import logging
import os
import threading
import traceback

import pytest
from azure.identity import ClientSecretCredential
from azure.keyvault.keys import KeyClient

from tests.support import records
from tests.support.waiting import wait_until
from vaultportal_client import (
    AccessForbidden,
    EnvelopeClient,
    KeyNotFound,
    KeyNotSuitable,
    KeyVersionDisabled,
    Limits,
    TamperedCiphertext,
    VaultUnreachable,
)
from vaultportal_client.envelope import split_header
from vaultportal_client.wire_format import parse_header

pytestmark = pytest.mark.stack


def key_ids(ciphertext):
    return [copy.key_id for copy in parse_header(split_header(ciphertext)[0]).copies]


def refusal(act, kind):
    """The error of an act that is refused within a second, when each process has read the change."""

    def attempt():
        try:
            act()
        except kind as error:
            return error
        return None

    return wait_until(attempt, kind.__name__)


def opened(client, ciphertext):
    with contextlib.suppress(KeyVersionDisabled):
        return client.decrypt(ciphertext)
    return None


def test_a_thousand_messages_cost_two_calls_to_each_vault(client, regions, network):
    ciphertexts = [client.encrypt(b"%d" % number, context=b"%d" % number) for number in range(1000)]
    assert len(network.calls) == 4
    assert {operation for _, operation in network.calls} == {"get", "wrapkey"}
    for number, ciphertext in enumerate(ciphertexts):
        assert client.decrypt(ciphertext, context=b"%d" % number) == b"%d" % number
    assert network.count("unwrapkey") == 1
    with pytest.raises(TamperedCiphertext):
        client.decrypt(ciphertexts[0], context=b"1")


def test_after_a_rollover_old_content_opens_and_new_content_is_under_the_newest_version(client, regions):
    before = client.encrypt(b"before")
    newest = regions.rotate()
    client.refresh()
    after = client.encrypt(b"after")
    assert key_ids(after) == newest
    assert key_ids(before) != newest
    assert (client.decrypt(before), client.decrypt(after)) == (b"before", b"after")
    renewed = client.rewrap(before)
    assert key_ids(renewed) == newest
    assert client.decrypt(renewed) == b"before"
    assert client.rewrap(renewed) is renewed


def test_without_an_event_the_newest_version_is_found_by_age(regions, credential):
    now = [0.0]
    with EnvelopeClient(
        regions.identifiers, credential, limits=Limits(version_check=60), clock=lambda: now[0]
    ) as client:
        before = client.encrypt(b"x")
        newest = regions.rotate()
        now[0] = 59.0
        assert key_ids(client.encrypt(b"x")) == key_ids(before)
        now[0] = 60.0
        assert key_ids(client.encrypt(b"x")) == newest


def test_one_region_is_cut_off_and_comes_back(quick_client, regions, network):
    europe, america = regions.vaults
    both = quick_client.encrypt(b"both")
    network.cut.add(europe)
    assert quick_client.decrypt(both) == b"both"
    alone = quick_client.encrypt(b"alone")
    network.cut.add(america)
    with pytest.raises(VaultUnreachable, match="did not answer"):
        quick_client.decrypt(both)
    network.cut.clear()
    again = quick_client.encrypt(b"again")
    assert len(key_ids(alone)) in {1, 2}  # the data key from before the cut may serve on
    assert len(key_ids(again)) == 2
    assert quick_client.decrypt(alone) == b"alone"


def test_a_new_client_during_an_outage_encrypts_with_one_copy_which_rewrapping_completes(
    quick_client, regions, network
):
    network.cut.add(regions.vaults[1])
    ciphertext = quick_client.encrypt(b"content")
    assert [key_id.partition("/keys/")[0] for key_id in key_ids(ciphertext)] == [regions.vaults[0]]
    with pytest.raises(VaultUnreachable):
        quick_client.rewrap(ciphertext)
    network.cut = {regions.vaults[0]}
    with pytest.raises(VaultUnreachable):
        quick_client.decrypt(ciphertext)
    network.cut.clear()
    renewed = quick_client.rewrap(ciphertext)
    assert len(key_ids(renewed)) == 2
    network.cut.add(regions.vaults[0])
    assert quick_client.decrypt(renewed) == b"content"


def test_a_disabled_version_refuses_and_enabled_again_opens(quick_client, regions):
    ciphertext = quick_client.encrypt(b"content")
    old = key_ids(ciphertext)[0]
    regions.rotate()
    regions.set_enabled(old, enabled=False)
    assert "disabled" in str(refusal(lambda: quick_client.decrypt(ciphertext), KeyVersionDisabled))
    regions.set_enabled(old, enabled=True)
    assert wait_until(lambda: opened(quick_client, ciphertext), "an enabled version") == b"content"


def test_a_missing_key_a_stranger_and_a_key_that_cannot_wrap_are_told_apart(regions, stack, credential, name):
    with EnvelopeClient([f"{stack.vault_url}/keys/{name}"], credential) as client:
        with pytest.raises(KeyNotFound):
            client.encrypt(b"x")
        regions.clients[0].create_ec_key(name)
        with pytest.raises(KeyNotSuitable):
            client.encrypt(b"x")
    stranger = stack.credential(ClientSecretCredential, stranger=True)
    with EnvelopeClient(regions.identifiers, stranger) as client, pytest.raises(AccessForbidden, match="403"):
        client.encrypt(b"x")
    unknown = ClientSecretCredential(
        stack.tenant, stack.client_id, "wrong-secret", authority=stack.authority, disable_instance_discovery=True
    )
    with (
        EnvelopeClient(regions.identifiers, unknown) as client,
        pytest.raises(AccessForbidden, match="sign-in") as error,
    ):
        client.encrypt(b"x")
    assert "wrong-secret" not in str(error.value)


def test_aes_keys_wrap_in_the_vault(stack, credential, name):
    with stack.sdk(KeyClient) as keys:
        keys.create_oct_key(name, size=256, hardware_protected=True)
    with EnvelopeClient([f"{stack.vault_url}/keys/{name}"], credential, limits=Limits(opened_age=0)) as client:
        ciphertext = client.encrypt(b"content")
        assert parse_header(split_header(ciphertext)[0]).copies[0].algorithm == "A256KW"
        assert client.decrypt(ciphertext) == b"content"


def test_threads_share_one_data_key_and_one_unwrapping(client, network):
    barrier, results = threading.Barrier(12), []

    def work(act):
        barrier.wait()
        results.append(act())

    def together(act):
        threads = [threading.Thread(target=work, args=(act,)) for _ in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    together(lambda: client.encrypt(b"content"))
    assert (network.count("get"), network.count("wrapkey")) == (2, 2)
    ciphertext = results[0]
    results.clear()
    together(lambda: client.decrypt(ciphertext))
    assert results == [b"content"] * 12
    assert network.count("unwrapkey") == 1
    client.refresh()
    together(lambda: client.encrypt(b"content"))
    assert (network.count("get"), network.count("wrapkey")) == (4, 2)


def test_a_forked_process_has_data_keys_and_connections_of_its_own(regions, credential):
    client = EnvelopeClient(regions.identifiers, credential)
    header = split_header(client.encrypt(b"parent"))[0]
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.write(writer, client.encrypt(b"child"))
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        ciphertext = pipe.read()
    os.waitpid(child, 0)
    assert split_header(ciphertext)[0] != header
    assert client.decrypt(ciphertext) == b"child"
    client.close()


def test_no_log_and_no_traceback_has_a_data_key(quick_client, regions, network, caplog):
    """The SDK logs at its most talkative; the data keys are those that went over the network."""
    caplog.set_level(logging.DEBUG)
    ciphertext = quick_client.encrypt(b"the content")
    quick_client.decrypt(ciphertext)
    old = key_ids(ciphertext)[0]
    regions.rotate()
    regions.set_enabled(old, enabled=False)
    refused = refusal(lambda: quick_client.decrypt(ciphertext), KeyVersionDisabled)
    shown = "".join(traceback.TracebackException.from_exception(refused, capture_locals=True).format())
    regions.set_enabled(old, enabled=True)
    wrapped = [json.loads(body)["value"] for body in network.bodies if body and b"value" in _bytes(body)]
    assert len(wrapped) >= 2
    assert not [value for value in wrapped if value in shown or value in caplog.text]


def _bytes(body):
    return body if isinstance(body, bytes) else body.encode()


def test_the_vault_sees_who_wraps_and_unwraps_with_which_version(client, stack):
    ciphertext = client.encrypt(b"content")
    client.decrypt(ciphertext)
    key_id = key_ids(ciphertext)[0]
    found = records.running(
        "operation = ANY(%s) AND phase = 'outcome' AND at > now() - interval '2 minutes'", [["KeyWrap", "KeyUnwrap"]]
    )
    mine = {
        (each["operation"], each["caller"])
        for each in found
        if each["object_id"].endswith(key_id.partition("/keys/")[2])
    }
    assert mine == {("KeyWrap", stack.client_id), ("KeyUnwrap", stack.client_id)}
