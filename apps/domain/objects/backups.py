"""The format of backups: an opaque blob that is valid only in the security world that made it.

    magic | length, header | mac | encapsulated | length, encrypted part | length, encrypted part ...

The header is JSON in clear: world, vault, what made it, and the SHA-256 of every part. The world's HMAC is over the
header, so one changed bit anywhere is detected before anything is stored (docs/reference/security-guarantees.md
section 10). Parts hold keys as they are stored, useless without the world's HSM. They are encrypted (AES-256-GCM) under
a key of this backup, which takes the HSM and the world's ML-KEM-768 key to make again
(docs/decisions/0034-key-types.md). Format 1 has neither `encapsulated` nor encrypted parts; it is read, not written.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import msgspec
import orjson
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from apps.core.clock import to_epoch
from apps.core.encoding import BadEncoding, from_base64url, to_base64url
from apps.core.errors import BadRequest, Forbidden
from apps.domain.access.grants import Grant
from apps.domain.approvals.effects import Effect, Move, effect_of
from apps.domain.hsm_client import client
from apps.domain.hsm_client.protocol import BindBackup, CheckBackup, RestoreKeyVersion, RestoreSecretVersion
from apps.domain.vaults import rules
from apps.domain.vaults.models import PurgedObject, Vault

LARGEST_BACKUP = 4 * 1024 * 1024  # bytes of the blob
LARGEST_HEADER = 128 * 1024  # it crosses the lane in one packet, beside a part: about 1 900 parts
_MAGIC_1, _MAGIC = b"VaultPortalBackup1\n", b"VaultPortalBackup2\n"
_MAC_BYTES, _ENCAPSULATED_BYTES, _TAG_BYTES = 32, 1088, 16  # HMAC-SHA256, ML-KEM-768, AES-GCM

TIMES = ("not_before", "expires", "created", "updated")  # the dates of a version, in a part


class BadBackup(BadRequest):
    """Not a backup, a damaged one, or one of another kind or world."""


class BackupTooLarge(BadRequest):
    """More versions than one backup holds."""


class BackupOfPurgedObject(Forbidden):
    """The object was purged under purge protection: its backups cannot restore it."""

    code = "BackupBuried"


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel"):
    """The header of a backup."""

    object: str  # the kind
    name: str
    world: str
    vault: str
    vault_id: str
    lineage: UUID
    made_by: str
    created: int
    parts: list[str]  # SHA-256 of each
    production: bool | None = None  # of the vault, when the backup was made; None: of version 1, which does not say


@dataclass(frozen=True, slots=True)
class Backup:
    """A backup whose form is right; `open_backup` decides whether it is genuine, and decrypts the parts."""

    header: bytes
    mac: bytes
    parts: tuple[bytes, ...] = field(repr=False)  # encrypted until it is opened
    facts: Header
    encapsulated: bytes = b""  # b"" for format 1


@dataclass(frozen=True, slots=True)
class Restoration:
    """A checked backup on its way into a vault."""

    grant: Grant
    vault: Vault
    backup: Backup
    now: datetime
    kind: str  # of the backup: "key", "secret", "certificate"

    def move(self, request: type[RestoreKeyVersion] | type[RestoreSecretVersion], part: bytes) -> Any:
        """The HSM's answer to the request to move a part into the vault. Raises `HsmUnavailable`."""
        header, mac, name = self.backup.header, self.backup.mac, self.backup.facts.name
        return client.call_as(
            self.grant, self.vault, name, "", request, kind=self.kind, header=header, mac=mac, part=part
        )


def create_backup(
    *, grant: Grant, vault: Vault, object_type: str, name: str, lineage: UUID, parts: Sequence[bytes], now: datetime
) -> str:
    """The blob as base64url text. Raises `HsmUnavailable`."""
    header = orjson.dumps(
        {
            "object": object_type,
            "name": name,
            "world": vault.world.name,
            "vault": vault.name,
            "vaultId": vault.pk.hex,
            "lineage": lineage.hex,
            "madeBy": "vaultportal 2",
            "created": to_epoch(now),
            "production": is_production_now(vault),
            "parts": [hashlib.sha256(part).hexdigest() for part in parts],
        }
    )
    size = len(header) + _ENCAPSULATED_BYTES + sum(len(part) + _TAG_BYTES + 4 for part in parts)
    if len(header) > LARGEST_HEADER or size > LARGEST_BACKUP - 1024:
        raise BackupTooLarge(
            f"The {object_type} has too many versions for one backup: {len(parts)} parts, {size} bytes."
        )
    mac, encapsulated, key = client.call_as(grant, vault, name, "", BindBackup, kind=object_type, header=header)
    cipher = AESGCM(key)
    encrypted = [cipher.encrypt(_nonce(number), part, None) for number, part in enumerate(parts)]
    return to_base64url(_MAGIC + _sized(header) + mac + encapsulated + b"".join(map(_sized, encrypted)))


def is_production_now(vault: Vault) -> bool:
    """Whether it is a production vault, read at this moment: `vault` may be a second old."""
    return Vault.objects.values_list("production", flat=True).get(pk=vault.pk)


