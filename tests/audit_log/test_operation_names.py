"""The names of operations in records, which stored records and exported logs contain."""

from apps.audit_log.operation_names import USES, Category, Operation, operations_in


def test_each_operation_has_a_label():
    assert all(operation.label and operation.category in Category for operation in Operation)


def test_reviews_find_the_operations_that_they_always_found():
    assert set(operations_in(Category.STOP)) == {
        *("VaultFreeze", "VaultUnfreeze", "VaultHold", "VaultRelease", "VaultDelete", "VaultRecover"),
        *("ApplicationDisable", "ApplicationEnable", "PersonDisable", "PersonEnable"),
        *("StoredKeyAltered", "JobRefused", "SigningKeyRetireAtOnce"),
    }
    assert operations_in(Category.REVEAL) == ["SecretReveal"]
    assert set(operations_in(Category.POLICY)) == {
        *("RoleAssignmentWrite", "RoleAssignmentDelete", "GroupMemberPut", "GroupMemberDelete", "GroupDelete"),
        *("PersonPut", "InvitationPut", "AttestationAuthorityTrust", "KeyReleaseStatement"),
        *("VaultPatch", "LogDestinationPut", "LogDestinationDelete", "LogRetentionPut"),
        *("WebhookPut", "WebhookDelete", "WebhookSecretPut", "ClockMove"),
    }
    assert set(operations_in(Category.MANAGEMENT)) == {
        *("VaultPut", "ApplicationPut", "ApprovalDecide", "RolloverBegin"),
        *("ApplicationSecretPut", "ApplicationCertificatePut", "ApplicationTrustPut"),
        *("KeyPurge", "SecretPurge", "CertificatePurge", "VaultPurge"),
    }


def test_uses_are_what_applications_do_with_objects():
    assert {
        *("KeySign", "KeyVerify", "KeyEncrypt", "KeyDecrypt", "KeyWrap", "KeyUnwrap", "KeyGet", "KeyRelease"),
        *("SecretGet", "CertificateGet", "KeyGetAttestation", "KeySecureWrap", "KeySecureUnwrap"),
    } == USES
