"""A refused request, explained from its id."""

import re
import time
import uuid

import pytest

from tests.cli.conftest import as_person

pytestmark = pytest.mark.stack


def test_a_refusal_names_its_request_and_explaining_it_says_what_is_missing(nobody):
    developer = as_person(nobody, "DEVELOPER")
    own = developer.json("application", "create", f"own-{uuid.uuid4().hex[:10]}")
    as_it = {"AZURE_CLIENT_ID": own["client_id"], "AZURE_CLIENT_SECRET": own["client_secret"], "PORTAL_USERNAME": ""}
    told = developer.run("key", "list", code=1, **as_it).stderr
    request_id = re.search(r"portal explain ([0-9a-f-]{36})", told)[1]
    time.sleep(2.5)  # what the sentence promises
    explained = developer.json("explain", request_id)
    assert explained["status"] == 403
    assert "keys/list" in str(explained)
    developer.run("explain", str(uuid.UUID(int=0)), code=4)


def test_what_is_no_request_id_is_not_asked_for(secops):
    secops.run("explain", "../whoami", code=2)
