"""Every operation that audit records name: its name in stored records, its category and its label. Pure.

The names of the Key Vault API are those of Azure's AuditEvent. A name never changes: logs that were exported, and
searches that people saved, contain it.
"""

from enum import StrEnum
from typing import Self


class Category(StrEnum):
    """Groups of operations that reviews, counters and filters treat alike."""

    USE = "use"  # an application uses an object
    READ = "read"  # a caller reads what the vault says about its objects
    REVEAL = "reveal"  # a person sees a secret value
    CHANGE = "change"
    POLICY = "policy"  # a change of who may do what, or of how the audit log is kept
    STOP = "stop"  # an operation that stops or restores a vault, an application or a person
    MANAGEMENT = "management"  # other changes that are unusual outside working hours
    SIGN_IN = "sign-in"
    LOG = "log"  # somebody works with the audit log, or the audit log with its destinations
    DENIAL = "denial"  # a page or a view of the management API: recorded only when it is denied


class Operation(StrEnum):
    """An operation that an audit record names. The value is the name in the record."""

    category: Category
    label: str

    def __new__(cls, name: str, category: Category, label: str) -> Self:
        member = str.__new__(cls, name)
        member._value_ = name
        member.category = category
        member.label = label
        return member

    # Keys
    KEY_CREATE = "KeyCreate", Category.CHANGE, "Create a key"
    KEY_IMPORT = "KeyImport", Category.CHANGE, "Import a key"
    KEY_ROTATE = "KeyRotate", Category.CHANGE, "Rotate a key"
    KEY_ROTATE_IF_DUE = "KeyRotateIfDue", Category.CHANGE, "Rotate a key by its rotation policy"
    KEY_UPDATE = "KeyUpdate", Category.CHANGE, "Change the attributes of a key"
    KEY_DELETE = "KeyDelete", Category.CHANGE, "Delete a key"
    KEY_RECOVER = "KeyRecover", Category.CHANGE, "Recover a deleted key"
    KEY_PURGE = "KeyPurge", Category.MANAGEMENT, "Purge a key"
    KEY_BACKUP = "KeyBackup", Category.READ, "Back up a key"
    KEY_RESTORE = "KeyRestore", Category.CHANGE, "Restore a key from a backup"
    KEY_ROTATION_POLICY_GET = "KeyRotationPolicyGet", Category.READ, "Read the rotation policy of a key"
    KEY_ROTATION_POLICY_SET = "KeyRotationPolicySet", Category.CHANGE, "Set the rotation policy of a key"
    KEY_NEAR_EXPIRY = "KeyNearExpiryEventGridNotification", Category.CHANGE, "A key expires soon"
    KEY_GET = "KeyGet", Category.USE, "Read a public key"
    KEY_GET_DELETED = "KeyGetDeleted", Category.READ, "Read a deleted key"
    KEY_LIST = "KeyList", Category.READ, "List keys"
    KEY_LIST_VERSIONS = "KeyListVersions", Category.READ, "List the versions of a key"
    KEY_LIST_DELETED = "KeyListDeleted", Category.READ, "List deleted keys"
    KEY_SIGN = "KeySign", Category.USE, "Sign with a key"
    KEY_VERIFY = "KeyVerify", Category.USE, "Verify a signature with a key"
    KEY_ENCRYPT = "KeyEncrypt", Category.USE, "Encrypt with a key"
    KEY_DECRYPT = "KeyDecrypt", Category.USE, "Decrypt with a key"
    KEY_WRAP = "KeyWrap", Category.USE, "Wrap a key"
    KEY_UNWRAP = "KeyUnwrap", Category.USE, "Unwrap a key"
    KEY_BIND = "KeyBind", Category.CHANGE, "Bind a key to its place, at the HSM"
    KEY_RELEASE = "KeyRelease", Category.USE, "Release a key to an attested environment"
    KEY_RELEASE_STATEMENT = "KeyReleaseStatement", Category.POLICY, "Sign the statement of a key release"
    KEY_GET_ATTESTATION = "KeyGetAttestation", Category.USE, "Get a signed statement about a key"
    KEY_SECURE_WRAP = "KeySecureWrap", Category.USE, "Wrap a new key inside the HSM"
    KEY_SECURE_UNWRAP = "KeySecureUnwrap", Category.USE, "Unwrap a key for an attested environment"
    KEY_ACKNOWLEDGE = "KeyAcknowledge", Category.CHANGE, "Acknowledge a version of a key"
    RANDOM_BYTES_GET = "RandomBytesGet", Category.READ, "Get random bytes"

    # Secrets
    SECRET_SET = "SecretSet", Category.CHANGE, "Set a secret"
    SECRET_GET = "SecretGet", Category.USE, "Read a secret"
    SECRET_SEAL = "SecretSeal", Category.CHANGE, "Seal a secret value for its place, at the HSM"
    SECRET_REVEAL = "SecretReveal", Category.REVEAL, "Reveal a secret to a person"
    SECRET_UPDATE = "SecretUpdate", Category.CHANGE, "Change the attributes of a secret"
    SECRET_DELETE = "SecretDelete", Category.CHANGE, "Delete a secret"
    SECRET_RECOVER = "SecretRecover", Category.CHANGE, "Recover a deleted secret"
    SECRET_PURGE = "SecretPurge", Category.MANAGEMENT, "Purge a secret"
    SECRET_BACKUP = "SecretBackup", Category.READ, "Back up a secret"
    SECRET_RESTORE = "SecretRestore", Category.CHANGE, "Restore a secret from a backup"
    SECRET_GET_DELETED = "SecretGetDeleted", Category.READ, "Read a deleted secret"
    SECRET_LIST = "SecretList", Category.READ, "List secrets"
    SECRET_LIST_VERSIONS = "SecretListVersions", Category.READ, "List the versions of a secret"
    SECRET_LIST_DELETED = "SecretListDeleted", Category.READ, "List deleted secrets"
    SECRET_ACKNOWLEDGE = "SecretAcknowledge", Category.CHANGE, "Acknowledge a version of a secret"

    # Certificates
    CERTIFICATE_CREATE = "CertificateCreate", Category.CHANGE, "Create a certificate"
    CERTIFICATE_IMPORT = "CertificateImport", Category.CHANGE, "Import a certificate"
    CERTIFICATE_RENEW = "CertificateRenew", Category.CHANGE, "Renew a certificate"
    CERTIFICATE_NEAR_EXPIRY = (
        "CertificateNearExpiryEventGridNotification",
        Category.CHANGE,
        "A certificate expires soon",
    )
    CERTIFICATE_GET = "CertificateGet", Category.USE, "Read a certificate"
    CERTIFICATE_UPDATE = "CertificateUpdate", Category.CHANGE, "Change the attributes of a certificate"
    CERTIFICATE_DELETE = "CertificateDelete", Category.CHANGE, "Delete a certificate"
    CERTIFICATE_RECOVER = "CertificateRecover", Category.CHANGE, "Recover a deleted certificate"
    CERTIFICATE_PURGE = "CertificatePurge", Category.MANAGEMENT, "Purge a certificate"
    CERTIFICATE_BACKUP = "CertificateBackup", Category.READ, "Back up a certificate"
    CERTIFICATE_RESTORE = "CertificateRestore", Category.CHANGE, "Restore a certificate from a backup"
    CERTIFICATE_GET_DELETED = "CertificateGetDeleted", Category.READ, "Read a deleted certificate"
    CERTIFICATE_LIST = "CertificateList", Category.READ, "List certificates"
    CERTIFICATE_LIST_VERSIONS = "CertificateListVersions", Category.READ, "List the versions of a certificate"
    CERTIFICATE_LIST_DELETED = "CertificateListDeleted", Category.READ, "List deleted certificates"
    CERTIFICATE_POLICY_GET = "CertificatePolicyGet", Category.READ, "Read the policy of a certificate"
    CERTIFICATE_POLICY_UPDATE = "CertificatePolicyUpdate", Category.CHANGE, "Change the policy of a certificate"
    CERTIFICATE_PENDING_GET = "CertificatePendingGet", Category.READ, "Read the pending request of a certificate"
    CERTIFICATE_PENDING_UPDATE = "CertificatePendingUpdate", Category.CHANGE, "Cancel a pending certificate"
    CERTIFICATE_PENDING_DELETE = "CertificatePendingDelete", Category.CHANGE, "Remove a pending certificate"
    CERTIFICATE_PENDING_MERGE = "CertificatePendingMerge", Category.CHANGE, "Complete a certificate"
    CERTIFICATE_CONTACTS_GET = "CertificateContactsGet", Category.READ, "Read certificate contacts"
    CERTIFICATE_CONTACTS_SET = "CertificateContactsSet", Category.CHANGE, "Set certificate contacts"
    CERTIFICATE_CONTACTS_DELETE = "CertificateContactsDelete", Category.CHANGE, "Delete certificate contacts"
    CERTIFICATE_ISSUERS_LIST = "CertificateIssuersList", Category.READ, "List certificate issuers"
    CERTIFICATE_ISSUER_GET = "CertificateIssuerGet", Category.READ, "Read a certificate issuer"
    CERTIFICATE_ISSUER_SET = "CertificateIssuerSet", Category.CHANGE, "Set a certificate issuer"
    CERTIFICATE_ISSUER_UPDATE = "CertificateIssuerUpdate", Category.CHANGE, "Change a certificate issuer"
    CERTIFICATE_ISSUER_DELETE = "CertificateIssuerDelete", Category.CHANGE, "Delete a certificate issuer"
    CERTIFICATE_ACKNOWLEDGE = "CertificateAcknowledge", Category.CHANGE, "Acknowledge a version of a certificate"

    # Events
    EVENTS_LIST = "EventsList", Category.READ, "Read the events of a vault"
    WEBHOOK_PUT = "WebhookPut", Category.POLICY, "Add a webhook"
    WEBHOOK_DELETE = "WebhookDelete", Category.POLICY, "Remove a webhook"
    WEBHOOK_SECRET_PUT = "WebhookSecretPut", Category.POLICY, "Replace the signing secret of a webhook"
    WEBHOOK_VALIDATE = "WebhookValidate", Category.CHANGE, "Repeat the handshake with a webhook"
    WEBHOOK_TEST = "WebhookTest", Category.CHANGE, "Send a test event to a webhook"
    WEBHOOK_REDELIVER = "WebhookRedeliver", Category.CHANGE, "Deliver events to a webhook again"
    WEBHOOK_OPEN = "WebhookOpen", Category.LOG, "Decrypt the signing secret of a webhook"
    WEBHOOK_LIST = "WebhookList", Category.DENIAL, "List webhooks"

    # Vaults, bulk rotations and rollovers, security worlds
    STORED_KEY_ALTERED = "StoredKeyAltered", Category.STOP, "A stored key was altered and refused"
    JOB_REFUSED = "JobRefused", Category.STOP, "A job was refused by the HSM worker"
    VAULT_PUT = "VaultPut", Category.MANAGEMENT, "Create a vault"
    VAULT_PATCH = "VaultPatch", Category.POLICY, "Change the settings of a vault"
    VAULT_FREEZE = "VaultFreeze", Category.STOP, "Freeze a vault"
    VAULT_UNFREEZE = "VaultUnfreeze", Category.STOP, "Unfreeze a vault"
    VAULT_DELETE = "VaultDelete", Category.STOP, "Delete a vault"
    VAULT_RECOVER = "VaultRecover", Category.STOP, "Recover a deleted vault"
    VAULT_PURGE = "VaultPurge", Category.MANAGEMENT, "Purge a vault"
    VAULT_HOLD = "VaultHold", Category.STOP, "Suspend a vault whose log is not delivered"
    VAULT_RELEASE = "VaultRelease", Category.STOP, "Resume a suspended vault"
    ROLLOVER_BEGIN = "RolloverBegin", Category.MANAGEMENT, "Start a bulk rotation or a rollover"
    ROLLOVER_PAUSE = "RolloverPause", Category.CHANGE, "Pause a bulk rotation or a rollover"
    ROLLOVER_RESUME = "RolloverResume", Category.CHANGE, "Resume a bulk rotation or a rollover"
    ROLLOVER_CANCEL = "RolloverCancel", Category.CHANGE, "Cancel a bulk rotation or a rollover"
    ROLLOVER_END = "RolloverEnd", Category.CHANGE, "Finish a bulk rotation or a rollover"
    ROLLOVER_ANNOUNCE = "RolloverAnnounce", Category.CHANGE, "Announce the new version of a rollover"
    ROLLOVER_OBSERVE = "RolloverObserve", Category.CHANGE, "The consumers of an old version moved, or one came back"
    ROLLOVER_REHEARSE = "RolloverRehearse", Category.CHANGE, "Rehearse the retirement of old versions"
    ROLLOVER_BROWN_OUT = "RolloverBrownOut", Category.CHANGE, "Refuse some uses of old versions for a minute"
    ROLLOVER_RELEASE = "RolloverRelease", Category.CHANGE, "Have old versions of a rollover retired"
    ROLLOVER_RETIRE = "RolloverRetire", Category.CHANGE, "Retire the old version of a key"
    WORLD_CEREMONY = "WorldCeremony", Category.CHANGE, "Hold the ceremony of a security world"

    # Applications, people, access
    APPLICATION_PUT = "ApplicationPut", Category.MANAGEMENT, "Create an application"
    APPLICATION_DISABLE = "ApplicationDisable", Category.STOP, "Suspend an application"
    APPLICATION_ENABLE = "ApplicationEnable", Category.STOP, "Reactivate an application"
    APPLICATION_SECRET_PUT = "ApplicationSecretPut", Category.MANAGEMENT, "Add a client secret to an application"
    APPLICATION_SECRET_DELETE = "ApplicationSecretDelete", Category.CHANGE, "Revoke a client secret"
    APPLICATION_CERTIFICATE_PUT = (
        "ApplicationCertificatePut",
        Category.MANAGEMENT,
        "Add a client certificate to an application",
    )
    APPLICATION_CERTIFICATE_DELETE = "ApplicationCertificateDelete", Category.CHANGE, "Revoke a client certificate"
    APPLICATION_TRUST_PUT = "ApplicationTrustPut", Category.MANAGEMENT, "Add a federated trust to an application"
    APPLICATION_TRUST_DELETE = "ApplicationTrustDelete", Category.CHANGE, "Revoke a federated trust"
    ATTESTATION_AUTHORITY_TRUST = "AttestationAuthorityTrust", Category.POLICY, "Trust an attestation authority"
    SIGNING_KEY_CREATE = "SigningKeyCreate", Category.CHANGE, "Create the key that signs tokens"
    SIGNING_KEY_RETIRE = "SigningKeyRetire", Category.CHANGE, "Retire a token signing key that was replaced"
    SIGNING_KEY_RETIRE_AT_ONCE = "SigningKeyRetireAtOnce", Category.STOP, "Retire a token signing key at once"
    PERSON_PUT = "PersonPut", Category.POLICY, "Create a person"
    PERSON_DISABLE = "PersonDisable", Category.STOP, "Suspend a person"
    PERSON_ENABLE = "PersonEnable", Category.STOP, "Reactivate a person"
    INVITATION_PUT = "InvitationPut", Category.POLICY, "Invite a person"
    GROUP_PUT = "GroupPut", Category.CHANGE, "Create a group"
    GROUP_DELETE = "GroupDelete", Category.POLICY, "Delete a group"
    GROUP_MEMBER_PUT = "GroupMemberPut", Category.POLICY, "Add a member to a group"
    GROUP_MEMBER_DELETE = "GroupMemberDelete", Category.POLICY, "Remove a member from a group"
    ROLE_ASSIGNMENT_WRITE = "RoleAssignmentWrite", Category.POLICY, "Assign a role"
    ROLE_ASSIGNMENT_DELETE = "RoleAssignmentDelete", Category.POLICY, "Revoke a role"
    APPROVAL_REQUEST = "ApprovalRequest", Category.CHANGE, "Request an approval"
    APPROVAL_DECIDE = "ApprovalDecide", Category.MANAGEMENT, "Approve or reject a request"
    APPROVAL_USE = "ApprovalUse", Category.CHANGE, "Use an approval"

    # Sign-in
    AUTHENTICATION = "Authentication", Category.SIGN_IN, "Authenticate an application"
    SIGN_IN = "SignIn", Category.SIGN_IN, "Sign in"
    SECOND_FACTOR_ADD = "SecondFactorAdd", Category.SIGN_IN, "Add a second factor"
    SECOND_FACTOR_REMOVE = "SecondFactorRemove", Category.SIGN_IN, "Remove a second factor"
    RECOVERY_CODES_RENEW = "RecoveryCodesRenew", Category.SIGN_IN, "Renew recovery codes"
    PASSWORD_CHANGE = "PasswordChange", Category.SIGN_IN, "Change a password"
    COMPANY_ACCOUNT_CONNECT = "CompanyAccountConnect", Category.SIGN_IN, "Connect a company account"
    COMPANY_ACCOUNT_DISCONNECT = "CompanyAccountDisconnect", Category.SIGN_IN, "Disconnect a company account"
    COMMAND_LINE_CONFIRM = "CommandLineConfirm", Category.SIGN_IN, "Confirm a sign-in of the command line"
    COMMAND_LINE_DENY = "CommandLineDeny", Category.SIGN_IN, "Deny a sign-in of the command line"
    MANAGEMENT_TOKEN_ISSUE = "ManagementTokenIssue", Category.SIGN_IN, "Issue a management token"
    MANAGEMENT_TOKEN_END = "ManagementTokenEnd", Category.SIGN_IN, "Revoke a management token"

    # The audit log
    LOG_READ = "LogRead", Category.LOG, "Search the audit log"
    LOG_FOLLOW = "LogFollow", Category.LOG, "Follow the audit log"
    LOG_RECORD_READ = "LogRecordRead", Category.LOG, "Read an audit record"
    LOG_EXPORT = "LogExport", Category.LOG, "Export the audit log"
    LOG_CHECK = "LogCheck", Category.LOG, "Verify the audit log"
    LOG_TASK_CANCEL = "LogTaskCancel", Category.LOG, "Cancel an export or a verification"
    LOG_PACK_DOWNLOAD = "LogPackDownload", Category.LOG, "Download an evidence pack"
    LOG_ROLLOVER_CERTIFICATE = "LogRolloverCertificate", Category.LOG, "Create a rollover certificate"
    LOG_INTEGRITY = "LogIntegrity", Category.LOG, "View the integrity of the audit log"
    LOG_PATTERNS = "LogPatterns", Category.LOG, "View usage patterns"
    LOG_REVIEW = "LogReview", Category.LOG, "View the review queue"
    REVIEW_SIGN = "ReviewSign", Category.LOG, "Sign off a review item"
    ACCESS_REVIEW = "AccessReview", Category.LOG, "View the access review"
    ACCESS_ATTEST = "AccessAttest", Category.LOG, "Sign off the access review"
    LOG_DESTINATION_PUT = "LogDestinationPut", Category.POLICY, "Set a log destination"
    LOG_DESTINATION_DELETE = "LogDestinationDelete", Category.POLICY, "Remove a log destination"
    LOG_DESTINATION_TEST = "LogDestinationTest", Category.LOG, "Test a log destination"
    LOG_DESTINATION_OPEN = "LogDestinationOpen", Category.LOG, "Decrypt the credentials of a log destination"
    LOG_DELIVERY_FAIL = "LogDeliveryFail", Category.LOG, "Log delivery failed"
    LOG_DELIVERY_RECOVER = "LogDeliveryRecover", Category.LOG, "Log delivery recovered"
    LOG_REPLAY = "LogReplay", Category.LOG, "Replay the audit log to its destination"
    LOG_REPLAY_END = "LogReplayEnd", Category.LOG, "Finish a replay"
    LOG_RETENTION_PUT = "LogRetentionPut", Category.POLICY, "Set the retention of the audit log"
    LOG_FORGET = "LogForget", Category.LOG, "Delete records whose retention has ended"

    # Views of the management API that have no record of their own
    ACCESS_EXPLAIN = "AccessExplain", Category.DENIAL, "Simulate access"
    ANOMALY_LIST = "AnomalyList", Category.DENIAL, "List anomalies"
    APPLICATION_LIST = "ApplicationList", Category.DENIAL, "List applications"
    APPROVAL_LIST = "ApprovalList", Category.DENIAL, "List approval requests"
    COMING_LIST = "ComingList", Category.DENIAL, "List upcoming events"
    CREDENTIAL_DELETE = "CredentialDelete", Category.DENIAL, "Revoke a credential"
    CREDENTIAL_LIST = "CredentialList", Category.DENIAL, "List credentials"
    CONSUMER_LIST = "ConsumerList", Category.DENIAL, "List the consumers of a key"
    DELETED_LIST = "DeletedList", Category.DENIAL, "List deleted objects"
    DELETED_VAULT_LIST = "DeletedVaultList", Category.DENIAL, "List deleted vaults"
    GROUP_GET = "GroupGet", Category.DENIAL, "Read a group"
    GROUP_LIST = "GroupList", Category.DENIAL, "List groups"
    MANAGEMENT_TOKEN_LIST = "ManagementTokenList", Category.DENIAL, "List management tokens"
    MINUTE_LIST = "MinuteList", Category.DENIAL, "List operations per minute"
    OBJECT_DELETE = "ObjectDelete", Category.DENIAL, "Delete an object"
    OBJECT_HISTORY = "ObjectHistory", Category.DENIAL, "Read the history of an object"
    OBJECT_LIST = "ObjectList", Category.DENIAL, "List objects"
    OBJECT_PURGE = "ObjectPurge", Category.DENIAL, "Purge an object"
    OBJECT_RECOVER = "ObjectRecover", Category.DENIAL, "Recover a deleted object"
    OWN_USAGE_GET = "OwnUsageGet", Category.DENIAL, "Read the usage of your applications"
    PERSON_LIST = "PersonList", Category.DENIAL, "List people"
    REFUSAL_EXPLAIN = "RefusalExplain", Category.DENIAL, "Explain a denial"
    REFUSAL_LIST = "RefusalList", Category.DENIAL, "List denials"
    ROLE_LIST = "RoleList", Category.DENIAL, "List roles"
    ROLLOVER_SWITCH = "RolloverSwitch", Category.DENIAL, "Pause, resume or cancel a rollover"
    SEARCH = "Search", Category.DENIAL, "Search"
    TEST_CALL = "TestCall", Category.DENIAL, "Run a test call"
    TEST_VAULT_PUT = "TestVaultPut", Category.DENIAL, "Create a test vault"
    USAGE_GET = "UsageGet", Category.DENIAL, "Read usage"
    VAULT_GET = "VaultGet", Category.DENIAL, "Read a vault"
    VAULT_LIST = "VaultList", Category.DENIAL, "List vaults"
    VERSION_SWITCH = "VersionSwitch", Category.DENIAL, "Enable or disable a version"
    WHO_AM_I = "WhoAmI", Category.DENIAL, "Read your own account"
    WORLD_LIST = "WorldList", Category.DENIAL, "List security worlds"

    # Pages of the portals, by the names of their views
    PAGE_ACCESS = "Access", Category.DENIAL, "Page: access"
    PAGE_APPLICATIONS = "Applications", Category.DENIAL, "Page: applications"
    PAGE_APPROVALS = "Approvals", Category.DENIAL, "Page: approvals"
    PAGE_BENCH = "Bench", Category.DENIAL, "Page: lifecycle simulation"
    PAGE_BROWN_OUT = "BrownOut", Category.DENIAL, "Page: refuse some uses of old versions for a minute"
    PAGE_CANCEL_TASK = "CancelTask", Category.DENIAL, "Page: cancel a task"
    PAGE_DECIDE = "Decide", Category.DENIAL, "Page: decide on an approval"
    PAGE_DELETE = "Delete", Category.DENIAL, "Page: delete an object"
    PAGE_DELETE_VAULT = "DeleteVault", Category.DENIAL, "Page: delete a vault"
    PAGE_DELETED_VAULTS = "DeletedVaults", Category.DENIAL, "Page: deleted vaults"
    PAGE_DELETE_GROUP = "DeleteGroup", Category.DENIAL, "Page: delete a group"
    PAGE_EDIT_SECRET = "EditSecret", Category.DENIAL, "Page: edit a secret"
    PAGE_EMERGENCY_ROLLOVER = "EmergencyRollover", Category.DENIAL, "Page: emergency rollover"
    PAGE_EXPLAIN = "Explain", Category.DENIAL, "Page: explanation of a denial"
    PAGE_EXPLORER = "Explorer", Category.DENIAL, "Page: audit log"
    PAGE_FIND = "Find", Category.DENIAL, "Page: search from one field"
    PAGE_FREEZE_VAULT = "FreezeVault", Category.DENIAL, "Page: freeze a vault"
    PAGE_GROUPS = "Groups", Category.DENIAL, "Page: groups"
    PAGE_HSM = "Hsm", Category.DENIAL, "Page: HSMs"
    PAGE_IMPORT_KEY = "ImportKey", Category.DENIAL, "Page: import a key"
    PAGE_INTEGRITY = "Integrity", Category.DENIAL, "Page: integrity"
    PAGE_LOG_DESTINATION = "LogDestinationPage", Category.DENIAL, "Page: log destination"
    PAGE_LOG_RETENTION = "LogRetentionPage", Category.DENIAL, "Page: log retention"
    PAGE_NEW_APPLICATION = "NewApplication", Category.DENIAL, "Page: new application"
    PAGE_NEW_CERTIFICATE = "NewCertificate", Category.DENIAL, "Page: new client certificate"
    PAGE_NEW_CLIENT_SECRET = "NewClientSecret", Category.DENIAL, "Page: new client secret"
    PAGE_NEW_KEY = "NewKey", Category.DENIAL, "Page: new key"
    PAGE_NEW_ROLLOVER = "NewRollover", Category.DENIAL, "Page: new bulk rotation"
    PAGE_NEW_SECRET = "NewSecret", Category.DENIAL, "Page: new secret"
    PAGE_NEW_STAGED_ROLLOVER = "NewStagedRollover", Category.DENIAL, "Page: new rollover"
    PAGE_NEW_TRUST = "NewTrust", Category.DENIAL, "Page: new federated trust"
    PAGE_NEW_VAULT = "NewVault", Category.DENIAL, "Page: new vault"
    PAGE_ONE_APPLICATION = "OneApplication", Category.DENIAL, "Page: application"
    PAGE_ONE_GROUP = "OneGroup", Category.DENIAL, "Page: group"
    PAGE_ONE_OBJECT = "OneObject", Category.DENIAL, "Page: object"
    PAGE_ONE_RECORD = "OneRecord", Category.DENIAL, "Page: audit record"
    PAGE_ONE_ROLLOVER = "OneRollover", Category.DENIAL, "Page: bulk rotation or rollover"
    PAGE_CALENDAR = "Calendar", Category.DENIAL, "Page: calendar"
    PAGE_ONE_VAULT = "OneVault", Category.DENIAL, "Page: vault"
    PAGE_ONE_WEBHOOK = "OneWebhook", Category.DENIAL, "Page: webhook"
    PAGE_OVERVIEW = "Overview", Category.DENIAL, "Page: overview"
    PAGE_OWN_READING = "OwnReading", Category.DENIAL, "Page: my audit activity"
    PAGE_PACK = "Pack", Category.DENIAL, "Page: evidence pack"
    PAGE_PACKS = "Packs", Category.DENIAL, "Page: evidence packs"
    PAGE_PATTERNS = "Patterns", Category.DENIAL, "Page: patterns"
    PAGE_PEOPLE = "People", Category.DENIAL, "Page: people"
    PAGE_PURGE_VAULT = "PurgeVault", Category.DENIAL, "Page: purge a vault"
    PAGE_RECOVER_VAULT = "RecoverVault", Category.DENIAL, "Page: recover a vault"
    PAGE_PURGE = "Purge", Category.DENIAL, "Page: purge an object"
    PAGE_RECOVER = "Recover", Category.DENIAL, "Page: recover an object"
    PAGE_RECYCLE = "Recycle", Category.DENIAL, "Page: delete, recover or purge an object"
    PAGE_RECYCLE_BIN = "RecycleBin", Category.DENIAL, "Page: deleted objects"
    PAGE_REMOVE_CREDENTIAL = "RemoveCredential", Category.DENIAL, "Page: revoke a credential"
    PAGE_REMOVE_LOG_DESTINATION = "RemoveLogDestination", Category.DENIAL, "Page: remove a log destination"
    PAGE_REMOVE_MEMBER = "RemoveMember", Category.DENIAL, "Page: remove a member from a group"
    PAGE_REMOVE_ROLE = "RemoveRole", Category.DENIAL, "Page: revoke a role"
    PAGE_REMOVE_WEBHOOK = "RemoveWebhook", Category.DENIAL, "Page: remove a webhook"
    PAGE_REMOVE_SECRET = "RemoveSecret", Category.DENIAL, "Page: revoke a client secret"
    PAGE_REDELIVER_EVENTS = "RedeliverEvents", Category.DENIAL, "Page: redeliver events"
    PAGE_REPLAY_LOG = "ReplayLog", Category.DENIAL, "Page: replay the audit log"
    PAGE_RETIRE_VERSIONS = "RetireVersions", Category.DENIAL, "Page: retire the old versions of a rollover"
    PAGE_REHEARSE = "Rehearse", Category.DENIAL, "Page: rehearse the retirement of old versions"
    PAGE_REVEAL = "Reveal", Category.DENIAL, "Page: reveal a secret"
    PAGE_REVIEW_QUEUE = "ReviewQueue", Category.DENIAL, "Page: review queue"
    PAGE_ROLLOVERS = "Rollovers", Category.DENIAL, "Page: bulk rotations and rollovers"
    PAGE_ROTATE_KEY = "RotateKey", Category.DENIAL, "Page: rotate a key"
    PAGE_ROTATE_WEBHOOK_SECRET = "RotateWebhookSecret", Category.DENIAL, "Page: replace a webhook's signing secret"
    PAGE_SEND_TEST_EVENT = "SendTestEvent", Category.DENIAL, "Page: send a test event"
    PAGE_SET_MANAGER = "SetManager", Category.DENIAL, "Page: vault manager"
    PAGE_SET_POLICY = "SetPolicy", Category.DENIAL, "Page: rotation policy"
    PAGE_SIMULATE = "Simulate", Category.DENIAL, "Page: access simulator"
    PAGE_STOP_APPLICATION = "StopApplication", Category.DENIAL, "Page: suspend an application"
    PAGE_SWITCH_APPLICATION = "SwitchApplication", Category.DENIAL, "Page: suspend or reactivate an application"
    PAGE_SWITCH_PERSON = "SwitchPerson", Category.DENIAL, "Page: suspend or reactivate a person"
    PAGE_SWITCH_ROLLOVER = "SwitchRollover", Category.DENIAL, "Page: pause, resume or cancel a rollover"
    PAGE_SWITCH_VERSION = "SwitchVersion", Category.DENIAL, "Page: enable or disable a version"
    PAGE_TRY = "Try", Category.DENIAL, "Page: test call"
    PAGE_TRY_LOG_DESTINATION = "TryLogDestination", Category.DENIAL, "Page: test a log destination"
    PAGE_USAGE = "Usage", Category.DENIAL, "Page: usage"
    PAGE_VALIDATE_WEBHOOK = "ValidateWebhook", Category.DENIAL, "Page: repeat the handshake with a webhook"
    PAGE_VAULT_SETTINGS = "VaultSettings", Category.DENIAL, "Page: vault settings"
    PAGE_VAULTS = "Vaults", Category.DENIAL, "Page: vaults"
    PAGE_WEBHOOKS = "Webhooks", Category.DENIAL, "Page: webhooks"


OPERATIONS: dict[str, Operation] = {operation.value: operation for operation in Operation}


def operations_in(*categories: Category) -> list[Operation]:
    """List the operations of some categories."""
    return [operation for operation in Operation if operation.category in categories]


USES = frozenset(operations_in(Category.USE))  # of an object by an application; the rest is management
