"""A refused request, explained from its id."""

import re

import pytest

from tests.cli.conftest import as_person

pytestmark = pytest.mark.stack


def test_a_refusal_names_its_request_and_explaining_it_says_what_is_missing(application, stack):
    strange = {"AZURE_CLIENT_ID": stack.stranger_id, "AZURE_CLIENT_SECRET": stack.stranger_secret}
    told = application.run("key", "list", code=1, **strange).stderr
    request_id = re.search(r"portal explain ([0-9a-f-]{36})", told)[1]
    for variable in ("AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET"):
        application.environment.pop(variable)
    developer = as_person(application, "DEVELOPER")
    explained = developer.json("explain", request_id)
    assert explained["sentence"]
    assert "keys/list" in str(explained["missing"])


def test_what_is_no_request_id_is_not_asked_for(secops):
    secops.run("explain", "../whoami", code=2)
