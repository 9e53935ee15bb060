"""The two keys of the audit token, created by the audit world's ceremony: one opens data keys, one signs checkpoints.

Their public keys are in files too, because a writer must not trust a public key from the database alone.
"""

from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from django.conf import settings

from apps.audit_log.auditverify import vkey_of
from apps.audit_log.models import AuditKey
from apps.core.ids import new_version
from apps.core.private_files import replace_file
from apps.domain.security_worlds.models import ProtectedKey, SecurityWorld
from apps.hsm.api import Hsm
from apps.hsm.types import Binding, Custody, KeyType, StoredKey
from apps.workers.hsm_runtime.translation import save_protected_key, stored_key

_KINDS = {
    AuditKey.Purpose.SEALING: (KeyType.RSA, "3072", ("decrypt",)),
    AuditKey.Purpose.SIGNING: (KeyType.EC, "P-256", ("sign",)),
}


def signer_name() -> str:
    """The name in the signatures of checkpoints."""
    return f"audit.{settings.VAULT_SUFFIX}"


def exist() -> bool:
    """True when the keys and the files of their public keys exist."""
    purposes = set(AuditKey.objects.filter(retired=None).values_list("purpose", flat=True))
    return purposes == set(_KINDS) and all(path.exists() for path in _files())


def ensure(hsm: Hsm, world: SecurityWorld, *, now: datetime) -> None:
    """Create the missing keys in the caller's transaction, and write the public keys to their files."""
    public = {}
    for purpose in _KINDS:
        row = AuditKey.objects.filter(purpose=purpose, retired=None).first()
        if row is None:
            key = hsm.generate(_binding(purpose, world, generation=world.generation, version=new_version()))
            protected = save_protected_key(key, world=world, vault_id=None)
            row = AuditKey.objects.create(
                purpose=purpose, protected_id=protected.pk, public_key=key.public_key, created=now
            )
        public[purpose] = bytes(row.public_key)
    pem, vkey = _files()
    sealing_key = serialization.load_der_public_key(public[AuditKey.Purpose.SEALING])
    spki = sealing_key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    replace_file(pem, spki, mode=0o644)  # public: every process may read them
    replace_file(vkey, vkey_of(signer_name(), public[AuditKey.Purpose.SIGNING]) + "\n", mode=0o644)


def load(purpose: AuditKey.Purpose) -> list[StoredKey]:
    """The keys of a purpose as the boundary expects them, the current one first."""
    rows = list(AuditKey.objects.filter(purpose=purpose).order_by("-created"))
    protected = ProtectedKey.objects.select_related("world").in_bulk([row.protected_id for row in rows])
    ordered = [protected[row.protected_id] for row in rows]
    return [
        stored_key(row, _binding(purpose, row.world, generation=row.generation, version=row.version)) for row in ordered
    ]


def _binding(purpose: AuditKey.Purpose, world: SecurityWorld, *, generation: int, version: str) -> Binding:
    """The binding of an audit key: from its purpose, never from the row of the stored key."""
    kind, parameter, operations = _KINDS[purpose]
    return Binding(
        world=world.name,
        generation=generation,
        custody=Custody.WRAPPED,
        vault="",
        name=f"audit-{purpose}",
        version=version,
        key_type=kind,
        parameter=parameter,
        operations=operations,
    )


def _files() -> tuple[Path, Path]:
    return Path(settings.AUDIT_SEALING_KEY_FILE), Path(settings.AUDIT_VKEY_FILE)
