"""api-version x feature: a version has what it was published with, and nothing of a later one.

No HSM is needed: the key is software-protected, so that a statement about it is refused after the decision.
"""

import io
import json

import pytest
from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory

from apps.domain.keys.models import KeyVersion
from apps.interfaces.keyvault_api.api_versions import API_VERSIONS, find_version, has_feature
from apps.interfaces.keyvault_api.fast_path import FastPath
from tests.support import actors
from tests.support.tokens import Authority

pytestmark = pytest.mark.django_db
PREVIEWS = ("7.5-preview.1", "7.6-preview.2", "2025-06-01-preview", "2026-01-01-preview", "2026-03-01-preview")
VERSION = "0" * 32
EXTERNAL = {"attributes": {"external_key": {"id": "hsm-1"}}}


@pytest.fixture
def call(vault, lane, settings):
    """(status, body) of a request of an application with every data-plane right."""
    settings.OWN_PORT = 8443
    actors.make_organisation()
    actors.make_key(vault, "aes")
    actors.make_key(vault, "pair", versions=(VERSION,))
    KeyVersion.objects.update(custody="software")
    KeyVersion.objects.filter(key__name="aes").update(key_type="oct", parameter="192", operations=["encrypt"])
    principal = actors.make_application("somebody")
    actors.give(principal, "key-vault-administrator", vault)
    token, door = Authority(vault).token(principal), FastPath(WSGIHandler())

    def call(version, method, path, body=None):
        content = json.dumps(body or {}).encode()
        request = RequestFactory().generic(
            method,
            path,
            content,
            "application/json",
            QUERY_STRING=f"api-version={version}",
            HTTP_HOST=f"{vault.name}.vault.localhost:8443",
            HTTP_AUTHORIZATION=f"Bearer {token}",
        )
        request.environ["wsgi.input"] = io.BytesIO(content)
        status = []
        chunks = door(request.environ, lambda line, _headers: status.append(int(line.split()[0])))
        return status[0], json.loads(b"".join(chunks))

    return call


def key_size(call, version):
    status, bundle = call(version, "GET", "/keys/aes")
    assert status == 200
    shown = [bundle["attributes"]]
    for path in ("/keys", "/keys/aes/versions"):
        items = call(version, "GET", path)[1]["value"]
        shown += [item["attributes"] for item in items if "/aes" in item["kid"]]
        assert not any("key_size" in item["attributes"] for item in items if "/pair" in item["kid"])
    assert len({attributes.get("key_size") for attributes in shown}) == 1, "bundle and lists agree"
    return shown[0].get("key_size") == 192


def attestation(call, version):
    for path in (f"/keys/aes/{VERSION}/attestation", "/keys/aes//attestation", "/keys/aes/attestation"):
        status, answer = call(version, "GET", path)
        expected = (400, "BadParameter", "HSM-protected") if status == 400 else (404, "NotFound", version)
        assert_error(status, answer, *expected)
    return status == 400


def external_key(call, version):
    status, answer = call(version, "POST", "/keys/other/create", EXTERNAL)
    is_known = "External keys" in answer["error"]["message"]
    assert_error(status, answer, 400, "BadParameter", "External keys" if is_known else "kty")
    for method, path, body in (
        ("PATCH", f"/keys/aes/{VERSION}", EXTERNAL),
        ("PUT", "/keys/other", EXTERNAL | {"key": {"kty": "oct", "k": ""}}),
    ):
        status, answer = call(version, method, path, body)
        assert ("External keys" in str(answer)) == is_known, (status, answer)
    return is_known


def secure_wrap(call, version):
    for operation in ("securewrapkey", "secureunwrapkey"):
        status, answer = call(version, "POST", f"/keys/aes/{VERSION}/{operation}", {"alg": "A256KW"})
        expected = (400, "BadParameter", "trusted execution") if status == 400 else (404, "NotFound", version)
        assert_error(status, answer, *expected)
    return status == 400


def assert_error(status, answer, expected, code, text):
    assert (status, answer["error"]["code"]) == (expected, code), answer
    assert text in answer["error"]["message"] or "does not have this operation" in answer["error"]["message"]


SINCE = {key_size: "2026-04-01", external_key: "2026-04-01", secure_wrap: "2026-04-01", attestation: "7.6"}


@pytest.mark.parametrize("feature", SINCE, ids=lambda feature: feature.__name__)
@pytest.mark.parametrize("version", [*API_VERSIONS, *PREVIEWS])
def test_a_version_has_the_features_it_was_published_with(call, feature, version):
    assert feature(call, version) is has_feature(find_version(version), SINCE[feature])


def test_a_later_version_has_all_that_an_earlier_one_has():
    assert [has_feature(version, "7.6") for version in API_VERSIONS] == [False] * 7 + [True] * 3
    assert [has_feature(version, "2016-10-01") for version in API_VERSIONS] == [True] * 10