def parse_backup(text: str) -> Backup:
    """Parse a blob. Raises `BadBackup` for anything whose form is wrong, down to unused bits of the base64url."""
    try:
        data = from_base64url(text, field="value")
    except BadEncoding:
        raise _damaged() from None
    if to_base64url(data) != text.rstrip("=") or not data.startswith((_MAGIC_1, _MAGIC)):
        raise _damaged()
    header, at = _take(data, len(_MAGIC))
    if len(header) > LARGEST_HEADER:
        raise _damaged()
    mac, at = data[at : at + _MAC_BYTES], at + _MAC_BYTES
    size = _ENCAPSULATED_BYTES if data.startswith(_MAGIC) else 0
    encapsulated, at = data[at : at + size], at + size
    if len(encapsulated) != size:
        raise _damaged()
    parts = []
    while at < len(data):
        part, at = _take(data, at)
        parts.append(part)
    backup = Backup(header, mac, tuple(parts), read_header(header), encapsulated)
    return backup if encapsulated else _check_parts(backup)


def read_header(header: bytes) -> Header:
    """Parse a header. Raises `BadBackup`."""
    try:
        return msgspec.json.decode(header, type=Header)
    except msgspec.DecodeError:
        raise _damaged() from None


def open_backup(backup: Backup, *, grant: Grant, vault: Vault, object_type: str) -> Backup:
    """The backup with its parts in clear, if it may be restored into the vault.

    Raises `BadBackup`, `BackupOfPurgedObject`, `NotInTestVault`, `HsmUnavailable`.
    """
    check_place(backup.facts, vault=vault, object_type=object_type)
    sent = {"header": backup.header, "mac": backup.mac, "encapsulated": backup.encapsulated}
    genuine, key = client.call_for(grant, vault, CheckBackup, **sent)
    if not genuine:
        raise _damaged()
    check_origin(backup.facts, vault=vault)
    return decrypt_parts(backup, key) if backup.encapsulated else backup


def decrypt_parts(backup: Backup, key: bytes) -> Backup:
    """The backup with its parts in clear. Raises `BadBackup` for another key or a changed part."""
    cipher = AESGCM(key)
    try:
        parts = tuple(cipher.decrypt(_nonce(number), part, None) for number, part in enumerate(backup.parts))
    except (InvalidTag, ValueError):
        raise _damaged() from None
    return _check_parts(replace(backup, parts=parts))


def _check_parts(backup: Backup) -> Backup:
    if [hashlib.sha256(part).hexdigest() for part in backup.parts] != backup.facts.parts:
        raise _damaged()
    return backup


def _nonce(number: int) -> bytes:
    """The number of the part: the key encrypts the parts of one backup, once (NIST SP 800-38D section 8.2.1)."""
    return number.to_bytes(12)


def check_place(facts: Header, *, vault: Vault, object_type: str) -> None:
    """Raise `BadBackup` unless the header names this kind of object and the vault's world."""
    if facts.object != object_type:
        raise BadBackup(f"The backup holds a {facts.object[:20]}, not a {object_type}.")
    if facts.world != vault.world.name:
        raise BadBackup(
            f"The backup was made in the security world '{facts.world[:40]}' and can be restored there only; "
            f"this vault is in '{vault.world.name}'."
        )


def check_origin(facts: Header, *, vault: Vault) -> None:
    """Raise `BackupOfPurgedObject` or `NotInTestVault` if a genuine backup may not be restored into the vault."""
    if vault.test and not Vault.objects.filter(pk=UUID(facts.vault_id), test=True, owner_id=vault.owner_id):
        raise rules.NotInTestVault(rules.TEST_BACKUP)  # else its owner could use secrets that others keep from them
    # What was in a purged vault is removed later, and is noted as purged only then.
    gone = Vault.objects.filter(pk=UUID(facts.vault_id), purge_protection=True, purged__isnull=False)
    if PurgedObject.objects.filter(lineage=facts.lineage).exists() or gone.exists():
        raise BackupOfPurgedObject(
            "The object was purged from a vault with purge protection; its backups cannot be restored."
        )


def effect_of_restore(facts: Header, *, vault: Vault) -> Effect:
    """What the restore of a genuine backup into the vault opens of a production vault."""
    return effect_of(
        move=Move(
            what=f"{facts.object}s/{facts.name.lower()}",
            source_id=UUID(facts.vault_id),
            source_name=facts.vault,
            production=facts.production,
            target=vault,
        )
    )


def basis_of_restore(header: bytes, effect: Effect) -> dict[str, Any]:
    """What an approval of a restore is about: exactly this backup, and what it opens."""
    return {**effect.basis, "content": hashlib.sha256(header).hexdigest()}


def describe_backup(backup: Backup) -> dict[str, Any]:
    """A backup as an approver sees it: in enough detail that an approval holds for this one only."""
    return {
        "from a backup of vault": backup.facts.vault,
        "made": datetime.fromtimestamp(backup.facts.created, UTC).isoformat(),
        "parts": len(backup.parts),
        "check value": hashlib.sha256(backup.header).hexdigest()[:16],
    }


def dump_version(row: Any, names: Sequence[str]) -> dict[str, Any]:
    """The named fields of a version and its dates, for `orjson`."""
    return {name: getattr(row, name) for name in (*names, *TIMES)}


def load_version(fields: dict[str, Any]) -> dict[str, Any]:
    """The fields of a version in a part, with its dates parsed."""
    return fields | {name: datetime.fromisoformat(fields[name]) for name in TIMES if fields[name]}


def _sized(data: bytes) -> bytes:
    return len(data).to_bytes(4) + data


def _take(data: bytes, at: int) -> tuple[bytes, int]:
    size = int.from_bytes(data[at : at + 4])
    part = data[at + 4 : at + 4 + size]
    if len(data) < at + 4 or len(part) != size:
        raise _damaged()
    return part, at + 4 + size


def _damaged() -> BadBackup:
    return BadBackup("The backup is damaged, or none of this vault's security world. Nothing was restored.")
