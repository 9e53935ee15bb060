"""Making certificates: by a job (key, certificate or request, secret), from a PFX or PEM, or from a signed request."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.core.errors import BadRequest, Conflict, Forbidden
from apps.core.ids import new_version, uuid7
from apps.domain.access.audit_records import append_attempt, append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.approvals import operations as approvals
from apps.domain.approvals.models import GuardedOperation
from apps.domain.certificates import containers, queries, versions, x509
from apps.domain.certificates.models import Certificate, CertificateOperation, CertificateVersion
from apps.domain.certificates.policy import SELF, UNKNOWN, Policy, load_policy, validate_policy, with_defaults
from apps.domain.certificates.versions import FinishedVersion
from apps.domain.hsm_client import client
from apps.domain.hsm_client.models import Job
from apps.domain.hsm_client.protocol import ImportedKeySpec, ImportKey, SealCertificate, SealSecret
from apps.domain.keys import queries as keys
from apps.domain.keys import versions as key_versions
from apps.domain.keys.models import Key, KeyVersion
from apps.domain.keys.rules import NewKey
from apps.domain.objects import soft_delete
from apps.domain.secrets import queries as secrets
from apps.domain.secrets.models import Secret
from apps.domain.secrets.rules import seal_context
from apps.domain.vaults import quotas, rules
from apps.domain.vaults.models import Vault
from apps.domain.vaults.quotas import Quota

PATIENCE_SECONDS = 1.5  # a key and a certificate are usually ready by then; the caller need not come back

Status = CertificateOperation.Status


class PendingInProgress(Conflict):
    """The certificate's operation has not ended."""


class OperationEnded(BadRequest):
    """There is nothing to cancel, or nothing to merge into."""


class IssuerMerges(Forbidden):
    """The issuer delivers the certificate itself."""


@dataclass(frozen=True, slots=True)
class VersionAttributes:
    """What a caller says about a new version."""

    enabled: bool = True
    tags: dict[str, str] = field(default_factory=dict)
    preserve_order: bool = False


def create(
    *, grant: Grant, vault: Vault, name: str, policy: Policy, said: VersionAttributes, now: datetime
) -> CertificateOperation:
    """Begin a new version by a policy. Returns the operation, ended if that took less than `PATIENCE_SECONDS`.

    Raises `BadPolicy`, `IssuerNotFound`, `PendingInProgress`, `ObjectIsDeleted`, `ObjectExists`, `TooManyRequests`.
    """
    grant.require(Permission.CERTIFICATES_CREATE, vault_id=vault.pk)
    x509.check_subject(validate_policy(policy))
    if policy.issuer not in (SELF, UNKNOWN):
        queries.get_issuer(vault_id=vault.pk, name=policy.issuer)
    _spend(grant, vault, hardware=policy.hardware)
    with transaction.atomic():
        certificate = _lock_or_begin(vault, name, policy, now)
        _set_policy(certificate, policy, now)
        job = start_creation(
            grant=grant,
            vault=vault,
            certificate=certificate,
            said=said,
            operation=Operation.CERTIFICATE_CREATE,
            now=now,
        )
    client.wait_briefly(job, seconds=PATIENCE_SECONDS)
    _forget(vault, name)
    return queries.get_operation(vault_id=vault.pk, name=name)


