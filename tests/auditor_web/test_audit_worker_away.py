"""The audit worker is down: the pages say so, and show no record that was not decrypted."""

import pytest

from apps.audit_reader import decryption
from apps.domain.access.audit_records import append_change
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.identity.models import User
from apps.interfaces.console.auditors.explorer import Explorer

pytestmark = pytest.mark.django_db


@pytest.fixture
def away(settings, tmp_path):
    """A directory without a socket, and no data key in memory."""
    settings.AUDIT_LANE_DIR = str(tmp_path)
    settings.ROOT_URLCONF = "vaultportal.urls.audit_host"
    decryption._known.clear()
    decryption.audit_lane.cache_clear()
    yield
    decryption.audit_lane.cache_clear()


def test_the_page_says_what_is_away_and_shows_no_record(away, vault, people, rf):
    grant = system_grant(Permission.KEYS_UPDATE, scope=Scope.of(vault), origin="tests")
    append_change(grant, operation="KeyUpdate", object_id="keys/unseen")
    request = rf.get("/records")
    request.user = User.objects.get(username="auditor")
    answer = Explorer.as_view()(request)
    text = answer.content.decode()
    assert answer.status_code == 503
    assert "Records cannot be decrypted now" in text
    assert "keys/unseen" not in text
