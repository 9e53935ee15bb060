"""The separation of duties between the roles of people."""

import pytest

from apps.core.principals import PersonRole
from apps.domain.access.permissions import Permission
from apps.domain.access.person_roles import PERSON_ROLE_PERMISSIONS

P = Permission  # short, for the tables below

SECRET_VALUES = {P.SECRETS_GET, P.SECRETS_SET, P.SECRETS_BACKUP}
KEY_USE = {P.KEYS_SIGN, P.KEYS_VERIFY, P.KEYS_ENCRYPT, P.KEYS_DECRYPT, P.KEYS_WRAP, P.KEYS_UNWRAP, P.KEYS_RELEASE}


@pytest.mark.parametrize("role", list(PersonRole))
def test_no_person_uses_keys_or_reads_secret_values_by_role_alone(role):
    assert not PERSON_ROLE_PERMISSIONS[role] & (KEY_USE | SECRET_VALUES)


@pytest.mark.parametrize("permission", [P.AUDIT_READ, P.AUDIT_REVIEW])
def test_only_auditors_read_the_audit_log(permission):
    assert [role for role in PersonRole if permission in PERSON_ROLE_PERMISSIONS[role]] == [PersonRole.AUDITOR]


def test_auditors_share_no_permission_to_change_with_anybody():
    shared = PERSON_ROLE_PERMISSIONS[PersonRole.AUDITOR] & PERSON_ROLE_PERMISSIONS[PersonRole.SECURITY_OPERATIONS]
    assert all(permission.endswith(("/read", "/list")) for permission in shared - {P.SESSIONS_OPEN})
