"""SecretClient, sync."""

import time
from datetime import UTC, datetime

import pytest
from azure.core.exceptions import ResourceNotFoundError

from tests.support.sdk import refused

pytestmark = pytest.mark.stack


def test_set_get_and_versions(secrets, name):
    first = secrets.set_secret(name, "one", content_type="text/plain", tags={"a": "1"})
    second = secrets.set_secret(name, "two")
    assert secrets.get_secret(name).value == "two"
    old = secrets.get_secret(name, first.properties.version)
    assert (old.value, old.properties.content_type, old.properties.tags) == ("one", "text/plain", {"a": "1"})
    versions = list(secrets.list_properties_of_secret_versions(name))
    assert {version.id for version in versions} == {first.id, second.id}
    assert name in {secret.name for secret in secrets.list_properties_of_secrets()}


@pytest.mark.parametrize(
    "value", ["", 'é😀\n\t"\\', "x" * 25_600, "é" * 12_800], ids=["empty", "unicode", "25600", "utf8"]
)
def test_any_text_up_to_25_kb_comes_back(secrets, name, value):
    assert secrets.set_secret(name, value).value == value
    assert secrets.get_secret(name).value == value


def test_update_changes_what_is_said_not_the_value(secrets, name):
    made = secrets.set_secret(name, "value", content_type="a")
    time.sleep(1.1)
    expires = datetime(2099, 1, 2, tzinfo=UTC)
    changed = secrets.update_secret_properties(name, content_type="b", expires_on=expires, tags={"x": "y"})
    assert (changed.content_type, changed.expires_on, changed.tags) == ("b", expires, {"x": "y"})
    assert changed.updated_on > made.properties.updated_on
    assert changed.created_on == made.properties.created_on
    assert secrets.get_secret(name).value == "value"


def test_a_disabled_secret_is_refused_within_a_second_and_listed_still(secrets, name):
    secrets.set_secret(name, "value")
    secrets.get_secret(name)
    secrets.update_secret_properties(name, enabled=False)
    time.sleep(1)
    refused(403, secrets.get_secret, name, inner="SecretDisabled")
    assert name in {secret.name for secret in secrets.list_properties_of_secrets()}


def test_dates_do_not_block_reading(secrets, name):
    past = datetime(2001, 1, 1, tzinfo=UTC)
    secrets.set_secret(name, "old", not_before=datetime(2000, 1, 1, tzinfo=UTC), expires_on=past)
    found = secrets.get_secret(name)
    assert (found.value, found.properties.expires_on) == ("old", past)


def test_a_missing_secret_is_resource_not_found(secrets, name):
    with pytest.raises(ResourceNotFoundError) as missing:
        secrets.get_secret(name)
    assert missing.value.error.code == "SecretNotFound"
    assert list(secrets.list_properties_of_secret_versions(name)) == []


def test_lists_are_paged(secrets, name):
    for number in range(5):
        secrets.set_secret(f"{name}-{number}", "v")
    pages = [list(page) for page in secrets.list_properties_of_secrets(max_page_size=2).by_page()]
    assert all(len(page) <= 2 for page in pages)
    assert {f"{name}-{number}" for number in range(5)} <= {secret.name for page in pages for secret in page}
