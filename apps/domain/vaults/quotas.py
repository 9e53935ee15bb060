"""Quotas: the requests that a vault and an application may make in ten seconds (wire-contract.md section 17).

Azure's published limits, unless the vault's row or the settings say otherwise. Counted per web process by the generic
cell rate algorithm (ITU-T I.371): no window edge to burst over, one number per source. An application may use five
vaults' worth, as Azure's subscriptions may.
"""

import threading
import time
from enum import StrEnum
from typing import Any

from django.conf import settings

from apps.core.errors import Throttled
from apps.core.lru_cache import LruCache
from apps.core.principals import Principal
from apps.domain.vaults.models import Vault
from apps.domain.vaults.queries import check_suspended

WINDOW_SECONDS = 10
_VAULTS_OF_AN_APPLICATION = 5


class Quota(StrEnum):
    """The quotas that are counted separately; a vault's `limits` use these names."""

    HSM_KEY_CREATE = "hsm-key-create"
    KEY_CREATE = "key-create"
    HSM_RSA_2048 = "hsm-rsa-2048"  # and EC and AES keys
    HSM_RSA_3072 = "hsm-rsa-3072"
    HSM_RSA_4096 = "hsm-rsa-4096"
    RSA_2048 = "rsa-2048"
    RSA_3072 = "rsa-3072"
    RSA_4096 = "rsa-4096"
    SECRET_CREATE = "secret-create"  # noqa: S105  the name of a limit
    OTHER = "other"


# Azure "Key Vault service limits": transactions in ten seconds per vault and region.
LIMITS: dict[Quota, int] = {
    Quota.HSM_KEY_CREATE: 10,
    Quota.KEY_CREATE: 20,
    Quota.HSM_RSA_2048: 2000,
    Quota.HSM_RSA_3072: 500,
    Quota.HSM_RSA_4096: 250,
    Quota.RSA_2048: 4000,
    Quota.RSA_3072: 1000,
    Quota.RSA_4096: 500,
    Quota.SECRET_CREATE: 300,
    Quota.OTHER: 4000,
}

_lock = threading.Lock()
_free_at: LruCache[tuple[object, Quota], float] = LruCache(maxsize=100_000)


class TooManyRequests(Throttled):
    """The vault or the application has used up its share of the last ten seconds."""

    quota = ""
    limit = 0
    whose = ""  # "application", where its own share over all vaults is what was used up

    def facts(self) -> dict[str, Any]:
        """The details of the denial in its audit record."""
        whose = {"whose": self.whose} if self.whose else {}
        return {"quota": self.quota, "limit": self.limit, "wait": self.retry_after, **whose}


def consume_quota(*, vault: Vault, principal: Principal, quota: Quota) -> None:
    """Count one operation, after a check that the vault is not suspended for undelivered logs.

    Raises `TooManyRequests` with `retry_after` in whole seconds, `VaultSuspended`.
    """
    check_suspended(vault)
    limit = limit_of(vault, quota)
    if limit <= 0:
        return
    moment = time.monotonic()
    shares = (
        (_take((vault.pk, quota), limit, moment), limit, ""),
        (
            _take((principal.id, quota), limit * _VAULTS_OF_AN_APPLICATION, moment),
            limit * _VAULTS_OF_AN_APPLICATION,
            "application",
        ),
    )
    wait, share, whose = max(shares, key=lambda share: share[0])  # the vault's, where both wait as long
    if wait > 0:
        error = TooManyRequests(
            f"Request was not processed because too many requests were received ({quota}: {share} in "
            f"{WINDOW_SECONDS} seconds{whose and ' for one '}{whose}). Try again in {int(wait) + 1} seconds."
        )
        error.retry_after, error.quota, error.limit, error.whose = int(wait) + 1, quota, share, whose
        raise error


def creation_quota(*, hardware: bool) -> Quota:
    """The quota that a new key counts against."""
    return Quota.HSM_KEY_CREATE if hardware else Quota.KEY_CREATE


def _take(source: tuple[object, Quota], limit: int, moment: float) -> float:
    """The seconds to wait; 0: the operation is counted now."""
    spacing = WINDOW_SECONDS / limit
    with _lock:
        begins = max(_free_at.get(source) or moment, moment)
        wait = begins + spacing - WINDOW_SECONDS - moment
        if wait > 1e-9:
            return wait
        _free_at.put(source, begins + spacing)
    return 0.0


def limit_of(vault: Vault, quota: Quota) -> int:
    """The limit of a vault in ten seconds; 0: none."""
    own = vault.limits.get(quota)
    return int(own) if own is not None else round(LIMITS[quota] * settings.QUOTA_FACTOR)
