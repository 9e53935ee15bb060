"""What each kind of process may ask of an HSM worker. Auditors, job worker, scheduler and retention: nothing."""

from pathlib import Path

from django.conf import settings

from apps.domain.hsm_client.protocol import (
    AttestKey,
    BindBackup,
    CheckBackup,
    CheckSigningKey,
    ImportKey,
    ImportWrappedKey,
    IssueToken,
    OpenDestination,
    OpenWebhook,
    Ping,
    RandomBytes,
    RebindKey,
    ReleaseKey,
    Request,
    RestoreKeyVersion,
    RestoreSecretVersion,
    SealCertificate,
    SealDestination,
    SealSecret,
    SignStatement,
    Status,
    StoreSecret,
    UnsealSecret,
    UseKey,
)
from apps.workers.hsm_runtime.peers import Peer, peers_of

REQUESTS: dict[str, frozenset[type[Request]]] = {
    "web": frozenset(
        {
            Ping,
            Status,
            # In a caller's name: the worker decides (docs/decisions/0019-worker-decides.md).
            UseKey,
            UnsealSecret,
            AttestKey,
            ReleaseKey,
            SignStatement,
            IssueToken,
            ImportKey,
            ImportWrappedKey,
            RebindKey,
            StoreSecret,
            SealSecret,
            SealDestination,
            SealCertificate,
            BindBackup,
            RestoreKeyVersion,
            RestoreSecretVersion,
            # None of these gives out a key or a value, binds a key or seals a value.
            CheckBackup,
            RandomBytes,
        }
    ),
    "delivery": frozenset({Ping, OpenDestination}),
    "events": frozenset({Ping, OpenWebhook}),
    "workers": frozenset({CheckSigningKey}),  # the HSM workers of other worlds
}


def find_peers() -> list[Peer]:
    """The peers of this process; none if its settings name no socket."""
    if not settings.LANE_SOCKET:
        return []
    return peers_of(Path(settings.LANE_SOCKET), REQUESTS, settings.LANE_ACCOUNTS)
