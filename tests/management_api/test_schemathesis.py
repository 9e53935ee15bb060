"""The management API under requests that its own OpenAPI document suggests: never a 5xx."""

import os

import pytest
import schemathesis
import urllib3
from hypothesis import HealthCheck, given, settings

pytestmark = [pytest.mark.stack, pytest.mark.filterwarnings("ignore")]


@pytest.fixture(scope="module")
def schema(stack):
    document = stack.http().request("GET", f"{stack.portal_url}/api/v1/schema?format=json").json()
    return schemathesis.openapi.from_dict(document)


@pytest.mark.timeout(900)  # a few hundred requests, each with a password to hash
def test_no_suggested_request_breaks_the_service(stack, schema):
    sign_in = urllib3.make_headers(
        basic_auth=f"{os.environ['PORTAL_USER_SECOPS']}:{os.environ['PORTAL_PASSWORD_SECOPS']}"
    )
    seen = set()
    for operation in schema.get_all_operations():

        @settings(
            max_examples=8, deadline=None, database=None, derandomize=True, suppress_health_check=list(HealthCheck)
        )
        @given(case=operation.ok().as_strategy())
        def run(case):
            answer = case.call(base_url=stack.portal_url, headers=sign_in, verify=stack.ca)
            assert answer.status_code < 500, (case.method, case.formatted_path, answer.text[:300])
            seen.add((case.method, case.path))

        run()
    assert len(seen) >= 12
