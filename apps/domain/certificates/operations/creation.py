"""Creating certificates: by a job, from a PFX or PEM, or from a signed request."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate as X509Certificate
from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.core.digests import digest_of
from apps.core.errors import BadRequest, Conflict, Forbidden
from apps.core.ids import new_version, uuid7
from apps.domain.access.changes import recorded_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.approvals import operations as approvals
from apps.domain.approvals.models import ApprovalRequest, GuardedOperation
from apps.domain.certificates import containers, description, queries, versions, x509
from apps.domain.certificates.containers import ImportedCertificate
from apps.domain.certificates.kind import CERTIFICATES
from apps.domain.certificates.merged_chain import read_x5c
from apps.domain.certificates.models import Certificate, CertificateOperation, CertificateVersion
from apps.domain.certificates.policy import SELF, UNKNOWN, Policy, load_policy, validate_policy, with_defaults
from apps.domain.certificates.versions import FinishedVersion
from apps.domain.hsm_client import client
from apps.domain.hsm_client.models import Job
from apps.domain.hsm_client.protocol import ImportKey, SealCertificate, SealSecret
from apps.domain.keys import versions as key_versions
from apps.domain.keys.kind import KEYS
from apps.domain.keys.models import Key, KeyVersion
from apps.domain.keys.rules import NewKey
from apps.domain.objects import locks, names
from apps.domain.objects.kinds import ObjectKind, Row
from apps.domain.objects.rules import ObjectExists
from apps.domain.secrets.kind import SECRETS
from apps.domain.security_worlds.models import ProtectedKey
from apps.domain.vaults import quotas
from apps.domain.vaults.models import Vault

REQUEST_SECONDS = 15.0  # a key of RSA-4096 in an HSM
WAIT_SECONDS = 1.5  # a key and a certificate are usually ready by then; the caller need not come back

Status = CertificateOperation.Status


class PendingInProgress(Conflict):
    """The certificate's operation has not ended."""


class OperationEnded(BadRequest):
    """There is nothing to cancel, or nothing to merge into."""


class IssuerMerges(Forbidden):
    """The issuer delivers the certificate itself."""


@dataclass(frozen=True, slots=True)
class VersionAttributes:
    """The attributes that a caller gives a new version."""

    enabled: bool = True
    tags: dict[str, str] = field(default_factory=dict)
    preserve_order: bool = False


def create(
    *, grant: Grant, vault: Vault, name: str, policy: Policy, attributes: VersionAttributes, now: datetime
) -> CertificateOperation:
    """Start a new version by a policy. Returns the operation, ended if that took less than `WAIT_SECONDS`.

    Raises `BadPolicy`, `IssuerNotFound`, `IssuerNotOffered`, `PendingInProgress`, `ObjectIsDeleted`, `ObjectExists`,
    `TooManyRequests`.
    """
    grant.require(Permission.CERTIFICATES_CREATE, vault_id=vault.pk)
    policy = with_defaults(policy, default=vault.certificate_action)
    x509.check_creatable(validate_policy(policy))
    if policy.issuer not in (SELF, UNKNOWN):
        queries.check_delivers(vault_id=vault.pk, issuer=policy.issuer)
    quota = quotas.creation_quota(hardware=policy.hardware)
    quotas.consume_quota(vault=vault, principal=grant.principal, quota=quota)
    with transaction.atomic():
        certificate = _lock_or_create(grant, vault, name, policy, now, recreates=True)
        job = start_creation(
            grant=grant,
            vault=vault,
            certificate=certificate,
            attributes=attributes,
            operation=Operation.CERTIFICATE_CREATE,
            now=now,
        )
    client.wait_briefly(job, seconds=WAIT_SECONDS)
    if policy.issuer == UNKNOWN:  # the request is the answer: clients take it to the authority at once
        client.wait_briefly(job, seconds=REQUEST_SECONDS)
    CERTIFICATES.invalidate(vault.pk, name)
    return queries.get_operation(vault_id=vault.pk, name=name)


