"""Certificates in an HSM worker: keys that `cryptography` signs with and the HSM holds, and what a job makes."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple, NoReturn

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from apps.core import clock
from apps.core.errors import Conflict, Forbidden
from apps.domain.certificates import queries, versions, x509
from apps.domain.certificates.models import Certificate, CertificateOperation, IssuingAuthority
from apps.domain.certificates.policy import SELF, UNKNOWN, Policy, load_policy
from apps.domain.certificates.versions import FinishedVersion
from apps.domain.hsm_client.models import Job
from apps.domain.keys.models import Key, KeyVersion
from apps.domain.keys.rules import EC_ALGORITHMS
from apps.domain.secrets.models import Secret
from apps.domain.secrets.rules import seal_context
from apps.hsm.api import Hsm
from apps.hsm.types import Custody, StoredKey
from apps.workers.hsm_runtime.translation import protected_row, stored_key
from apps.workers.hsm_worker import preflight
from apps.workers.hsm_worker.key_jobs import KeyJob, binding_of_version, own_binding

_RSA_ALGORITHM = "RS256"


class IssuerNotOffered(Forbidden):
    """No provider here delivers certificates of this issuer."""


class OperationCancelled(Conflict):
    """The certificate's operation was cancelled or removed meanwhile."""


class _KeyInHsm:
    """What both kinds share: a stored key that signs its own certificates, and nothing that would read it."""

    def __init__(self, hsm: Hsm, stored: StoredKey, vault_key: StoredKey | None) -> None:
        self._hsm, self._stored, self._vault_key = hsm, stored, vault_key

    def _sign(self, algorithm: str, digest: bytes) -> bytes:
        return self._hsm.sign_own_certificate(
            self._stored, algorithm=algorithm, digest=digest, vault_key=self._vault_key
        )

    def _public(self) -> Any:
        return serialization.load_der_public_key(self._stored.public_key)

    def _no(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("the key is in the HSM")

    private_numbers = private_bytes = decrypt = exchange = __copy__ = __deepcopy__ = _no


class RsaKeyInHsm(_KeyInHsm, rsa.RSAPrivateKey):
    """For `cryptography`'s builders: PKCS#1 v1.5 with SHA-256."""

    key_size = 0

    def public_key(self) -> Any:
        return self._public()

    def sign(self, data: Any, padding: Any, algorithm: Any) -> bytes:
        if not isinstance(padding, _PKCS1) or getattr(algorithm, "name", "") != "sha256":
            raise TypeError("certificates are signed with RS256")
        return self._sign(_RSA_ALGORITHM, hashlib.sha256(bytes(data)).digest())


class EcKeyInHsm(_KeyInHsm, ec.EllipticCurvePrivateKey):
    """For `cryptography`'s builders: ECDSA with the curve's hash, as DER."""

    key_size = 0

    @property
    def curve(self) -> ec.EllipticCurve:
        return self._public().curve  # type: ignore[no-any-return]

    def public_key(self) -> Any:
        return self._public()

    def sign(self, data: Any, signature_algorithm: Any) -> bytes:
        digest = hashlib.new(signature_algorithm.algorithm.name, bytes(data)).digest()
        raw = self._sign(EC_ALGORITHMS[self._stored.binding.parameter], digest)
        half = len(raw) // 2
        return encode_dss_signature(int.from_bytes(raw[:half]), int.from_bytes(raw[half:]))


_PKCS1 = padding.PKCS1v15


def key_in_hsm(hsm: Hsm, stored: StoredKey, vault_key: StoredKey | None) -> Any:
    """The stored key as `cryptography`'s builders take it."""
    kind = RsaKeyInHsm if stored.binding.key_type.value == "RSA" else EcKeyInHsm
    return kind(hsm, stored, vault_key)


def seal_secret(
    hsm: Hsm,
    key: preflight.ProtectedKeyRow,
    *,
    vault_key: StoredKey,
    chain: Sequence[bytes],
    content_type: str,
    context: bytes,
) -> bytes:
    """The sealed secret of a certificate: with its key when that is software-protected and exportable."""
    stored = key.stored
    material: Any = None
    if stored.binding.exportable and stored.binding.custody is Custody.SOFTWARE:
        pkcs8 = hsm.disclose(stored, vault_key=key.vault_key or vault_key)
        material = serialization.load_der_private_key(pkcs8, password=None, unsafe_skip_rsa_key_validation=True)
    text = x509.as_secret([x509.load(der) for der in chain], material, content_type=content_type)
    return hsm.seal(vault_key, context=context, plaintext=text.encode())


class CreatedCertificate(NamedTuple):
    """What the HSM's thread gives back: a key, its request, and (but for the issuer Unknown) a finished certificate."""

    key: StoredKey
    csr: bytes | None
    chain: list[Any]
    sealed: bytes


def begin_certificate(job: Job) -> KeyJob:
    """One version of a certificate: its key, then its request, or itself and its secret."""
    operation = _running(job)
    certificate, row = operation.certificate, operation.key_version
    if row is None:
        raise OperationCancelled("The certificate's operation was removed.")
    vault, policy, now = certificate.vault, load_policy(certificate.policy), row.created
    what = binding_of_version(row, vault)
    authority = _authority(certificate, policy)
    previous = _previous(certificate) if policy.reuse_key else None
    context = seal_context(
        world=vault.world.name, vault_id=vault.pk.hex, name=certificate.name, version=operation.version
    )

    vault_key = preflight.vault_key(vault.pk.hex)

    def perform(hsm: Hsm) -> CreatedCertificate:  # on the HSM's thread, which asks the database for nothing
        if previous is not None:
            key = hsm.move(previous, what, vault_key=vault_key, to_vault_key=vault_key)
        else:
            key = hsm.generate(what, vault_key=vault_key if what.custody is Custody.SOFTWARE else None)
        signer = key_in_hsm(hsm, key, vault_key)
        request = x509.request(policy, signer)
        if policy.issuer == UNKNOWN:
            return CreatedCertificate(key, request, [], b"")
        chain = _chain(hsm, policy, signer, authority, now)
        kept = preflight.ProtectedKeyRow(key, vault_key if what.custody is Custody.SOFTWARE else None)
        ders = [one.public_bytes(serialization.Encoding.DER) for one in chain]
        sealed = seal_secret(
            hsm, kept, vault_key=vault_key, chain=ders, content_type=policy.content_type, context=context
        )
        return CreatedCertificate(key, request, chain, sealed)

    def store(made: CreatedCertificate) -> None:
        _store(operation, row, policy, made)

    def abandon() -> None:
        KeyVersion.objects.filter(pk=row.pk).update(state=KeyVersion.State.FAILED)
        running = CertificateOperation.objects.filter(pk=operation.pk, status=CertificateOperation.Status.IN_PROGRESS)
        running.update(
            status=CertificateOperation.Status.FAILED,
            error_code="IssuanceFailed",
            status_details="The certificate could not be made. Look at the issuer of the policy, and create it again.",
        )

    return KeyJob(perform=perform, store=store, abandon=abandon)


def begin_issuing_authority(job: Job) -> KeyJob:
    """The key and the self-signed certificate of a built-in issuer."""
    row = IssuingAuthority.objects.select_related("issuer__vault__world").get(pk=job.subject_id)
    vault, name = row.issuer.vault, row.issuer.name
    what = own_binding(vault.world, vault=vault.pk.hex, name=f"issuer/{row.issuer.pk.hex}")

    def perform(hsm: Hsm) -> CreatedCertificate:
        key = hsm.generate(what)
        made = x509.authority_certificate(f"{name} of {vault.name}", key_in_hsm(hsm, key, None), now=clock.now())
        return CreatedCertificate(key, None, [made], b"")

    def store(made: CreatedCertificate) -> None:
        protected = protected_row(made.key, world=vault.world, vault_id=vault.pk)
        protected.save(force_insert=True)
        der = made.chain[0].public_bytes(serialization.Encoding.DER)
        IssuingAuthority.objects.filter(pk=row.pk).update(protected=protected, cer=der)

    return KeyJob(perform=perform, store=store, abandon=lambda: None)


def _chain(hsm: Hsm, policy: Policy, signer: Any, authority: IssuingAuthority | None, now: datetime) -> list[Any]:
    if policy.issuer == SELF:
        return [x509.self_signed(policy, signer, now=now)]
    if authority is None or authority.protected is None or authority.cer is None:
        raise IssuerNotOffered(f"The issuer '{policy.issuer[:40]}' delivers no certificates here.")
    root = x509.load(bytes(authority.cer))
    stored = stored_key(authority.protected, world_name=authority.protected.world.name)
    made = x509.issued(
        policy, signer.public_key(), authority=root, authority_key=key_in_hsm(hsm, stored, None), now=now
    )
    return [made, root]


def _store(operation: CertificateOperation, row: KeyVersion, policy: Policy, made: CreatedCertificate) -> None:
    certificate = operation.certificate
    Certificate.objects.select_for_update().get(pk=certificate.pk)  # the order of everybody: certificate, key, secret
    Key.objects.select_for_update().get(pk=row.key_id)
    Secret.objects.select_for_update().get(vault_id=certificate.vault_id, folded_name=certificate.folded_name)
    status = CertificateOperation.Status
    running = CertificateOperation.objects.filter(pk=operation.pk, status=status.IN_PROGRESS)
    changes: dict[str, Any] = {"csr": made.csr} | ({"status": status.COMPLETED} if made.chain else {})
    if running.update(**changes) != 1:
        raise OperationCancelled("The certificate's operation was cancelled.")
    vault = certificate.vault
    protected = protected_row(made.key, world=vault.world, vault_id=vault.pk)
    protected.save(force_insert=True)
    KeyVersion.objects.filter(pk=row.pk).update(state=KeyVersion.State.READY, protected=protected)
    if made.chain:
        said = (operation.enabled, operation.tags, operation.preserve_order)
        finished = FinishedVersion(made.chain[0], made.sealed, policy.content_type, *said)
        versions.add_version(certificate, row, finished, now=row.created)


def _running(job: Job) -> CertificateOperation:
    rows = CertificateOperation.objects.select_related("certificate__vault__world", "key_version__key")
    operation = rows.filter(pk=job.subject_id, status=CertificateOperation.Status.IN_PROGRESS).first()
    if operation is None:
        raise OperationCancelled("The certificate's operation was cancelled or removed.")
    return operation


def _authority(certificate: Certificate, policy: Policy) -> IssuingAuthority | None:
    if policy.issuer in (SELF, UNKNOWN):
        return None
    return queries.find_authority(vault_id=certificate.vault_id, issuer=policy.issuer)


def _previous(certificate: Certificate) -> StoredKey | None:
    """The key of the current version, when the policy says that it goes on."""
    current = certificate.current
    if current is None or current.key_version.protected is None:
        return None
    protected = current.key_version.protected
    return stored_key(protected, world_name=certificate.vault.world.name)