def start_creation(
    *,
    grant: Grant,
    vault: Vault,
    certificate: Certificate,
    said: VersionAttributes,
    operation: Operation,
    now: datetime,
) -> Job:
    """The pending key version, the operation and the job, in the caller's transaction. Raises `PendingInProgress`."""
    if grant.permission is not Permission.VAULTS_SWEEP:
        grant.require(Permission.CERTIFICATES_CREATE, vault_id=vault.pk)
    policy = load_policy(certificate.policy)
    _check_no_operation(certificate)
    key = _lock_managed(Key, "key", vault, certificate)
    _lock_managed(Secret, "secret", vault, certificate)
    spec = NewKey(
        key_type=policy.key_type,
        hardware=policy.hardware,
        parameter=policy.parameter,
        operations=policy.operations,
        enabled=said.enabled,
        tags=said.tags,
        exportable=policy.exportable,
    )
    version = new_version()
    key_version = key_versions.add_version(key, spec, version=version, now=now)
    CertificateOperation.objects.filter(certificate=certificate).delete()
    row = CertificateOperation.objects.create(
        id=uuid7(),
        certificate=certificate,
        version=version,
        key_version=key_version,
        issuer=policy.issuer,
        enabled=said.enabled,
        tags=said.tags,
        preserve_order=said.preserve_order,
        created=now,
    )
    object_id = f"certificates/{certificate.name}/{version}"
    append_attempt(grant, operation=operation, object_id=object_id)
    return client.submit(
        grant=grant,
        kind="hsm.make_certificate",
        operation=operation,
        world=vault.world.name,
        subject=("certificateoperation", row.pk),
        object_id=object_id,
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
    said: VersionAttributes,
    now: datetime,
) -> CertificateVersion:
    """Take a certificate with its private key. Its policy describes what came, but where `read_policy` changes that.

    The key goes to the HSM worker over the lane, as any import. Raises `BadCertificate`, `BadPolicy`,
    `PendingInProgress`, `ObjectIsDeleted`, `ObjectExists`, `HsmUnavailable`, `SecondPersonNeeded`.
    """
    grant.require(Permission.CERTIFICATES_IMPORT, vault_id=vault.pk)
    found = containers.parse_container(value, password=password)
    wanted = with_defaults(x509.policy_of(found.chain[0], content_type=found.content_type), actions_given=False)
    if read_policy is not None:
        wanted = read_policy(wanted)
    key_type, parameter = x509.kind_of(found.key.public_key())
    wanted = validate_policy(replace(wanted, key_type=key_type, parameter=parameter))
    version = new_version()
    kind = _kind(name, wanted, version)
    material = found.key.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    approval = approvals.require_approval(
        grant=grant,
        act=GuardedOperation.KEY_IMPORT,
        guarded=vault.production,
        subject=f"certificates/{name.lower()}",
        change={
            "type": key_type,
            "size or curve": parameter,
            "HSM": wanted.hardware,
            "exportable": wanted.exportable,
            "certificate SHA-256": sha256(found.chain[0].public_bytes(serialization.Encoding.DER)).hexdigest(),
            "check value": sha256(material).hexdigest()[:16],
        },
        now=now,
    )
    _spend(grant, vault, hardware=wanted.hardware)
    expires_at = grant.request.expires_at
    public_key, blob, mac = client.call(
        world=vault.world.name,
        request=ImportKey(expires_at=expires_at, vault_id=vault.pk.hex, kind=kind, material=material),
    )
    text = x509.as_secret(found.chain, found.key if wanted.exportable else None, content_type=wanted.content_type)
    sealed: bytes = client.call(
        world=vault.world.name,
        request=SealSecret(
            expires_at=expires_at, vault_id=vault.pk.hex, context=_context(vault, name, version), value=text.encode()
        ),
    )
    finished = FinishedVersion(
        found.chain[0], sealed, wanted.content_type, said.enabled, said.tags, said.preserve_order
    )
    with transaction.atomic():
        approvals.consume(grant=grant, approval=approval, now=now)
        certificate = _lock_or_begin(vault, name, wanted, now)
        _check_no_operation(certificate)
        _set_policy(certificate, wanted, now)
        key = _lock_managed(Key, "key", vault, certificate)
        _lock_managed(Secret, "secret", vault, certificate)
        spec = NewKey(
            key_type,
            wanted.hardware,
            parameter,
            tuple(kind.operations),
            enabled=said.enabled,
            exportable=wanted.exportable,
        )
        key_version = key_versions.add_version(key, spec, version=version, now=now)
        key_versions.attach_protected_key(key_version, vault, kind=kind, public_key=public_key, blob=blob, mac=mac)
        row = versions.add_version(certificate, key_version, finished, now=now)
        append_change(
            grant, operation=Operation.CERTIFICATE_IMPORT, object_id=f"certificates/{certificate.name}/{version}"
        )
    _forget(vault, name)
    return row


def merge(
    *, grant: Grant, vault: Vault, name: str, chain: Sequence[str], said: VersionAttributes | None, now: datetime
) -> CertificateVersion:
    """Complete an operation of the issuer Unknown with the certificate that an authority made of its request.

    Raises `PendingCertificateNotFound`, `OperationEnded`, `IssuerMerges`, `BadCertificate`, `HsmUnavailable`.
    """
    grant.require(Permission.CERTIFICATES_CREATE, vault_id=vault.pk)
    certificates = x509.read_chain(chain)
    operation = queries.get_operation(vault_id=vault.pk, name=name)
    key_version = operation.key_version
    if operation.issuer != UNKNOWN:
        raise IssuerMerges("The certificate's issuer delivers it itself; there is nothing to merge.")
    if operation.status != Status.IN_PROGRESS or key_version is None or key_version.protected is None:
        raise OperationEnded("The pending certificate's status is not inProgress, or its request is still being made.")
    if x509.spki(x509.public_key_of(certificates[0])) != bytes(key_version.protected.public_key):
        raise x509.BadCertificate(
            "The public key of the end-entity certificate in the specified X.509 certificate "
            "content does not match the public part of the specified private key."
        )
    policy = load_policy(operation.certificate.policy)
    sealed: bytes = client.call(
        world=vault.world.name,
        request=SealCertificate(
            expires_at=grant.request.expires_at,
            vault_id=vault.pk.hex,
            key_version_id=key_version.pk.hex,
            chain=[one.public_bytes(Encoding.DER) for one in certificates],
            content_type=policy.content_type,
            context=_context(vault, name, operation.version),
        ),
    )
    described = said or VersionAttributes(operation.enabled, operation.tags, operation.preserve_order)
    finished = FinishedVersion(
        certificates[0], sealed, policy.content_type, described.enabled, described.tags, operation.preserve_order
    )
    with transaction.atomic():
        Certificate.objects.select_for_update().get(pk=operation.certificate_id)
        Key.objects.select_for_update().get(pk=key_version.key_id)
        ended = CertificateOperation.objects.filter(pk=operation.pk, status=Status.IN_PROGRESS)
        if ended.update(status=Status.COMPLETED) != 1:
            raise OperationEnded("The pending certificate's status is not inProgress.")
        KeyVersion.objects.filter(pk=key_version.pk).update(enabled=described.enabled)
        row = versions.add_version(operation.certificate, key_version, finished, now=now)
        append_change(
            grant,
            operation=Operation.CERTIFICATE_PENDING_MERGE,
            object_id=f"certificates/{operation.certificate.name}/{row.version}",
        )
    _forget(vault, name)
    return row