def start_creation(
    *,
    grant: Grant,
    vault: Vault,
    certificate: Certificate,
    attributes: VersionAttributes,
    operation: Operation,
    now: datetime,
) -> Job:
    """Store the pending key version, the operation and the job, in the caller's transaction.

    Raises `PendingInProgress`, `ObjectIsDeleted`, `ObjectExists`.
    """
    if grant.permission is not Permission.VAULTS_SWEEP:
        grant.require(Permission.CERTIFICATES_CREATE, vault_id=vault.pk)
    policy = load_policy(certificate.policy)
    _check_no_operation(certificate)
    key = _lock_dependents(grant, vault, certificate)
    spec = replace(_key_spec(policy), enabled=attributes.enabled, tags=attributes.tags)
    version = new_version()
    key_version = key_versions.add_version(key, spec, version=version, now=now)
    CertificateOperation.objects.filter(certificate=certificate).delete()
    row = CertificateOperation.objects.create(
        id=uuid7(),
        certificate=certificate,
        version=version,
        key_version=key_version,
        issuer=policy.issuer,
        enabled=attributes.enabled,
        tags=attributes.tags,
        preserve_order=attributes.preserve_order,
        created=now,
    )
    return client.submit(
        grant=grant,
        kind="hsm.make_certificate",
        operation=operation,
        world=vault.world.name,
        subject=("certificateoperation", row.pk),
        object_id=CERTIFICATES.object_id(certificate.name, version),
        now=now,
    )


def import_certificate(
    *,
    grant: Grant,
    vault: Vault,
    name: str,
    value: str,
    password: str | None,
    read_policy: Callable[[Policy], Policy] | None,
    attributes: VersionAttributes,
    now: datetime,
) -> CertificateVersion:
    """Import a certificate with its private key. Its policy describes it, except where `read_policy` changes that.

    The key goes to the HSM worker over the lane, as any import. Raises `BadCertificate`, `BadPolicy`,
    `PendingInProgress`, `ObjectIsDeleted`, `ObjectExists`, `HsmUnavailable`, `ApprovalRequired`.
    """
    grant.require(Permission.CERTIFICATES_IMPORT, vault_id=vault.pk)
    imported = containers.parse_container(value, password=password, preserve_order=attributes.preserve_order)
    policy = _policy_of_import(vault, imported, read_policy)
    if policy.issuer not in (SELF, UNKNOWN):
        queries.get_issuer(vault_id=vault.pk, name=policy.issuer)
    spec = replace(_key_spec(policy), operations=tuple(sorted(policy.operations)), enabled=attributes.enabled)
    binding = key_versions.binding_of(spec, name=name, version=new_version())
    material = imported.key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    content = _content_of(imported, policy, attributes, material)
    approval = _require_import_approval(grant, vault, name, imported, policy, content, now)
    quota = quotas.creation_quota(hardware=policy.hardware)
    quotas.consume_quota(vault=vault, principal=grant.principal, quota=quota)
    public_key, blob, mac = client.call_as(
        grant, vault, name, binding.version, ImportKey, kind=CERTIFICATES.name, spec=binding, material=material
    )
    text = x509.as_secret(imported.chain, imported.key if policy.exportable else None, content_type=policy.content_type)
    sealed: bytes = client.call_as(
        grant, vault, name, binding.version, SealSecret, kind=CERTIFICATES.name, value=text.encode()
    )
    finished = FinishedVersion(
        imported.leaf,
        sealed,
        policy.content_type,
        attributes.enabled,
        attributes.tags,
        attributes.preserve_order,
    )
    with recorded_change(
        grant, Operation.CERTIFICATE_IMPORT, invalidate=lambda: CERTIFICATES.invalidate(vault.pk, name)
    ) as record:
        recreates = approval is None  # an approval is for the state that it names
        certificate = _lock_or_create(grant, vault, name, policy, now, recreates=recreates)
        basis = {**locks.describe_state(certificate), **content}
        approvals.consume(grant=grant, approval=approval, now=now, basis=basis)
        _check_no_operation(certificate)
        key = _lock_dependents(grant, vault, certificate)
        key_version = key_versions.add_version(key, spec, version=binding.version, now=now)
        bound = {"public_key": public_key, "blob": blob, "mac": mac}
        origin = ProtectedKey.Origin.IMPORTED
        key_versions.attach_protected_key(key_version, vault, kind=binding, origin=origin, **bound)
        row = versions.add_version(certificate, key_version, finished, now=now)
        record.object_id = CERTIFICATES.object_id(certificate.name, row.version)
    return row


