"""Reading secret values in a caller's name: the HSM worker decides, opens the value, and records it.

No `Grant` is demanded here, because this process does not decide (docs/decisions/0019-worker-decides.md).
"""

import msgspec

from apps.core.principals import RequestContext
from apps.domain.hsm_client import client
from apps.domain.hsm_client.protocol import UnsealSecret
from apps.domain.secrets import queries
from apps.domain.vaults.models import Vault


def read_value(
    *, context: RequestContext, vault: Vault, name: str, version: str, reason: str = ""
) -> tuple[queries.SecretFacts, str]:
    """Ask the HSM worker for a value, in the name of the caller of `context`, and the facts of its version.

    `nbf` and `exp` do not block reading. Raises what `decide` raises, `SecretNotFound`, `SecretDisabled`,
    `HsmUnavailable`.
    """
    data, facts = client.call(
        world=vault.world.name,
        request=UnsealSecret(context.expires_at, context, vault.name, name, version, reason=reason),
    )
    return msgspec.convert(facts, queries.SecretFacts), data.decode("utf-8")