def cancel(*, grant: Grant, vault: Vault, name: str) -> CertificateOperation:
    """Ask for the operation's end; one that waits for a signed request ends at once.

    Raises `PendingCertificateNotFound`, `OperationEnded`.
    """
    grant.require(Permission.CERTIFICATES_UPDATE, vault_id=vault.pk)
    operation = queries.get_operation(vault_id=vault.pk, name=name)
    with transaction.atomic():
        running = CertificateOperation.objects.filter(pk=operation.pk, status=Status.IN_PROGRESS)
        if running.update(cancellation_requested=True, status=Status.CANCELLED) != 1:
            raise OperationEnded("The pending certificate's status is not inProgress, so it cannot be cancelled.")
        append_change(grant, operation=Operation.CERTIFICATE_PENDING_UPDATE, object_id=f"certificates/{name}/pending")
    return queries.get_operation(vault_id=vault.pk, name=name)


def delete_operation(*, grant: Grant, vault: Vault, name: str) -> CertificateOperation:
    """Remove the operation; what it was is returned. Raises `PendingCertificateNotFound`."""
    grant.require(Permission.CERTIFICATES_UPDATE, vault_id=vault.pk)
    operation = queries.get_operation(vault_id=vault.pk, name=name)
    request_id = operation.pk
    with transaction.atomic():
        CertificateOperation.objects.filter(pk=request_id).delete()
        append_change(grant, operation=Operation.CERTIFICATE_PENDING_DELETE, object_id=f"certificates/{name}/pending")
    operation.pk = request_id
    return operation


def _lock_or_begin(vault: Vault, name: str, policy: Policy, now: datetime) -> Certificate:
    defaults = {"name": name, "policy": policy.as_dict(), "policy_created": now, "policy_updated": now}
    Certificate.objects.get_or_create(vault=vault, folded_name=name.lower(), defaults=defaults)
    row = Certificate.objects.select_for_update().get(vault=vault, folded_name=name.lower())
    if row.deleted is not None:
        raise rules.ObjectIsDeleted(rules.deleted_text("certificate", row.name))
    return row


def _lock_managed(model: type[Key] | type[Secret], kind: str, vault: Vault, certificate: Certificate) -> Key:
    row = soft_delete.get_or_create_locked(model, kind=kind, vault=vault, name=certificate.name, managed=True)
    if not row.managed:
        raise rules.ObjectExists(f"There is a {kind} {row.name} in this vault already. Name the certificate otherwise.")
    return row  # type: ignore[return-value]


def _set_policy(certificate: Certificate, policy: Policy, now: datetime) -> None:
    certificate.policy, certificate.policy_updated = policy.as_dict(), now
    certificate.save(update_fields=["policy", "policy_updated"])


def _check_no_operation(certificate: Certificate) -> None:
    if CertificateOperation.objects.filter(certificate=certificate, status=Status.IN_PROGRESS).exists():
        raise PendingInProgress(
            "A new key vault certificate can not be created or imported while a pending key vault certificate's status "
            "is inProgress."
        )


def _kind(name: str, policy: Policy, version: str) -> ImportedKeySpec:
    return ImportedKeySpec(
        name=name.lower(),
        version=version,
        custody="wrapped" if policy.hardware else "software",
        key_type=policy.key_type,
        parameter=policy.parameter,
        operations=sorted(policy.operations),
        exportable=policy.exportable,
    )


def _context(vault: Vault, name: str, version: str) -> bytes:
    return seal_context(world=vault.world.name, vault_id=vault.pk.hex, name=name, version=version)


def _spend(grant: Grant, vault: Vault, *, hardware: bool) -> None:
    quota = Quota.HSM_KEY_CREATE if hardware else Quota.KEY_CREATE
    quotas.consume_quota(vault=vault, principal=grant.principal, quota=quota)


def _forget(vault: Vault, name: str) -> None:
    queries.invalidate(vault_id=vault.pk, name=name)
    keys.invalidate(vault_id=vault.pk, name=name)
    secrets.invalidate(vault_id=vault.pk, name=name)
