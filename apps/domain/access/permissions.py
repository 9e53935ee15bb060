"""The one vocabulary of permissions.

Data-plane names are those of Azure Key Vault's access policies (`resource/action`); `DATA_ACTIONS` maps them to
the data actions that Azure RBAC names in its 403 texts (docs/reference/wire-contract.md section 14).
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
    KEYS_IMPORT = "keys/import"
    KEYS_DELETE = "keys/delete"
    KEYS_RECOVER = "keys/recover"
    KEYS_PURGE = "keys/purge"
    KEYS_BACKUP = "keys/backup"
    KEYS_RESTORE = "keys/restore"
    KEYS_RELEASE = "keys/release"
    KEYS_GET_ROTATION_POLICY = "keys/getrotationpolicy"
    KEYS_SET_ROTATION_POLICY = "keys/setrotationpolicy"
    RANDOM_GET = "rng/get"

    SECRETS_SET = "secrets/set"
    SECRETS_GET = "secrets/get"
    SECRETS_LIST = "secrets/list"
    SECRETS_UPDATE = "secrets/update"
    SECRETS_DELETE = "secrets/delete"
    SECRETS_RECOVER = "secrets/recover"
    SECRETS_PURGE = "secrets/purge"
    SECRETS_BACKUP = "secrets/backup"
    SECRETS_RESTORE = "secrets/restore"

    CERTIFICATES_CREATE = "certificates/create"
    CERTIFICATES_GET = "certificates/get"
    CERTIFICATES_LIST = "certificates/list"
    CERTIFICATES_UPDATE = "certificates/update"
    CERTIFICATES_IMPORT = "certificates/import"
    CERTIFICATES_DELETE = "certificates/delete"
    CERTIFICATES_RECOVER = "certificates/recover"
    CERTIFICATES_PURGE = "certificates/purge"
    CERTIFICATES_BACKUP = "certificates/backup"
    CERTIFICATES_RESTORE = "certificates/restore"
    CERTIFICATES_MANAGE_CONTACTS = "certificates/managecontacts"
    ISSUERS_GET = "certificates/getissuers"
    ISSUERS_LIST = "certificates/listissuers"
    ISSUERS_SET = "certificates/setissuers"
    ISSUERS_DELETE = "certificates/deleteissuers"

    EVENTS_READ = "events/read"  # those of objects of which the caller may read at least the names

    VAULTS_CREATE = "vaults/create"
    VAULTS_READ = "vaults/read"
    VAULTS_UPDATE = "vaults/update"
    VAULTS_DELETE = "vaults/delete"  # and recover: what is deleted can be recovered
    VAULTS_PURGE = "vaults/purge"
    VAULTS_SWEEP = "vaults/sweep"  # the scheduler: everything that is due
    VAULTS_LIST = "vaults/list"  # those that the caller may know of
    VAULTS_OWN = "vaults/own"  # of the creator of a test vault, in that vault
    TEST_VAULTS_CREATE = "testvaults/create"
    APPLICATIONS_CREATE = "applications/create"
    APPLICATIONS_READ = "applications/read"
    ROLES_ASSIGN = "roles/assign"
    ROLES_READ = "roles/read"
    MANAGERS_ASSIGN = "managers/assign"  # which applications manage vaults

    LOG_DESTINATIONS_READ = "logdestinations/read"

    APPROVALS_READ = "approvals/read"
    APPROVALS_DECIDE = "approvals/decide"
    USAGE_READ = "usage/read"
    REFUSALS_EXPLAIN = "refusals/explain"  # of one's own applications
    PEOPLE_INVITE = "people/invite"
    PEOPLE_CREATE = "people/create"
    SESSIONS_OPEN = "sessions/open"  # everybody, their own

    AUDIT_READ = "audit/read"
    AUDIT_REVIEW = "audit/review"  # notes and sign-offs

    AUTHORITIES_TRUST = "authorities/trust"

    # Operations of the system; no role has them.
    TOKENS_ISSUE = "tokens/issue"
    ORGANISATION_INITIALISE = "organisation/initialise"
    SIGNING_KEYS_CHANGE = "signingkeys/change"  # rotate, retire at once


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
    Permission.KEYS_IMPORT: "Microsoft.KeyVault/vaults/keys/import/action",
    Permission.KEYS_DELETE: "Microsoft.KeyVault/vaults/keys/delete",
    Permission.KEYS_RECOVER: "Microsoft.KeyVault/vaults/keys/recover/action",
    Permission.KEYS_PURGE: "Microsoft.KeyVault/vaults/keys/purge/action",
    Permission.KEYS_BACKUP: "Microsoft.KeyVault/vaults/keys/backup/action",
    Permission.KEYS_RESTORE: "Microsoft.KeyVault/vaults/keys/restore/action",
    Permission.KEYS_RELEASE: "Microsoft.KeyVault/vaults/keys/release/action",
    Permission.KEYS_GET_ROTATION_POLICY: "Microsoft.KeyVault/vaults/keyrotationpolicies/read",
    Permission.KEYS_SET_ROTATION_POLICY: "Microsoft.KeyVault/vaults/keyrotationpolicies/write",
    Permission.RANDOM_GET: "Microsoft.KeyVault/vaults/rng/action",
    Permission.SECRETS_SET: "Microsoft.KeyVault/vaults/secrets/setSecret/action",
    Permission.SECRETS_GET: "Microsoft.KeyVault/vaults/secrets/getSecret/action",
    Permission.SECRETS_LIST: "Microsoft.KeyVault/vaults/secrets/readMetadata/action",
    Permission.SECRETS_UPDATE: "Microsoft.KeyVault/vaults/secrets/update/action",
    Permission.SECRETS_DELETE: "Microsoft.KeyVault/vaults/secrets/delete",
    Permission.SECRETS_RECOVER: "Microsoft.KeyVault/vaults/secrets/recover/action",
    Permission.SECRETS_PURGE: "Microsoft.KeyVault/vaults/secrets/purge/action",
    Permission.SECRETS_BACKUP: "Microsoft.KeyVault/vaults/secrets/backup/action",
    Permission.SECRETS_RESTORE: "Microsoft.KeyVault/vaults/secrets/restore/action",
    Permission.CERTIFICATES_CREATE: "Microsoft.KeyVault/vaults/certificates/create/action",
    Permission.CERTIFICATES_GET: "Microsoft.KeyVault/vaults/certificates/read",
    Permission.CERTIFICATES_LIST: "Microsoft.KeyVault/vaults/certificates/read",
    Permission.CERTIFICATES_UPDATE: "Microsoft.KeyVault/vaults/certificates/update/action",
    Permission.CERTIFICATES_IMPORT: "Microsoft.KeyVault/vaults/certificates/import/action",
    Permission.CERTIFICATES_DELETE: "Microsoft.KeyVault/vaults/certificates/delete",
    Permission.CERTIFICATES_RECOVER: "Microsoft.KeyVault/vaults/certificates/recover/action",
    Permission.CERTIFICATES_PURGE: "Microsoft.KeyVault/vaults/certificates/purge/action",
    Permission.CERTIFICATES_BACKUP: "Microsoft.KeyVault/vaults/certificates/backup/action",
    Permission.CERTIFICATES_RESTORE: "Microsoft.KeyVault/vaults/certificates/restore/action",
    Permission.CERTIFICATES_MANAGE_CONTACTS: "Microsoft.KeyVault/vaults/certificatecontacts/write",
    Permission.ISSUERS_GET: "Microsoft.KeyVault/vaults/certificatecas/read",
    Permission.ISSUERS_LIST: "Microsoft.KeyVault/vaults/certificatecas/read",
    Permission.ISSUERS_SET: "Microsoft.KeyVault/vaults/certificatecas/write",
    Permission.ISSUERS_DELETE: "Microsoft.KeyVault/vaults/certificatecas/delete",
}
