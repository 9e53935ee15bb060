"""What each duty of a person allows, in the portals and on the management API. No duty gets a data-plane token.

Nobody holds two duties; auditors change nothing; security operations read no records and no secret values. Developers
know of nothing that is not theirs: most of what their duty includes also wants a role at the place (`SCOPED`).
"""

from apps.core.principals import Duty
from apps.domain.access.permissions import Permission

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
            P.VAULTS_LIST,
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
    Duty.DEVELOPER: frozenset(
        {P.VAULTS_LIST, P.TEST_VAULTS_CREATE, P.APPLICATIONS_CREATE, P.APPLICATIONS_READ, P.REFUSALS_EXPLAIN}
        | {P.SESSIONS_OPEN}
    ),
    Duty.AUDITOR: frozenset(
        {P.VAULTS_READ, P.VAULTS_LIST, P.APPLICATIONS_READ, P.ROLES_READ, P.AUDIT_READ, P.AUDIT_REVIEW}
        | {P.LOG_DESTINATIONS_READ, P.SESSIONS_OPEN}
    ),
}

# What a duty allows where the person has a role that allows it too.
SCOPED: dict[Duty, frozenset[P]] = {
    Duty.DEVELOPER: frozenset(p for p in P if p.startswith(("keys/", "secrets/", "certificates/", "rng/")))
    | {P.VAULTS_READ, P.VAULTS_OWN, P.USAGE_READ, P.ROLES_READ, P.ROLES_ASSIGN},
}
# Using keys and handing out roles: in a test vault of one's own only, whatever role somebody has elsewhere.
_OWNERS = frozenset(
    {P.KEYS_SIGN, P.KEYS_VERIFY, P.KEYS_ENCRYPT, P.KEYS_DECRYPT, P.KEYS_WRAP, P.KEYS_UNWRAP, P.KEYS_RELEASE}
    | {P.RANDOM_GET, P.ROLES_READ, P.ROLES_ASSIGN}
)
_WITH_ANY_ROLE = frozenset({P.VAULTS_READ, P.USAGE_READ})


def allows_with(duty: Duty, permission: P, held: frozenset[P]) -> bool:
    """Whether the duty allows it to somebody whose roles at the place allow `held`."""
    if permission not in SCOPED.get(duty, frozenset()):
        return False
    if permission in _OWNERS:
        return P.VAULTS_OWN in held
    return permission in held or (permission in _WITH_ANY_ROLE and bool(held))
