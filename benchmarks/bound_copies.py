"""Copies of a key that an HSM worker takes for genuine: `python -m benchmarks.bound_copies NAME KEYS VAULTS`.

It runs with the settings of an HSM worker. To create a key takes 15 ms of processor time; here the HSM only binds the
same wrapped key under other names, in other vaults, each of which a worker verifies and unwraps like any key. It prints
a line for each copy: "vault" or "key", its number, and the HMAC in hex.
"""

import hashlib
import sys
from collections.abc import Iterator
from dataclasses import replace
from uuid import UUID

import django

django.setup()

from apps.domain.keys.models import KeyVersion  # noqa: E402  models exist only after Django is set up
from apps.hsm.types import StoredKey  # noqa: E402
from apps.workers.hsm_runtime.token_startup import open_hsm  # noqa: E402
from apps.workers.hsm_worker import stored_keys  # noqa: E402


def id_of_vault(number: int) -> UUID:
    """The id of a vault, as the statements of `copies.py` make it."""
    return UUID(hashlib.md5(f"copy of vault {number}".encode(), usedforsecurity=False).hexdigest())


def _copies(name: str, keys: int, vaults: int) -> Iterator[tuple[str, int, StoredKey]]:
    row = KeyVersion.objects.select_related("key__vault__world", "key__vault__key", "protected").get(key__name=name)
    key, vault_key = stored_keys.key_of_version(row), stored_keys.key_of_vault(row.key.vault)
    for number in range(vaults):
        yield "vault", number, _moved(vault_key, number)
    for number in range(keys):
        yield "key", number, _moved(key, number % vaults, name=f"copy-{number}")


def _moved(key: StoredKey, vault: int, **changes: str) -> StoredKey:
    return replace(key, binding=replace(key.binding, vault=id_of_vault(vault).hex, **changes))


def main() -> None:
    name, keys, vaults = sys.argv[1:]
    hsm = open_hsm()
    for kind, number, key in _copies(name, int(keys), int(vaults)):
        bound = hsm._key_store.bind(key)  # noqa: SLF001  for callers it binds new keys only
        sys.stdout.write(f"{kind}\t{number}\t\\\\x{bound.mac.hex()}\n")
    sys.stdout.flush()
    hsm.close()


if __name__ == "__main__":
    main()
