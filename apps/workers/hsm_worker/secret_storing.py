"""The handler that sets a secret: it seals the value, and the batch's commit stores it with its record."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple, cast

from apps.audit_log.operation_names import Operation
from apps.audit_log.writer import Record
from apps.core import clock
from apps.core.ids import new_version
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.hsm_client.protocol import StoreSecret, pack_refusal
from apps.domain.secrets import rules, storing
from apps.domain.secrets.kind import SECRETS
from apps.domain.vaults.models import Vault
from apps.hsm.api import Hsm
from apps.workers.hsm_runtime.commits import Change
from apps.workers.hsm_runtime.hsm_thread import Answer
from apps.workers.hsm_worker import preflight
from apps.workers.hsm_worker.caller_requests import Done, serve


class _Stored(NamedTuple):
    """A sealed value, to be stored with its record."""

    version: storing.NewVersion
    refusal: bytes

    def store(self, others: Sequence[Change], records: Sequence[Record]) -> None:
        """Store this value and others, with the records of a batch."""
        storing.store(self._versions(others), records)

    def find_refused(self, others: Sequence[Change]) -> list[bool]:
        """Find which of this value and others are of secrets that only a transaction can change."""
        return storing.find_refused(self._versions(others))

    def _versions(self, others: Sequence[Change]) -> list[storing.NewVersion]:
        return [each.version for each in (self, *cast("Sequence[_Stored]", others))]


_NOT_STORED = pack_refusal(storing.SecretNotStored.code, "The value cannot be stored in one statement.")


def store_secret(hsm: Hsm, request: StoreSecret, now: datetime) -> Answer:
    """Seal a value and store it as the current version of a secret, if the caller may set it."""

    def use(grant: Grant, vault: Vault) -> Done:
        rules.check_size(request.value)
        rules.check_dates(request.not_before, request.expires)
        version, moment = new_version(), clock.lifecycle_now()
        context = rules.seal_context(world=vault.world.name, vault_id=vault.pk.hex, name=request.name, version=version)
        sealed = hsm.seal(preflight.vault_key(vault.pk.hex), context=context, plaintext=request.value)
        spec = rules.NewSecret(request.content_type, request.enabled, request.not_before, request.expires, request.tags)
        stored = storing.prepare(
            grant=grant, vault=vault, name=request.name, version=version, sealed=sealed, spec=spec, now=moment
        )
        object_id = SECRETS.object_id(request.name, version)
        return Done((version, moment), object_id, {}, change=_Stored(stored, _NOT_STORED))

    return serve(
        hsm,
        request,
        operation=Operation.SECRET_SET,
        permission=Permission.SECRETS_SET,
        kind=SECRETS.name,
        use=use,
        now=now,
    )
