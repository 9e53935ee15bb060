"""The one vocabulary of permissions.

Data-plane names are those of Azure Key Vault's access policies (`resource/action`); `DATA_ACTIONS` maps them to
the data actions that Azure RBAC names in its 403 texts (azure-wire section 14).
"""

from enum import StrEnum


class Permission(StrEnum):
    """Everything that can be granted."""

    KEYS_CREATE = "keys/create"
    KEYS_GET = "keys/get"
    KEYS_LIST = "keys/list"
    KEYS_UPDATE = "keys/update"
    KEYS_ROTATE = "keys/rotate"
    KEYS_SIGN = "keys/sign"
    KEYS_VERIFY = "keys/verify"
    KEYS_ENCRYPT = "keys/encrypt"
    KEYS_DECRYPT = "keys/decrypt"
    KEYS_WRAP = "keys/wrapkey"
    KEYS_UNWRAP = "keys/unwrapkey"
    KEYS_PURGE = "keys/purge"

    SECRETS_SET = "secrets/set"
    SECRETS_GET = "secrets/get"
    SECRETS_LIST = "secrets/list"
    SECRETS_UPDATE = "secrets/update"
    SECRETS_PURGE = "secrets/purge"

    VAULTS_CREATE = "vaults/create"
    VAULTS_READ = "vaults/read"
    APPLICATIONS_CREATE = "applications/create"
    APPLICATIONS_READ = "applications/read"
    ROLES_ASSIGN = "roles/assign"
    ROLES_READ = "roles/read"

    AUDIT_READ = "audit/read"

    # Acts of the system itself; no role holds them.
    TOKENS_ISSUE = "tokens/issue"
    ORGANISATION_INITIALISE = "organisation/initialise"


DATA_ACTIONS: dict[Permission, str] = {
    Permission.KEYS_CREATE: "Microsoft.KeyVault/vaults/keys/create/action",
    Permission.KEYS_GET: "Microsoft.KeyVault/vaults/keys/read",
    Permission.KEYS_LIST: "Microsoft.KeyVault/vaults/keys/read",
    Permission.KEYS_UPDATE: "Microsoft.KeyVault/vaults/keys/update/action",
    Permission.KEYS_ROTATE: "Microsoft.KeyVault/vaults/keys/rotate/action",
    Permission.KEYS_SIGN: "Microsoft.KeyVault/vaults/keys/sign/action",
    Permission.KEYS_VERIFY: "Microsoft.KeyVault/vaults/keys/verify/action",
    Permission.KEYS_ENCRYPT: "Microsoft.KeyVault/vaults/keys/encrypt/action",
    Permission.KEYS_DECRYPT: "Microsoft.KeyVault/vaults/keys/decrypt/action",
    Permission.KEYS_WRAP: "Microsoft.KeyVault/vaults/keys/wrap/action",
    Permission.KEYS_UNWRAP: "Microsoft.KeyVault/vaults/keys/unwrap/action",
    Permission.KEYS_PURGE: "Microsoft.KeyVault/vaults/keys/purge/action",
    Permission.SECRETS_SET: "Microsoft.KeyVault/vaults/secrets/setSecret/action",
    Permission.SECRETS_GET: "Microsoft.KeyVault/vaults/secrets/getSecret/action",
    Permission.SECRETS_LIST: "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
    Permission.SECRETS_UPDATE: "Microsoft.KeyVault/vaults/secrets/update/action",
    Permission.SECRETS_PURGE: "Microsoft.KeyVault/vaults/secrets/purge/action",
}
