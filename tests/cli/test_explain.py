"""A denied request is explained by its ID."""

import re
import uuid

import pytest

from tests.cli.conftest import as_person
from tests.support.counts import wait_explainable

pytestmark = pytest.mark.stack


def test_denial_names_its_request_and_explain_names_the_missing_role(signed_out):
    developer = as_person(signed_out, "DEVELOPER")
    own = developer.json("application", "create", f"own-{uuid.uuid4().hex[:10]}")
    as_application = {
        "AZURE_CLIENT_ID": own["client_id"],
        "AZURE_CLIENT_SECRET": own["client_secret"],
        "PORTAL_USERNAME": "",
    }
    output = developer.run("key", "list", code=1, **as_application).stderr
    request_id = re.search(r"portal explain ([0-9a-f-]{36})", output)[1]
    wait_explainable(request_id)
    explained = developer.json("explain", request_id)
    assert explained["status"] == 403
    assert "keys/list" in str(explained)
    developer.run("explain", str(uuid.UUID(int=0)), code=4)


def test_invalid_request_id_is_a_usage_error(secops):
    secops.run("explain", "../whoami", code=2)
