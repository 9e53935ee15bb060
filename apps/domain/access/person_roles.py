"""Permissions of people by their role, in the portals and on the management API. No person gets a data-plane token.

Nobody has two roles; auditors change nothing; security operations read no records and no secret values. Developers
see only what a role assignment gives them: most of what they may do also needs one at the vault or the object
(`SCOPED_PERMISSIONS`).
"""

from apps.core.principals import PersonRole
from apps.domain.access.permissions import Permission

P = Permission  # short, for the table below

# Security operations manage keys, secrets and certificates in their portal; they use no key and read no value.
_OBJECT_MANAGEMENT = frozenset(
    {P.KEYS_CREATE, P.KEYS_GET, P.KEYS_LIST, P.KEYS_UPDATE, P.KEYS_ROTATE, P.KEYS_DELETE, P.KEYS_RECOVER, P.KEYS_PURGE}
    | {P.KEYS_IMPORT}  # on a production vault a second person approves it, as for applications
    | {P.KEYS_GET_ROTATION_POLICY, P.KEYS_SET_ROTATION_POLICY}
    | {P.SECRETS_LIST, P.SECRETS_UPDATE, P.SECRETS_DELETE, P.SECRETS_RECOVER, P.SECRETS_PURGE}
    | {P.CERTIFICATES_GET, P.CERTIFICATES_LIST, P.CERTIFICATES_UPDATE}
    | {P.CERTIFICATES_DELETE, P.CERTIFICATES_RECOVER, P.CERTIFICATES_PURGE}
)

PERSON_ROLE_PERMISSIONS: dict[PersonRole, frozenset[P]] = {
    PersonRole.SECURITY_OPERATIONS: frozenset(
        {
            P.VAULTS_CREATE,
            P.VAULTS_READ,
            P.VAULTS_LIST,
            P.VAULTS_UPDATE,
            P.VAULTS_DELETE,
            P.VAULTS_PURGE,
            P.APPLICATIONS_CREATE,
            P.APPLICATIONS_READ,
            P.AUTHORITIES_TRUST,
            P.ROLES_ASSIGN,
            P.ROLES_READ,
            P.MANAGERS_ASSIGN,
            P.APPROVALS_READ,
            P.APPROVALS_DECIDE,
            P.LOG_DESTINATIONS_READ,
            P.USAGE_READ,
            P.PEOPLE_INVITE,
            P.SESSIONS_OPEN,
        }
        | _OBJECT_MANAGEMENT
    ),
    PersonRole.DEVELOPER: frozenset(
        {P.VAULTS_LIST, P.TEST_VAULTS_CREATE, P.APPLICATIONS_CREATE, P.APPLICATIONS_READ, P.REFUSALS_EXPLAIN}
        | {P.SESSIONS_OPEN}
    ),
    PersonRole.AUDITOR: frozenset(
        {P.VAULTS_READ, P.VAULTS_LIST, P.APPLICATIONS_READ, P.ROLES_READ, P.AUDIT_READ, P.AUDIT_REVIEW}
        | {P.LOG_DESTINATIONS_READ, P.SESSIONS_OPEN}
    ),
}

# Allowed where an assignment of the person allows it too.
SCOPED_PERMISSIONS: dict[PersonRole, frozenset[P]] = {
    PersonRole.DEVELOPER: frozenset(p for p in P if p.startswith(("keys/", "secrets/", "certificates/", "rng/")))
    | {P.VAULTS_READ, P.VAULTS_OWN, P.VAULTS_DELETE, P.VAULTS_PURGE, P.USAGE_READ, P.ROLES_READ, P.ROLES_ASSIGN},
}
# Using keys, assigning roles and deleting the whole vault: only in the person's own test vault, whatever assignments
# they have elsewhere.
_OWN_TEST_VAULT_ONLY = frozenset(
    {P.KEYS_SIGN, P.KEYS_VERIFY, P.KEYS_ENCRYPT, P.KEYS_DECRYPT, P.KEYS_WRAP, P.KEYS_UNWRAP, P.KEYS_RELEASE}
    | {P.RANDOM_GET, P.ROLES_READ, P.ROLES_ASSIGN, P.VAULTS_DELETE, P.VAULTS_PURGE}
)
_WITH_ANY_ROLE = frozenset({P.VAULTS_READ, P.USAGE_READ})


def role_allows(role: PersonRole, permission: P, held: frozenset[P]) -> bool:
    """Tell whether a person of this role may do it where their assignments allow `held`."""
    if permission not in SCOPED_PERMISSIONS.get(role, frozenset()):
        return False
    if permission in _OWN_TEST_VAULT_ONLY:
        return P.VAULTS_OWN in held
    return permission in held or (permission in _WITH_ANY_ROLE and bool(held))
