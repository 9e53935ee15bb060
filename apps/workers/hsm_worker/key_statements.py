"""Key statements: what the HSM reports of a key now, and what its world has bound, signed in the HSM.

Nothing in a statement comes from the request but the names, by which the key was found after the decision.
"""

import base64
import hashlib
from datetime import datetime
from typing import Any

from apps.audit_log.operation_names import Operation
from apps.core.errors import Unavailable
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.hsm_client.lane_client import ProtectedKeyAltered
from apps.domain.hsm_client.protocol import AttestKey
from apps.domain.keys import keyverify, rules
from apps.domain.keys.kind import KEYS
from apps.domain.keys.queries import current_version
from apps.domain.vaults import quotas
from apps.domain.vaults.models import Vault
from apps.domain.vaults.quotas import Quota
from apps.hsm.api import Hsm
from apps.hsm.inspection import KeyReport
from apps.workers.hsm_runtime.hsm_thread import Answer
from apps.workers.hsm_runtime.statement_keys import StatementSigner, load_signer
from apps.workers.hsm_worker import preflight
from apps.workers.hsm_worker.caller_requests import Done, serve

_TIME = "%Y-%m-%dT%H:%M:%SZ"


class StatementRefused(Unavailable):
    """A statement that does not verify: the rows of the statement keys were changed."""


def attest_key(hsm: Hsm, request: AttestKey, now: datetime) -> Answer:
    """Make a statement about a key version, if the caller may read it."""

    def use(grant: Grant, vault: Vault) -> Done:
        quotas.consume_quota(vault=vault, principal=grant.principal, quota=Quota.OTHER)
        version = request.version or current_version(vault.pk, request.name)
        state, key = preflight.key_read_now(vault, request.name, version)
        rules.check_attestable(hardware=state.hardware)
        signer = load_signer(vault.world, now=now)
        payload = _payload(hsm, vault, state, key, hsm.inspect(key.stored), now=now)
        statement = _sign(hsm, signer, payload)
        detail = {"statementSha256": hashlib.sha256(statement).hexdigest()}
        value = (state.name, state.version, statement, signer.chain)
        return Done(value, KEYS.object_id(state.name, state.version), detail)

    return serve(
        hsm,
        request,
        operation=Operation.KEY_GET_ATTESTATION,
        permission=Permission.KEYS_GET,
        kind=KEYS.name,
        use=use,
        now=now,
    )


def _sign(hsm: Hsm, signer: StatementSigner, payload: dict[str, Any]) -> bytes:
    """Sign, and verify as a receiver does. Raises `StatementRefused`."""
    signed = keyverify.signing_input(payload, signer.certificate)
    signature = hsm.sign(signer.stored, algorithm="ES256", digest=hashlib.sha256(signed).digest())
    statement = keyverify.join(signed, signature)
    try:
        keyverify.verify(statement, signer.chain, root=signer.authority)
    except keyverify.BadStatement as error:
        raise StatementRefused(f"No statement was made: {error}. Tell an operator.") from error
    return statement


def _payload(
    hsm: Hsm,
    vault: Vault,
    state: preflight.KeyState,
    key: preflight.ProtectedKeyRow,
    report: KeyReport,
    *,
    now: datetime,
) -> dict[str, Any]:
    """What `keyverify` accepts as a statement. The binding was verified before the report was made."""
    binding, token = key.stored.binding, hsm.facts
    public_key = base64.b64encode(key.stored.public_key).decode("ascii")
    return {
        "type": keyverify.TYPE,
        "time": now.strftime(_TIME),
        "world": {"name": binding.world, "generation": binding.generation},
        "token": {name: token[name] for name in ("manufacturer", "model", "serial")} | {"label": token["token"]},
        "vault": {"id": binding.vault, "name": vault.name},
        "key": {
            "name": _bound_name(state.name, binding.name),
            "version": binding.version,
            "type": binding.key_type.value,
            "parameter": binding.parameter,
            "operations": list(binding.operations),
            "exportable": binding.exportable,
            "origin": binding.origin.value or "not recorded",
            "restored": binding.restored,
            "public_key": public_key or None,
        },
        "object": report.attributes,
        "wrapping_keys": [
            {"role": one.role, "check_value": one.check_value, **one.attributes} for one in report.wrapping_keys
        ],
    }


def _bound_name(name: str, bound: str) -> str:
    """The name as its creator wrote it. Raises `ProtectedKeyAltered` if it is not the one that the HSM has bound."""
    if not name.isascii() or name.lower() != bound:
        raise ProtectedKeyAltered("The name of the key is not the one that its security world has bound.")
    return name
