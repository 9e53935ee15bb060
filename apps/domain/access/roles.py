"""The role catalogue: named sets of permissions, with the names and ids that Azure's built-in roles have.

A role assignment is one django-guardian row: principal, role (an `auth.Permission` whose codename is the role's),
and the vault or object it holds for. Source of the names: Azure "Key Vault RBAC guide", built-in roles.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from apps.domain.access.permissions import Permission

P = Permission  # short, for the table below
MANAGER = "vault-manager"
POLICY = "access-policy"  # all roles of an access policy together, for people


@dataclass(frozen=True, slots=True)
class Role:
    codename: str  # the word on the wire and in django-guardian's rows
    name: str  # what people read
    explanation: str  # one sentence beside the choice: portal, API and documents show this one
    permissions: frozenset[P]
    vault_only: bool = False  # meaningless on a single key or secret
    assignable: bool = True  # False: not at a vault or an object
    everywhere: bool = False  # assigned in the organisation: for all vaults, and for creating some
    policy: bool = False  # one permission of an access policy, at a vault


_KEY_USE = {P.KEYS_SIGN, P.KEYS_VERIFY, P.KEYS_ENCRYPT, P.KEYS_DECRYPT, P.KEYS_WRAP, P.KEYS_UNWRAP}
_KEY_MANAGEMENT = {p for p in P if p.startswith("keys/")} - _KEY_USE - {P.KEYS_RELEASE} | {P.RANDOM_GET}
_SECRETS = {p for p in P if p.startswith("secrets/")}
_CERTIFICATES = {p for p in P if p.startswith("certificates/")}


def policy_role(permission: P) -> str:
    """Return the code name of the role for one permission of an access policy."""
    return f"{POLICY}-{permission.value.replace('/', '-')}"


def _policy_role(permission: P) -> Role:
    """The role for one permission of an access policy: policies are exactly as wide as they say.

    Setting a secret includes changing its attributes (Azure, "Assign a Key Vault access policy", secret permissions).
    """
    name = permission.value.replace("/", " ")
    allowed = {permission} | ({P.SECRETS_UPDATE} if permission is P.SECRETS_SET else set())
    return Role(
        policy_role(permission),
        f"Access policy: {name}",
        f"One permission of an access policy: {name}.",
        frozenset(allowed),
        vault_only=True,
        assignable=False,
        policy=True,
    )


# What an access policy may name: Azure's vocabulary, which has no word for changing a secret's attributes.
POLICY_PERMISSIONS = tuple(
    sorted({p for p in P if p.startswith(("keys/", "secrets/", "certificates/"))} - {P.SECRETS_UPDATE})
)

# A role that shows names or attributes of objects shows the events of these objects too.
_METADATA = {P.KEYS_GET, P.KEYS_LIST, P.SECRETS_GET, P.SECRETS_LIST, P.CERTIFICATES_GET, P.CERTIFICATES_LIST}


def _with_events(role: Role) -> Role:
    return replace(role, permissions=role.permissions | {P.EVENTS_READ}) if role.permissions & _METADATA else role


ROLES: dict[str, Role] = {
    role.codename: _with_events(role)
    for role in (
        Role(
            "key-vault-administrator",
            "Key Vault Administrator",
            "Full access to keys, secrets and certificates, including purge. More than most applications need.",
            frozenset(_KEY_USE | _KEY_MANAGEMENT | _SECRETS | _CERTIFICATES | {P.KEYS_RELEASE}),
        ),
        Role(
            "key-vault-crypto-officer",
            "Key Vault Crypto Officer",
            "Creates, changes, deletes, purges and uses keys. No secrets, no certificates.",
            frozenset(_KEY_USE | _KEY_MANAGEMENT),
        ),
        Role(
            "key-vault-crypto-user",
            "Key Vault Crypto User",
            "Uses keys: signs, verifies, encrypts, decrypts, wraps, unwraps. What most applications need.",
            frozenset(_KEY_USE | {P.KEYS_GET, P.KEYS_LIST, P.RANDOM_GET}),
        ),
        Role(
            "key-vault-crypto-service-release-user",
            "Key Vault Crypto Service Release User",
            "Releases keys to attested hardware, if the key's release policy allows it. Nothing else.",
            frozenset({P.KEYS_RELEASE}),
        ),
        Role(
            "key-vault-crypto-service-encryption-user",
            "Key Vault Crypto Service Encryption User",
            "Wraps and unwraps other keys: for databases, disks and storage with built-in encryption.",
            frozenset({P.KEYS_GET, P.KEYS_WRAP, P.KEYS_UNWRAP}),
        ),
        Role(
            "key-vault-secrets-officer",
            "Key Vault Secrets Officer",
            "Sets, reads, changes, deletes and purges secrets.",
            frozenset(_SECRETS),
        ),
        Role(
            "key-vault-secrets-user",
            "Key Vault Secrets User",
            "Reads the value of a secret by name. What most applications need for passwords.",
            frozenset({P.SECRETS_GET}),
        ),
        Role(
            "key-vault-certificates-officer",
            "Key Vault Certificates Officer",
            "Creates, imports, changes, deletes and purges certificates. Does not read private keys.",
            frozenset(_CERTIFICATES),
        ),
        Role(
            "key-vault-certificate-user",
            "Key Vault Certificate User",
            "Reads certificates and their private keys. In a whole vault it reads every secret as well.",
            frozenset({P.CERTIFICATES_GET, P.CERTIFICATES_LIST, P.SECRETS_GET, P.KEYS_GET}),
        ),
        Role(
            "key-vault-reader",
            "Key Vault Reader",
            "Reads names and attributes. Does not read values or use keys.",
            frozenset(
                {P.VAULTS_READ, P.KEYS_GET, P.KEYS_LIST, P.KEYS_GET_ROTATION_POLICY, P.SECRETS_LIST}
                | {P.CERTIFICATES_GET, P.CERTIFICATES_LIST, P.ISSUERS_GET, P.ISSUERS_LIST}
            ),
        ),
        Role(
            "key-vault-contributor",
            "Key Vault Contributor",
            "Assigns and revokes roles in the vault. No access to keys, secrets or certificates.",
            frozenset({P.VAULTS_READ, P.ROLES_READ, P.ROLES_ASSIGN}),
            vault_only=True,
        ),
        # Assigned to a developer with the test vault that they create. Only in a test vault can a person use keys.
        Role(
            "test-vault-owner",
            "Test vault owner",
            "Full access to one's own test vault. Assigned when it is created.",
            frozenset(_KEY_USE | _KEY_MANAGEMENT | _SECRETS | _CERTIFICATES)
            | {P.VAULTS_READ, P.VAULTS_OWN, P.VAULTS_DELETE, P.VAULTS_PURGE, P.ROLES_READ, P.ROLES_ASSIGN},
            vault_only=True,
            assignable=False,
        ),
        # Of applications, for the resource management API (docs/decisions/0032-resource-management-api.md).
        Role(
            MANAGER,
            "Vault Manager",
            "Creates, changes, deletes and purges vaults, and assigns roles in them. No access to what is in them.",
            frozenset({P.VAULTS_CREATE, P.VAULTS_LIST, P.VAULTS_READ, P.VAULTS_UPDATE, P.VAULTS_DELETE, P.VAULTS_PURGE})
            | {P.ROLES_READ, P.ROLES_ASSIGN},
            vault_only=True,
            assignable=False,
            everywhere=True,
        ),
        *map(_policy_role, POLICY_PERMISSIONS),
    )
}
ASSIGNABLE = tuple(role for role in ROLES.values() if role.assignable)


def role_name(codename: str) -> str:
    """What people read; the code name of a role that is no longer in the catalogue."""
    if codename == POLICY:
        return "Access policy"
    return ROLES[codename].name if codename in ROLES else codename


def is_policy(codename: str) -> bool:
    """Tell whether a role is one permission of an access policy."""
    return codename in ROLES and ROLES[codename].policy


def policy_text(codenames: Iterable[str]) -> str:
    """Describe an access policy: keys get, list; secrets get."""
    acts: dict[str, list[str]] = {}
    for codename in sorted(codenames):
        area, _, act = ROLES[codename].name.removeprefix("Access policy: ").partition(" ")
        acts.setdefault(area, []).append(act)
    return "; ".join(f"{area} {', '.join(names)}" for area, names in acts.items())
