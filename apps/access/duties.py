"""What each duty of a person allows, in the portals and on the management API. No duty gets a data-plane token.

Nobody holds two duties; auditors change nothing; security operations read no records and no secret values.
"""

from apps.access.permissions import Permission
from apps.core.principals import Duty

P = Permission  # the table below is read by people

# Security operations run keys, secrets and certificates in their portal; they use no key and read no value.
_RUNNING = frozenset(
    {P.KEYS_CREATE, P.KEYS_GET, P.KEYS_LIST, P.KEYS_UPDATE, P.KEYS_ROTATE, P.KEYS_DELETE, P.KEYS_RECOVER, P.KEYS_PURGE}
    | {P.KEYS_IMPORT}  # on a vault for production a second person decides, as about an application's import
    | {P.KEYS_GET_ROTATION_POLICY, P.KEYS_SET_ROTATION_POLICY}
    | {P.SECRETS_LIST, P.SECRETS_UPDATE, P.SECRETS_DELETE, P.SECRETS_RECOVER, P.SECRETS_PURGE}
    | {P.CERTIFICATES_GET, P.CERTIFICATES_LIST, P.CERTIFICATES_UPDATE}
    | {P.CERTIFICATES_DELETE, P.CERTIFICATES_RECOVER, P.CERTIFICATES_PURGE}
)

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
            P.APPROVALS_READ,
            P.APPROVALS_DECIDE,
            P.LOG_DESTINATIONS_READ,
            P.USAGE_READ,
            P.PEOPLE_INVITE,
            P.SESSIONS_OPEN,
        }
        | _RUNNING
    ),
    Duty.DEVELOPER: frozenset({P.VAULTS_READ, P.APPLICATIONS_READ, P.SESSIONS_OPEN}),
    Duty.AUDITOR: frozenset(
        {P.VAULTS_READ, P.APPLICATIONS_READ, P.ROLES_READ, P.AUDIT_READ, P.LOG_DESTINATIONS_READ, P.SESSIONS_OPEN}
    ),
}
