"""What each duty of a person allows, on the management API. No duty reaches the data plane.

Nobody holds two duties; auditors change nothing; security operations read no records and no secret values.
"""

from apps.access.permissions import Permission
from apps.core.principals import Duty

P = Permission  # the table below is read by people

DUTY_PERMISSIONS: dict[Duty, frozenset[P]] = {
    Duty.SECURITY_OPERATIONS: frozenset(
        {
            P.VAULTS_CREATE,
            P.VAULTS_READ,
            P.VAULTS_UPDATE,
            P.APPLICATIONS_CREATE,
            P.APPLICATIONS_READ,
            P.AUTHORITIES_TRUST,
            P.ROLES_ASSIGN,
            P.ROLES_READ,
        }
    ),
    Duty.DEVELOPER: frozenset({P.VAULTS_READ, P.APPLICATIONS_READ}),
    Duty.AUDITOR: frozenset({P.VAULTS_READ, P.APPLICATIONS_READ, P.ROLES_READ, P.AUDIT_READ}),
}
