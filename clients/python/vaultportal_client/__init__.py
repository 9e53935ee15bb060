"""Envelope encryption with keys in vaults, through key rollovers and regional failover: docs/client-library.md.

`vaultportal_client.aio` has the client for asyncio.
"""

from vaultportal_client.client import EnvelopeClient
from vaultportal_client.errors import (
    AccessForbidden,
    EnvelopeError,
    InvalidCiphertext,
    KeyNotConfigured,
    KeyNotFound,
    KeyNotSuitable,
    KeyVersionDisabled,
    MalformedCiphertext,
    MessageTooLarge,
    Refused,
    TamperedCiphertext,
    VaultUnreachable,
)
from vaultportal_client.limits import Limits

__version__ = "0.1.0"
__all__ = [
    "AccessForbidden",
    "EnvelopeClient",
    "EnvelopeError",
    "InvalidCiphertext",
    "KeyNotConfigured",
    "KeyNotFound",
    "KeyNotSuitable",
    "KeyVersionDisabled",
    "Limits",
    "MalformedCiphertext",
    "MessageTooLarge",
    "Refused",
    "TamperedCiphertext",
    "VaultUnreachable",
]