def merge(
    *,
    grant: Grant,
    vault: Vault,
    name: str,
    chain: Sequence[str],
    changes: Mapping[str, Any],
    now: datetime,
) -> CertificateVersion:
    """Complete an operation of the issuer Unknown with the certificate that an authority made of its request.

    `changes`: attributes (fields of `VersionAttributes`) that differ from those with which the operation began.
    Raises `PendingCertificateNotFound`, `OperationEnded`, `IssuerMerges`, `BadCertificate`, `HsmUnavailable`.
    """
    grant.require(Permission.CERTIFICATES_CREATE, vault_id=vault.pk)
    certificates = read_x5c(chain)
    operation = queries.get_operation(vault_id=vault.pk, name=name)
    started = VersionAttributes(operation.enabled, operation.tags, operation.preserve_order)
    attributes = replace(started, **changes)
    key_version = _key_to_merge(operation)
    leaf, ordered = _ordered_by(key_version, certificates, preserve_order=attributes.preserve_order)
    policy = load_policy(operation.certificate.policy)
    sealed: bytes = client.call_as(
        grant,
        vault,
        name,
        operation.version,
        SealCertificate,
        chain=[one.public_bytes(Encoding.DER) for one in ordered],
        content_type=policy.content_type,
    )
    finished = FinishedVersion(
        leaf, sealed, policy.content_type, attributes.enabled, attributes.tags, attributes.preserve_order
    )
    with recorded_change(
        grant,
        Operation.CERTIFICATE_PENDING_MERGE,
        object_id=CERTIFICATES.object_id(operation.certificate.name, operation.version),
        invalidate=lambda: CERTIFICATES.invalidate(vault.pk, name),
    ):
        Certificate.objects.select_for_update().get(pk=operation.certificate_id)
        Key.objects.select_for_update().get(pk=key_version.key_id)
        running = CertificateOperation.objects.filter(pk=operation.pk, status=Status.IN_PROGRESS)
        if running.update(status=Status.COMPLETED) != 1:
            raise OperationEnded("The pending certificate's status is not inProgress.")
        KeyVersion.objects.filter(pk=key_version.pk).update(enabled=attributes.enabled)
        return versions.add_version(operation.certificate, key_version, finished, now=now)


def cancel(*, grant: Grant, vault: Vault, name: str) -> CertificateOperation:
    """Cancel the operation; one that waits for a signed request ends at once.

    Raises `PendingCertificateNotFound`, `OperationEnded`.
    """
    grant.require(Permission.CERTIFICATES_UPDATE, vault_id=vault.pk)
    operation = queries.get_operation(vault_id=vault.pk, name=name)
    with recorded_change(
        grant, Operation.CERTIFICATE_PENDING_UPDATE, object_id=CERTIFICATES.object_id(name, "pending")
    ):
        running = CertificateOperation.objects.filter(pk=operation.pk, status=Status.IN_PROGRESS)
        if running.update(cancellation_requested=True, status=Status.CANCELLED) != 1:
            raise OperationEnded("The pending certificate's status is not inProgress, so it cannot be cancelled.")
    return queries.get_operation(vault_id=vault.pk, name=name)


def delete_operation(*, grant: Grant, vault: Vault, name: str) -> CertificateOperation:
    """Delete the operation. Returns it as it was. Raises `PendingCertificateNotFound`."""
    grant.require(Permission.CERTIFICATES_UPDATE, vault_id=vault.pk)
    operation = queries.get_operation(vault_id=vault.pk, name=name)
    with recorded_change(
        grant, Operation.CERTIFICATE_PENDING_DELETE, object_id=CERTIFICATES.object_id(name, "pending")
    ):
        CertificateOperation.objects.filter(pk=operation.pk).delete()
    return operation


def _policy_of_import(
    vault: Vault, imported: ImportedCertificate, read_policy: Callable[[Policy], Policy] | None
) -> Policy:
    """The policy of the next version: it describes the certificate, except where the caller says otherwise.

    A certificate that exists need not be one that could be made here. One that an issuer is to renew must be.
    """
    described = description.policy_of(imported.leaf, content_type=imported.content_type)
    described = with_defaults(described, default=vault.certificate_action)
    policy = described if read_policy is None else read_policy(described)
    policy = replace(policy, key_type=described.key_type, parameter=described.parameter)
    if policy.issuer == UNKNOWN:
        return validate_policy(policy, described=described)
    x509.check_creatable(validate_policy(policy))
    return policy


