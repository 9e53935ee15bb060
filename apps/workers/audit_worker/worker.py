"""The audit worker, the only process with the audit token's PIN: it opens data keys for readers and sequences the log.

Its sockets are in a directory of their own (`AUDIT_LANE_DIR`): one for the auditors' processes, one for log delivery.
"""

import hashlib
import hmac
import logging
import threading
import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from celery import current_app
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

from apps.audit_log import sealing, sequencer
from apps.audit_log.auditverify import signed_note
from apps.audit_log.models import AuditKey
from apps.audit_log.records import ORGANISATION
from apps.audit_reader.witness import Witness
from apps.core import clock
from apps.core.errors import BadRequest
from apps.domain.hsm_client.protocol import OpenDataKeys, Ping, Request, SignEvidence
from apps.domain.vaults.models import Vault
from apps.hsm.api import Hsm
from apps.hsm.errors import HsmError
from apps.hsm.types import StoredKey
from apps.workers.audit_worker import keys
from apps.workers.hsm_runtime.celery_step import HsmStep, hsm_thread
from apps.workers.hsm_runtime.peers import peers_of

logger = logging.getLogger(__name__)

# What each kind of process may ask.
REQUESTS: dict[str, frozenset[type[Request]]] = {
    "auditors": frozenset({Ping, OpenDataKeys, SignEvidence}),
    "delivery": frozenset({Ping, OpenDataKeys}),
    "verifier": frozenset({OpenDataKeys}),
}
PAUSE_SECONDS = 0.3  # a record is sequenced within a second of its commit
_PARTITION_SECONDS = 3600
_UNREACHABLE_SECONDS = 60

_sealing_keys: dict[bytes, StoredKey] = {}  # by fingerprint


def handle_request(hsm: Hsm, request: Request, *, now: datetime) -> Any:
    """Handle a request of the audit lane, which has only these three."""
    del now
    if isinstance(request, Ping):
        hsm.canary()
        return True
    if isinstance(request, OpenDataKeys):
        if len(request.keys) > sealing.OPENED_AT_ONCE:  # the same thread signs checkpoints
            raise BadRequest(f"At most {sealing.OPENED_AT_ONCE} data keys are opened at once.")
        return [_open_data_key(hsm, *key) for key in request.keys]
    if isinstance(request, SignEvidence):
        return _sign_evidence(hsm, request.digest)
    raise BadRequest("The audit worker does not do this.")


def _sign_evidence(hsm: Hsm, digest: bytes) -> str:
    if len(digest) != 32:
        raise BadRequest("A SHA-256 digest has 32 bytes.")
    # No checkpoint has this first line, so that the signature of one is never taken for that of the other.
    key, text = keys.load(AuditKey.Purpose.SIGNING)[0], f"vault-portal/evidence/1\nsha256 {digest.hex()}\n"
    signature = hsm.sign(key, algorithm="ES256", digest=hashlib.sha256(text.encode()).digest())
    return signed_note(text, keys.signer_name(), key.public_key, _der(signature))


def _open_data_key(hsm: Hsm, identity: bytes, sealed: bytes, mac: bytes, sealing_key: bytes) -> bytes:
    if not hmac.compare_digest(sealing.mac_of(uuid.UUID(bytes=identity), sealed), mac):
        raise sealing.ForgedDataKey(f"The data key {uuid.UUID(bytes=identity)} was altered or forged.")
    if sealing_key not in _sealing_keys:
        _sealing_keys.update({_fingerprint(key): key for key in keys.load(AuditKey.Purpose.SEALING)})
    if sealing_key not in _sealing_keys:
        raise sealing.ForgedDataKey(f"The data key {uuid.UUID(bytes=identity)} is sealed to a key that is not ours.")
    return hsm.decrypt(_sealing_keys[sealing_key], algorithm="RSA-OAEP-256", ciphertext=sealed)


def _fingerprint(key: StoredKey) -> bytes:
    public = serialization.load_der_public_key(key.public_key)
    if not isinstance(public, rsa.RSAPublicKey):
        raise sealing.ForgedDataKey("The audit key is not an RSA key.")
    return sealing.fingerprint(public)


class VaultNames:
    """The names of vaults, which checkpoints are signed with. A vault keeps its name, so each is read once."""

    def __init__(self) -> None:
        self._names = {ORGANISATION: "organisation"}  # as the folder of its evidence packs

    def __call__(self, logs: Collection[UUID]) -> Mapping[UUID, str]:
        """Return the names of those logs whose vaults are known."""
        if unknown := [log_id for log_id in logs if log_id not in self._names]:
            self._names.update(Vault.objects.filter(pk__in=unknown).values_list("pk", "name"))
        return self._names


class Sequencer(threading.Thread):
    """Sequences the log in rounds, with a pause when there is nothing left to do."""

    def __init__(self) -> None:
        super().__init__(name="sequencer", daemon=True)
        self._stopping = threading.Event()
        self._key: StoredKey | None = None
        self._witness = Witness()
        self._names = VaultNames()

    def stop(self) -> None:
        """End after the current round."""
        self._stopping.set()
        self.join(timeout=5)

    def run(self) -> None:
        partitions_created = searched = 0.0
        while not self._stopping.is_set():
            try:
                moment = clock.now()
                if moment.timestamp() - partitions_created > _PARTITION_SECONDS:
                    sequencer.create_partitions(now=moment)
                    partitions_created = moment.timestamp()
                if moment.timestamp() - searched > _UNREACHABLE_SECONDS:
                    sequencer.report_unreachable(now=moment)
                    searched = moment.timestamp()
                while self._sequence() == sequencer.LARGEST_ROUND:
                    pass
            except (DatabaseError, HsmError, TimeoutError) as error:
                logger.warning("The sequencer failed (%s: %s) and tries again.", type(error).__name__, error)
                connection.close()
                self._stopping.wait(1)
            except Exception:
                logger.exception("The sequencer failed and tries again.")
                connection.close()
                self._stopping.wait(1)
            self._stopping.wait(PAUSE_SECONDS)

    def _sequence(self) -> int:
        return sequencer.sequence(
            signer=self._signer(), now=clock.now(), witness=self._witness.store, names=self._names
        )

    def _signer(self) -> sequencer.Signer:
        if self._key is None:
            self._key = keys.load(AuditKey.Purpose.SIGNING)[0]
        key = self._key

        def sign(digests: Sequence[bytes]) -> list[bytes]:
            signed = hsm_thread().call(lambda hsm: [hsm.sign(key, algorithm="ES256", digest=d) for d in digests])
            return [_der(signature) for signature in signed.result(timeout=20)]

        return sequencer.Signer(keys.signer_name(), key.public_key, sign)


def _der(signature: bytes) -> bytes:
    """Convert r || s (RFC 7518 section 3.4) to the DER of RFC 3279, which C2SP notes use."""
    half = len(signature) // 2
    return encode_dss_signature(int.from_bytes(signature[:half]), int.from_bytes(signature[half:]))


class AuditStep(HsmStep):
    """The HSM thread with the audit lane, and the sequencer."""

    handler = staticmethod(handle_request)
    peers = peers_of(Path(settings.AUDIT_LANE_DIR) / "1.sock", REQUESTS, settings.LANE_ACCOUNTS)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._sequencer = Sequencer()

    def start(self, parent: Any) -> None:
        super().start(parent)
        self._sequencer.start()

    def stop(self, parent: Any) -> None:
        self._sequencer.stop()
        super().stop(parent)


current_app.steps["worker"].add(AuditStep)
