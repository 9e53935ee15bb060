"""`./portal bench client`: small encryptions of the client library with a cached data key, beside raw AES-GCM.

One thread of one process, by its CPU time, so figures are of one core; nothing here waits for a vault. The library
uses a key of the demo's vault; the raw figure is `AESGCM.encrypt` of `cryptography` with a key and a counter as nonce.
Both take turns, round by round.
"""

import os
import statistics
import sys
import time
from collections.abc import Callable
from itertools import count

from azure.identity import ClientSecretCredential
from azure.keyvault.keys import KeyClient
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from benchmarks.machine import describe
from vaultportal_client import EnvelopeClient, Limits

SIZES, ROUNDS, SECONDS, BATCH = (16, 100, 1024), 5, 1.0, 500
GOAL_SIZE, GOAL = 100, 50_000  # bytes, encryptions a second
_KEY = "bench-client-library"


def main() -> int:
    """Exit 1 when the goal is missed."""
    environment = os.environ
    credential = ClientSecretCredential(
        environment["AZURE_TENANT_ID"],
        environment["AZURE_CLIENT_ID"],
        environment["AZURE_CLIENT_SECRET"],
        authority=environment["PORTAL_AUTHORITY"],
        disable_instance_discovery=True,
    )
    vault = environment["VAULT_URL"]
    KeyClient(vault, credential).create_rsa_key(_KEY, hardware_protected=True)
    print(", ".join(f"{name}: {value}" for name, value in describe().items()))
    print(
        "| content, bytes | encryptions/s | decryptions/s | raw AES-GCM/s | encryptions / raw |\n|---|---|---|---|---|"
    )
    limits = Limits(max_messages=2**32, max_bytes=2**60, max_age=3600, version_check=3600)
    with EnvelopeClient([f"{vault}/keys/{_KEY}"], credential, limits=limits) as client:
        rates = {size: _measure(client, bytes(size)) for size in SIZES}
    best = rates[GOAL_SIZE]
    print(f"goal: {GOAL:,} encryptions/s of {GOAL_SIZE} bytes, {'reached' if best >= GOAL else 'missed'}")
    return int(best < GOAL)


def _measure(client: EnvelopeClient, content: bytes) -> float:
    """Print the row of a size; the median rate of its encryptions."""
    cipher, numbers = AESGCM(AESGCM.generate_key(256)), count()
    ciphertext = client.encrypt(content, context=b"document 7")
    acts: list[Callable[[], object]] = [
        lambda: client.encrypt(content, context=b"document 7"),
        lambda: client.decrypt(ciphertext, context=b"document 7"),
        lambda: cipher.encrypt(next(numbers).to_bytes(12, "big"), content, b"document 7"),
    ]
    rounds = [[_rate(act) for act in acts] for _ in range(ROUNDS)]
    encrypted, decrypted, raw = (
        (statistics.median(rates), min(rates), max(rates)) for rates in zip(*rounds, strict=True)
    )
    cells = " | ".join(f"{each:,.0f} ({slow:,.0f} - {fast:,.0f})" for each, slow, fast in (encrypted, decrypted, raw))
    print(f"| {len(content):,} | {cells} | {encrypted[0] / raw[0]:.2f} |")
    return encrypted[0]


def _rate(act: Callable[[], object]) -> float:
    """How often in a second of CPU, over about `SECONDS`."""
    done, began = 0, time.process_time()
    while (passed := time.process_time() - began) < SECONDS:
        for _ in range(BATCH):
            act()
        done += BATCH
    return done / passed


if __name__ == "__main__":
    sys.exit(main())
