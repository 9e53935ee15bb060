"""Certificate jobs: they let `cryptography` build certificates with keys that stay in the HSM."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from cryptography.hazmat.primitives import serialization
from django.db.models import QuerySet

from apps.core import clock
from apps.core.errors import Conflict
from apps.domain.certificates import queries, versions, x509
from apps.domain.certificates.kind import CERTIFICATES
from apps.domain.certificates.models import Certificate, CertificateOperation, IssuingAuthority
from apps.domain.certificates.policy import SELF, UNKNOWN, Policy, load_policy
from apps.domain.certificates.versions import FinishedVersion
from apps.domain.hsm_client.client import JobRefused
from apps.domain.hsm_client.models import Job
from apps.domain.keys.models import Key, KeyVersion
from apps.domain.secrets.models import Secret
from apps.domain.secrets.rules import seal_context
from apps.hsm.api import Hsm
from apps.hsm.types import Custody, StoredKey
from apps.workers.hsm_runtime.key_in_hsm import key_in_hsm
from apps.workers.hsm_runtime.translation import save_protected_key
from apps.workers.hsm_worker import preflight, stored_keys
from apps.workers.hsm_worker.job_facts import Place
from apps.workers.hsm_worker.key_jobs import KeyJob, check_pending, fail_version

_Status = CertificateOperation.Status


class OperationCancelled(Conflict):
    """The certificate's operation was cancelled or removed in the meantime."""


def seal_secret(
    hsm: Hsm,
    key: preflight.ProtectedKeyRow,
    *,
    vault_key: StoredKey,
    chain: Sequence[bytes],
    content_type: str,
    context: bytes,
) -> bytes:
    """Seal the secret of a certificate, with its key when that is software-protected and exportable."""
    stored = key.stored
    material: Any = None
    if stored.binding.exportable and stored.binding.custody is Custody.SOFTWARE:
        pkcs8 = hsm.disclose(stored, vault_key=key.vault_key or vault_key)
        material = serialization.load_der_private_key(pkcs8, password=None, unsafe_skip_rsa_key_validation=True)
    text = x509.as_secret([x509.load(der) for der in chain], material, content_type=content_type)
    return hsm.seal(vault_key, context=context, plaintext=text.encode())


class CreatedCertificate(NamedTuple):
    """The result of the HSM thread: a key, its request, and the certificate unless the issuer is Unknown."""

    key: StoredKey
    csr: bytes | None
    chain: list[Any]
    sealed: bytes


class CertificateJob(KeyJob):
    """One version of a certificate: its key, then its request, or the certificate and its secret."""

    def __init__(self, job: Job) -> None:
        self._operation = _load_operation(job)
        certificate, row = self._operation.certificate, self._operation.key_version
        if row is None:
            raise OperationCancelled("The certificate's operation was removed.")
        vault = certificate.vault
        self.place = Place(vault, CERTIFICATES.object_id(certificate.name, self._operation.version))
        _check_key_of_certificate(self._operation, row)
        self._row, self._policy = row, load_policy(certificate.policy)
        self._binding = stored_keys.version_binding(row)
        self._vault_key = preflight.vault_key(vault.pk.hex)
        self._key_protection = self._vault_key if self._binding.custody is Custody.SOFTWARE else None
        self._authority = _find_authority(certificate, self._policy)
        self._previous = _current_key(certificate) if self._policy.reuse_key else None
        self._context = seal_context(
            world=vault.world.name, vault_id=vault.pk.hex, name=certificate.name, version=self._operation.version
        )

    def execute(self, hsm: Hsm) -> CreatedCertificate:
        if self._previous is not None:
            old = self._previous.binding
            target = replace(self._binding, origin=old.origin, restored=old.restored)
            key = hsm.move(self._previous, target, vault_key=self._vault_key, to_vault_key=self._vault_key)
        else:
            key = hsm.generate(self._binding, vault_key=self._key_protection)
        signer = key_in_hsm(hsm, key, self._vault_key)
        request = x509.request(self._policy, signer)
        if self._policy.issuer == UNKNOWN:
            return CreatedCertificate(key, request, [], b"")
        chain = self._issue(hsm, signer)
        sealed = seal_secret(
            hsm,
            preflight.ProtectedKeyRow(key, self._key_protection),
            vault_key=self._vault_key,
            chain=[one.public_bytes(serialization.Encoding.DER) for one in chain],
            content_type=self._policy.content_type,
            context=self._context,
        )
        return CreatedCertificate(key, request, chain, sealed)

    def _issue(self, hsm: Hsm, signer: Any) -> list[Any]:
        policy, authority, now = self._policy, self._authority, self._row.created
        if policy.issuer == SELF:
            return [x509.self_signed(policy, signer, now=now)]
        if authority is None or authority.protected is None or authority.cer is None:
            raise queries.IssuerNotOffered(f"The issuer '{policy.issuer[:40]}' delivers no certificates here.")
        root = x509.load(bytes(authority.cer))
        authority_key = key_in_hsm(hsm, stored_keys.key_of_authority(authority), None)
        return [x509.issued(policy, signer.public_key(), authority=root, authority_key=authority_key, now=now), root]

    def commit(self, result: CreatedCertificate) -> None:
        operation, row, certificate = self._operation, self._row, self._operation.certificate
        # Lock order everywhere: certificate, key, secret.
        Certificate.objects.select_for_update().get(pk=certificate.pk)
        Key.objects.select_for_update().get(pk=row.key_id)
        Secret.objects.select_for_update().get(vault_id=certificate.vault_id, folded_name=certificate.folded_name)
        changes: dict[str, Any] = {"csr": result.csr} | ({"status": _Status.COMPLETED} if result.chain else {})
        if self._in_progress().update(**changes) != 1:
            raise OperationCancelled("The certificate's operation was cancelled.")
        vault = certificate.vault
        protected = save_protected_key(result.key, world=vault.world, vault_id=vault.pk)
        KeyVersion.objects.filter(pk=row.pk).update(state=KeyVersion.State.READY, protected=protected)
        if result.chain:
            attributes = (operation.enabled, operation.tags, operation.preserve_order)
            finished = FinishedVersion(result.chain[0], result.sealed, self._policy.content_type, *attributes)
            versions.add_version(certificate, row, finished, now=row.created)

    def rollback(self) -> None:
        fail_version(self._row)
        self._in_progress().update(
            status=_Status.FAILED,
            error_code="IssuanceFailed",
            status_details="The certificate could not be made. Look at the issuer of the policy, and create it again.",
        )

    def _in_progress(self) -> QuerySet[CertificateOperation]:
        return CertificateOperation.objects.filter(pk=self._operation.pk, status=_Status.IN_PROGRESS)


