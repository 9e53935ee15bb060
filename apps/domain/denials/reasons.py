"""Reasons of denials, in words for the developer who owns the application. Pure.

`REASONS` are by the name of the error, `TOKENS` by the code that the answer to a token begins with.
"""

TOKENS = {
    "AKV10000": "The request had no bearer token. The first request of an SDK always looks like this: it learns from "
    "the answer where to get one. If it is the last one too, the credential did not get a token.",
    "AKV10021": "The token was expired, or its clock is ahead of ours by more than five minutes. SDKs get a new one "
    "automatically; a program that stores tokens must renew them before they expire.",
    "AKV10022": "The token was made for another audience. Ask for the scope of this installation, with `/.default`.",
    "AKV10032": "The token was issued by another authority. Set the credential's authority to this installation's.",
    "AKV10046": "The token was not signed by this installation.",
    "AKV10048": "The application of this token was deleted or suspended.",
    "AADSTS7000215": "The token request named an unknown application, or a wrong or expired client secret.",
    "AADSTS70021": "The assertion's issuer, subject and audience are not those of a trust of the application. "
    "The answer to the request named what was presented.",
    "AADSTS700023": "The assertion was made for another audience than this installation's token endpoint.",
    "AADSTS700024": "The assertion was expired, or not valid yet: compare the clocks.",
    "AADSTS700027": "The assertion was not signed by a certificate of the application, or not by a key that its "
    "trusted issuer publishes.",
    "AADSTS50027": "The assertion was not a JSON Web Token with issuer and subject.",
    "AADSTS70011": "The token request named a wrong scope.",
    "AADSTS500011": "The token request named a wrong resource.",
    "AADSTS90002": "The token request named another tenant.",
    "AADSTS70003": "The token request was not of the kind client_credentials.",
    "AADSTS900144": "The token request had a secret and an assertion, or an assertion of another kind than a JWT.",
    "AADSTS90056": "Too many token requests with a wrong credential came from this address within a minute. A correct "
    "credential is still accepted.",
}
_OTHER_TOKEN_ERROR = "The token or the credential was not accepted."  # noqa: S105  a sentence

REASONS = {
    # 403
    "KeyDisabled": "This version of the key is disabled. Use another version, or have it enabled.",
    "NeverUsed": "The application acknowledged a version of an object that it has never used. Use the object first.",
    "KeyInBrownOut": "This version will be retired, and some calls were refused as a test. Use the newest version.",
    "KeyOutsideDates": "The version is not valid yet, or no longer: see its dates.",
    "KeyOperationForbidden": "The key was not made for this operation (its key_ops do not name it).",
    "SecretDisabled": "This version of the secret is disabled. Read another version, or have it enabled.",
    "VaultFrozen": "Security operations have frozen the vault because of an incident. Only they can unfreeze it.",
    "SecondPersonNeeded": "The vault requires approval by a second person. Security operations decide on the request.",
    "ObjectManaged": "The object belongs to the certificate of the same name. Change the certificate instead.",
    "PurgeProtected": "Purge protection: the vault does not allow purging before the retention period ends.",
    "ReleaseRefused": "The attestation does not satisfy the key's release policy.",
    "AttestationRefused": "The attestation token is not accepted: check its issuer and its dates.",
    "IssuerMerges": "The issuer delivers the certificate automatically; there is nothing to merge. Wait for it.",
    "IssuerNotOffered": "The issuer of the policy is disabled, or no provider here delivers its certificates. Name "
    "`Self`, or an issuer with the provider VaultPortal.",
    "BackupBuried": "The object was purged from a vault with purge protection: its backups do not bring it back.",
    "PartNotInBackup": "The backup has a part that it was not made with.",
    "VersionExists": "The vault has this version of the key or secret already.",
    # 404
    "KeyNotFound": "The vault has no such key, or no such version of it, or it is deleted.",
    "SecretNotFound": "The vault has no such secret, or no such version of it, or it is deleted.",
    "CertificateNotFound": "The vault has no such certificate, or no such version of it, or it is deleted.",
    "ObjectNotFound": "The vault has nothing of this name that you may know of, or it is deleted.",
    "PendingCertificateNotFound": "No version of the certificate is being made: the order is done, or gone.",
    "IssuerNotFound": "The vault has no issuer of this name. Create it, or name `Self` in the certificate's policy.",
    "ContactsNotFound": "The vault has no certificate contacts.",
    "VaultNotFound": "No vault answers under this name. Check the host name of the address.",
    # 409
    "ObjectIsDeleted": "The name belongs to a deleted object. Recover that one, or purge it and create again.",
    "ClockNotMovable": "This installation has no clock that moves.",
    "NotOnTestClock": "A test installation, whose clock moves, has no production vaults.",
    "ObjectExists": "An object of this name already exists; a backup cannot be restored over it.",
    "PendingInProgress": "A version of the certificate is being made already. Wait for it, or cancel it.",
    "OperationCancelled": "The making of the certificate was cancelled in the meantime.",
    "SubjectGone": "The object was purged before the HSM came to the request.",
    "SecretChanged": "Someone else saved a newer version of the secret. Nothing was overwritten: read the "
    "newer one and decide again.",
    # 400
    "NotInTestVault": "A test vault has software-protected keys only.",
    "BadApiVersion": "The address has no api-version, or one that this service does not speak.",
}
_BY_STATUS = {
    401: _OTHER_TOKEN_ERROR,
    403: "The state of the object or of the vault does not allow this.",
    404: "What the request named is not there, or is deleted.",
    409: "Another request changed the same object at the same time. Nothing was done: read the current state and "
    "try again.",
    413: "The request was too large.",
    429: "Too many requests.",
}
_MALFORMED = "The request was invalid."
_SERVICE_ERROR = (
    "The service failed, not the request. Try again, and give your operator this request ID if it persists."
)

# The operation on the object that would fix it; the explanation says who may do that.
FIXED_BY = {
    "KeyDisabled": "update",
    "KeyOutsideDates": "update",
    "SecretDisabled": "update",
    "ObjectIsDeleted": "recover",
}


def explain_token_error(code: str) -> str:
    """Explain why a token or a credential was rejected."""
    return TOKENS.get(code, _OTHER_TOKEN_ERROR)


def explain_error(name: str, *, status: int) -> str:
    """Explain why a request of a known caller was denied."""
    if status >= 500:
        return _SERVICE_ERROR
    return REASONS.get(name) or _BY_STATUS.get(status, _MALFORMED)
