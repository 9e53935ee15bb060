"""Delivery into a directory, end to end: what an owner gets is the whole log, and auditverify says so."""

import gzip
import json

import pytest

pytestmark = pytest.mark.stack


def test_the_whole_log_arrives_and_verifies(owned, delivered_root, folder, verified):
    owned.use()
    owned.deliver_to("directory", {"path": folder})
    result = owned.wait_delivered()
    assert (result["delivery"]["state"], result["runs"]) == ("delivering", True)
    tree = delivered_root / folder
    verified(tree)
    lines = [
        json.loads(line)
        for file in sorted(tree.glob("*/*/segments/*.ndjson.gz"))
        for line in gzip.decompress(file.read_bytes()).splitlines()
    ]
    assert [line["integrity"]["seq"] for line in lines] == list(range(len(lines)))
    operations = [line["operationName"] for line in lines]
    assert operations.count("SecretGet") >= 5
    assert "LogDestinationPut" in operations
    assert "LogDestinationOpen" in operations
