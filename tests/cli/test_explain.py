"""A refused request, explained from its id."""

import re
import time
import uuid

import pytest

from tests.cli.conftest import as_person

pytestmark = pytest.mark.stack


def test_a_refusal_names_its_request_and_explaining_it_says_what_is_missing(nobody, stack):
    developer = as_person(nobody, "DEVELOPER")
    made = developer.json("application", "create", f"refused-{uuid.uuid4().hex[:8]}")
    known = dict(developer.environment)
    for variable in ("PORTAL_USERNAME", "PORTAL_PASSWORD"):
        developer.environment.pop(variable)
    own = {"AZURE_CLIENT_ID": made["client_id"], "AZURE_CLIENT_SECRET": made["client_secret"]}
    told = developer.run("key", "list", code=1, AZURE_TENANT_ID=stack.tenant, **own).stderr
    request_id = re.search(r"portal explain ([0-9a-f-]{36})", told)[1]
    developer.environment = known
    time.sleep(2.5)  # kept with the counts, once a second
    explained = developer.json("explain", request_id)
    assert explained["sentence"]
    assert "keys/list" in str(explained["missing"])


def test_what_is_no_request_id_is_not_asked_for(secops):
    secops.run("explain", "../whoami", code=2)
