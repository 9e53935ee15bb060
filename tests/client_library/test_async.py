"""The client for asyncio, with two vaults of the running system."""

import asyncio

import pytest
from azure.identity.aio import ClientSecretCredential

from vaultportal_client import Limits, TamperedCiphertext
from vaultportal_client.aio import EnvelopeClient
from vaultportal_client.envelope import split_header
from vaultportal_client.wire_format import parse_header

pytestmark = pytest.mark.stack


@pytest.fixture
async def client(stack, regions):
    async with (
        stack.credential(ClientSecretCredential) as credential,
        EnvelopeClient(regions.identifiers, credential, limits=Limits()) as client,
    ):
        yield client


def key_ids(ciphertext):
    return [copy.key_id for copy in parse_header(split_header(ciphertext)[0]).copies]


async def test_tasks_share_data_keys_through_a_rollover(client, regions):
    before = await asyncio.gather(*(client.encrypt(b"%d" % number) for number in range(20)))
    assert len({split_header(each)[0] for each in before}) == 1
    newest = await asyncio.to_thread(regions.rotate)
    client.refresh()
    after = await asyncio.gather(*(client.encrypt(b"%d" % number) for number in range(20)))
    assert {tuple(key_ids(each)) for each in after} == {tuple(newest)}
    assert list(await client.key_ids()) == newest
    opened = await asyncio.gather(*map(client.decrypt, [*before, *after]))
    assert opened == [b"%d" % number for number in range(20)] * 2
    renewed = await client.rewrap(before[0])
    assert key_ids(renewed) == newest
    assert await client.decrypt(renewed) == b"0"
    with pytest.raises(TamperedCiphertext):
        await client.decrypt(after[0], context=b"another")


async def test_a_cancelled_task_cancels_no_other(client):
    ciphertext = await client.encrypt(b"content")
    first = asyncio.create_task(client.decrypt(ciphertext))
    second = asyncio.create_task(client.decrypt(ciphertext))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == b"content"
    assert first.cancelled() or await first == b"content"