class IssuingAuthorityJob(KeyJob):
    """The key and the self-signed certificate of a built-in issuer."""

    def __init__(self, job: Job) -> None:
        self._row = IssuingAuthority.objects.select_related("issuer__vault__world").get(pk=job.subject_id)
        self._vault = self._row.issuer.vault
        self.place = Place(self._vault, f"certificates/issuers/{self._row.issuer.name}")

    def execute(self, hsm: Hsm) -> CreatedCertificate | None:
        if self._row.protected_id is not None:  # two requests set the issuer at once; the first made its authority
            return None
        issuer, vault = self._row.issuer, self._vault
        key = hsm.generate(stored_keys.authority_binding(self._row))
        signer = key_in_hsm(hsm, key, None)
        certificate = x509.authority_certificate(f"{issuer.name} of {vault.name}", signer, now=clock.lifecycle_now())
        return CreatedCertificate(key, None, [certificate], b"")

    def commit(self, result: CreatedCertificate | None) -> None:
        if result is None or IssuingAuthority.objects.select_for_update().get(pk=self._row.pk).protected_id is not None:
            return
        protected = save_protected_key(result.key, world=self._vault.world, vault_id=self._vault.pk)
        der = result.chain[0].public_bytes(serialization.Encoding.DER)
        IssuingAuthority.objects.filter(pk=self._row.pk).update(protected=protected, cer=der)


def _load_operation(job: Job) -> CertificateOperation:
    rows = CertificateOperation.objects.select_related("certificate__vault__world", "key_version__key")
    operation = rows.filter(pk=job.subject_id, status=_Status.IN_PROGRESS).first()
    if operation is None:
        raise OperationCancelled("The certificate's operation was cancelled or removed.")
    return operation


def _check_key_of_certificate(operation: CertificateOperation, row: KeyVersion) -> None:
    """Raise `JobRefused` unless the key version is the one that the operation makes, and has no key yet."""
    certificate, key = operation.certificate, row.key
    check_pending(row)
    of_certificate = (certificate.vault_id, certificate.folded_name, operation.version, True)
    if (key.vault_id, key.folded_name, row.version, key.managed) != of_certificate:
        raise JobRefused("The key is not that of the certificate.")


def _find_authority(certificate: Certificate, policy: Policy) -> IssuingAuthority | None:
    if policy.issuer in (SELF, UNKNOWN):
        return None
    return queries.find_authority(vault_id=certificate.vault_id, issuer=policy.issuer)


def _current_key(certificate: Certificate) -> StoredKey | None:
    """The key of the current version, which a policy with `reuse_key` keeps."""
    current = certificate.current
    if current is None or current.key_version.protected is None:
        return None
    return stored_keys.key_of_version(current.key_version)