def _require_import_approval(  # noqa: PLR0917  private, one caller
    grant: Grant,
    vault: Vault,
    name: str,
    imported: ImportedCertificate,
    policy: Policy,
    content: dict[str, str],
    now: datetime,
) -> ApprovalRequest | None:
    state = locks.find_state(CERTIFICATES, vault, name)
    return approvals.require_approval(
        grant=grant,
        act=GuardedOperation.KEY_IMPORT,
        guarded=vault.production,
        subject=CERTIFICATES.object_id(name.lower()),
        change={
            "type": policy.key_type,
            "size or curve": policy.parameter,
            "HSM": policy.hardware,
            "exportable": policy.exportable,
            "certificate SHA-256": sha256(imported.leaf.public_bytes(Encoding.DER)).hexdigest(),
            "check value": content["key"][:16],
        },
        now=now,
        concerns=[UUID(state["object"])] if state["object"] else [],
        basis={**state, **content},
    )


def _content_of(
    imported: ImportedCertificate, policy: Policy, attributes: VersionAttributes, material: bytes
) -> dict[str, str]:
    """Digests of what an import brings: the key apart, of which the approver sees a part."""
    chain = [one.public_bytes(Encoding.DER).hex() for one in imported.chain]
    return {"key": sha256(material).hexdigest(), "content": digest_of([chain, policy.as_dict(), attributes])}


def _key_to_merge(operation: CertificateOperation) -> KeyVersion:
    """The key version of the pending request."""
    key_version = operation.key_version
    if operation.issuer != UNKNOWN:
        raise IssuerMerges("The certificate's issuer delivers it itself; there is nothing to merge.")
    if operation.status != Status.IN_PROGRESS or key_version is None or key_version.protected is None:
        raise OperationEnded("The pending certificate's status is not inProgress, or its request is still being made.")
    return key_version


def _ordered_by(
    key_version: KeyVersion, certificates: list[X509Certificate], *, preserve_order: bool
) -> tuple[X509Certificate, list[X509Certificate]]:
    """The certificate that answers the pending request, wherever the authority put it, and the chain."""
    assert key_version.protected is not None  # noqa: S101  `_key_to_merge` found it
    public: Any = serialization.load_der_public_key(bytes(key_version.protected.public_key))
    leaf, ordered = x509.ordered_chain(certificates, public, preserve_order=preserve_order)
    if leaf is None:
        raise x509.BadCertificate(
            "The public key of the end-entity certificate in the specified X.509 certificate "
            "content does not match the public part of the specified private key."
        )
    return leaf, ordered


def _lock_or_create(
    grant: Grant, vault: Vault, name: str, policy: Policy, now: datetime, *, recreates: bool
) -> Certificate:
    """The live certificate of that name, locked, with this policy from now on. Raises `ObjectIsDeleted`."""
    certificate = names.get_or_create_locked(
        CERTIFICATES,
        vault,
        name,
        grant=grant,
        recreates=recreates,
        policy=policy.as_dict(),
        policy_created=now,
        policy_updated=now,
    )
    certificate.policy, certificate.policy_updated = policy.as_dict(), now
    certificate.save(update_fields=["policy", "policy_updated"])
    return certificate


def _lock_dependents(grant: Grant, vault: Vault, certificate: Certificate) -> Key:
    """Lock, or create, the certificate's key and secret. Returns the key."""
    key = _lock_managed(grant, KEYS, vault, certificate)
    _lock_managed(grant, SECRETS, vault, certificate)
    return key


def _lock_managed(grant: Grant, kind: ObjectKind[Row, Any], vault: Vault, certificate: Certificate) -> Row:
    row = names.get_or_create_locked(kind, vault, certificate.name, grant=grant, managed=True)
    if not row.managed:
        raise ObjectExists(f"There is a {kind.name} {row.name} in this vault already. Name the certificate otherwise.")
    return row


def _check_no_operation(certificate: Certificate) -> None:
    if CertificateOperation.objects.filter(certificate=certificate, status=Status.IN_PROGRESS).exists():
        raise PendingInProgress(
            "A new key vault certificate can not be created or imported while a pending key vault certificate's status "
            "is inProgress."
        )


def _key_spec(policy: Policy) -> NewKey:
    return NewKey(
        key_type=policy.key_type,
        hardware=policy.hardware,
        parameter=policy.parameter,
        operations=policy.operations,
        exportable=policy.exportable,
    )
