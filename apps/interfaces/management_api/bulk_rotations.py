"""The management API for bulk rotations and staged rollovers."""

from dataclasses import asdict
from typing import Any

from rest_framework import serializers

from apps.audit_log.operation_names import Operation
from apps.core.clock import lifecycle_now
from apps.core.request_facts import request_context
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.bulk_rotation import consumers, operations, queries, rehearsals, rules
from apps.domain.bulk_rotation.models import Rollover
from apps.domain.bulk_rotation.operations import RolloverPlan
from apps.domain.bulk_rotation.rules import DEFAULT_QUIET_DAYS, MOST_QUIET_DAYS
from apps.domain.catalog import queries as catalog
from apps.domain.catalog.visibility import authorize_person, knows_kind
from apps.interfaces.management_api.base import Resource, VaultResource, endpoint
from apps.interfaces.management_api.objects import KEY_NAME, Objects

_MOST_KEYS = 500  # of a rollover in one answer


class ProgressSerializer(serializers.Serializer[Any]):
    total = serializers.IntegerField(read_only=True)
    done = serializers.IntegerField(read_only=True)
    failed = serializers.IntegerField(read_only=True)
    left_out = serializers.IntegerField(read_only=True)
    begun = serializers.IntegerField(read_only=True)
    waiting = serializers.IntegerField(read_only=True)
    rate = serializers.FloatField(read_only=True, help_text="keys a second")
    seconds_left = serializers.FloatField(read_only=True, source="left", allow_null=True)
    stuck = serializers.BooleanField(read_only=True)
    observing = serializers.IntegerField(read_only=True, help_text="keys whose consumers have not all moved")
    moved = serializers.IntegerField(read_only=True, help_text="keys whose consumers have all moved")
    retired = serializers.IntegerField(read_only=True)


class RolloverSerializer(serializers.Serializer[Any]):
    id = serializers.UUIDField(read_only=True)
    vault = serializers.CharField(read_only=True, source="vault.name")
    kind = serializers.ChoiceField(choices=["bulk", "staged"], default="bulk", help_text="answers: also emergency")
    key = serializers.RegexField(
        KEY_NAME, write_only=True, default="", allow_blank=True, help_text="only this key; empty: all of the vault"
    )
    older_than_days = serializers.IntegerField(write_only=True, min_value=0, max_value=3650, default=0)
    reason = serializers.CharField(max_length=300)
    quiet_days = serializers.IntegerField(
        min_value=0,
        max_value=MOST_QUIET_DAYS,
        default=DEFAULT_QUIET_DAYS,
        help_text="staged: days without a call after which a consumer has moved",
    )
    automatic = serializers.BooleanField(
        default=False, help_text="staged: retire old versions when all consumers have moved, without a request"
    )
    starts = serializers.DateTimeField(default=None, allow_null=True, help_text="not before this time")
    begun_by = serializers.CharField(read_only=True)
    state = serializers.CharField(read_only=True)
    total = serializers.IntegerField(read_only=True)
    created = serializers.DateTimeField(read_only=True)
    finished = serializers.DateTimeField(read_only=True)


class OneRolloverSerializer(RolloverSerializer):
    progress = ProgressSerializer(read_only=True)


class TurnSerializer(serializers.Serializer[Any]):
    """One key of a rollover."""

    key = serializers.CharField(read_only=True, source="name")
    state = serializers.CharField(read_only=True)
    old_version = serializers.CharField(read_only=True)
    new_version = serializers.CharField(read_only=True)
    announced = serializers.DateTimeField(read_only=True)
    retired = serializers.DateTimeField(read_only=True)
    overridden = serializers.BooleanField(read_only=True)
    message = serializers.CharField(read_only=True)


class RehearseSerializer(serializers.Serializer[Any]):
    hours = serializers.IntegerField(min_value=0, max_value=2160, help_text="0 ends the rehearsal")


class BrownOutSerializer(serializers.Serializer[Any]):
    percent = serializers.ChoiceField(choices=rules.BROWN_OUT_PERCENT, help_text="0 ends the brown-out")


class FailingSerializer(serializers.Serializer[Any]):
    caller = serializers.CharField(read_only=True)
    calls = serializers.IntegerField(
        read_only=True, source="old.would_fail", help_text="in all rehearsals of this version"
    )
    last = serializers.DateTimeField(read_only=True, source="old.last")


class RehearsalSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(read_only=True)
    since = serializers.DateTimeField(read_only=True)
    until = serializers.DateTimeField(read_only=True)
    state = serializers.CharField(read_only=True, help_text="running, clean or not clean")
    would_fail = FailingSerializer(read_only=True, many=True, source="failing")


class RetireSerializer(serializers.Serializer[Any]):
    override = serializers.BooleanField(
        default=False, help_text="also versions that are in use; a second person approves it"
    )


class EmergencySerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=300)


class VersionUseSerializer(serializers.Serializer[Any]):
    calls = serializers.IntegerField(read_only=True)
    last = serializers.DateTimeField(read_only=True)
    would_fail = serializers.IntegerField(read_only=True, help_text="of the calls: in rehearsals")


class ConsumerSerializer(serializers.Serializer[Any]):
    application = serializers.CharField(read_only=True)
    caller = serializers.CharField(read_only=True, source="consumer.caller", help_text="as audit records name it")
    old = VersionUseSerializer(read_only=True, source="consumer.old", allow_null=True)
    new = VersionUseSerializer(read_only=True, source="consumer.new", allow_null=True)
    acknowledged = serializers.DateTimeField(read_only=True, source="consumer.acknowledged", allow_null=True)
    standing = serializers.CharField(
        read_only=True, help_text="new, acknowledged, quiet or behind; empty without a rollover"
    )


class ConsumerGridSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(read_only=True)
    old_version = serializers.CharField(read_only=True)
    new_version = serializers.CharField(read_only=True)
    rollover = serializers.UUIDField(read_only=True, source="rollover.pk", default=None)
    stage = serializers.CharField(read_only=True, source="turn.state", default="")
    behind = serializers.IntegerField(read_only=True)
    moved_at = serializers.DateTimeField(read_only=True, allow_null=True)
    consumers = ConsumerSerializer(read_only=True, many=True, source="lines")


class StateSerializer(serializers.Serializer[Any]):
    state = serializers.ChoiceField(choices=["running", "paused", "cancelled"])


class VaultRollovers(VaultResource):
    """Bulk rotations and rollovers of a vault."""

    @endpoint(Operation.ROLLOVER_BEGIN, Permission.KEYS_LIST, lists=RolloverSerializer, operation_id="rollovers_list")
    def list(self) -> Any:
        """List the last hundred bulk rotations and rollovers of a vault."""
        return queries.list_rollovers(limit=100, vault_id=self.vault.pk)

    @endpoint(Operation.ROLLOVER_BEGIN, Permission.KEYS_ROTATE, takes=RolloverSerializer, creates=RolloverSerializer)
    def create(self) -> Any:
        """Start a bulk rotation or a staged rollover of a key, or of the keys that are older than `older_than_days`."""
        return operations.start(grant=self.grant, vault=self.vault, plan=RolloverPlan(**self.data), now=lifecycle_now())


class Rollovers(Resource):
    """One bulk rotation or rollover."""

    row: Rollover

    def scope(self) -> Scope:
        self.authorize(Scope())  # before anybody hears whether it exists
        self.row = queries.get_rollover(rollover_id=self.kwargs["rollover_id"])
        return Scope.of(self.row.vault)

    @endpoint(Operation.ROLLOVER_SWITCH, Permission.KEYS_LIST, returns=OneRolloverSerializer)
    def retrieve(self) -> Any:
        """Read a rollover with its progress."""
        return self._with_progress(self.row)

    @endpoint(Operation.ROLLOVER_SWITCH, Permission.KEYS_ROTATE, takes=StateSerializer, returns=OneRolloverSerializer)
    def update(self) -> Any:
        """Pause, resume or cancel a rollover."""
        row = operations.set_state(grant=self.grant, rollover_id=self.row.pk, state=self.data["state"])
        return self._with_progress(row)

    @endpoint(Operation.ROLLOVER_SWITCH, Permission.KEYS_LIST, lists=TurnSerializer, operation_id="rollover_keys_list")
    def list_keys(self) -> Any:
        """List the keys of a rollover with their stages, those that are open first."""
        return queries.list_turns(self.row, limit=_MOST_KEYS)

    @endpoint(Operation.ROLLOVER_RELEASE, Permission.KEYS_UPDATE, takes=RetireSerializer, returns=OneRolloverSerializer)
    def retire(self) -> Any:
        """Disable the old versions whose consumers have moved. With `override` a second person approves the others."""
        row = operations.retire(
            grant=self.grant, rollover_id=self.row.pk, override=self.data["override"], now=lifecycle_now()
        )
        return self._with_progress(row)

    @endpoint(Operation.ROLLOVER_REHEARSE, Permission.KEYS_LIST, lists=RehearsalSerializer, operation_id="rehearsals")
    def list_rehearsals(self) -> Any:
        """List the last rehearsal of each key, with the consumers that would have failed."""
        moment, turns = lifecycle_now(), queries.list_turns(self.row, limit=_MOST_KEYS)
        found = rehearsals.rehearsals_of(self.row, turns)
        return [
            {**asdict(rehearsal), "failing": rehearsal.failing, "key": turn.name, "state": rehearsal.state(moment)}
            for turn in turns
            if (rehearsal := found[turn.pk]) is not None
        ]

    @endpoint(
        Operation.ROLLOVER_REHEARSE, Permission.KEYS_UPDATE, takes=RehearseSerializer, returns=OneRolloverSerializer
    )
    def rehearse(self) -> Any:
        """Report uses of the old versions as such that would fail, for some hours. They succeed."""
        hours = self.data["hours"]
        return self._with_progress(
            rehearsals.rehearse(grant=self.grant, rollover_id=self.row.pk, hours=hours, now=lifecycle_now())
        )

    @endpoint(
        Operation.ROLLOVER_BROWN_OUT, Permission.KEYS_UPDATE, takes=BrownOutSerializer, returns=OneRolloverSerializer
    )
    def brown_out(self) -> Any:
        """Refuse 1 or 10 percent of the uses of the old versions for a minute, after a clean rehearsal."""
        percent = int(self.data["percent"])
        return self._with_progress(
            rehearsals.brown_out(grant=self.grant, rollover_id=self.row.pk, percent=percent, now=lifecycle_now())
        )

    @staticmethod
    def _with_progress(row: Rollover) -> dict[str, Any]:
        return {**vars(row), "vault": row.vault, "progress": queries.progress_of(row, now=lifecycle_now())}


class EmergencyRollovers(Objects):
    """A key whose current version must not be used any more."""

    @endpoint(
        Operation.ROLLOVER_BEGIN, Permission.KEYS_UPDATE, takes=EmergencySerializer, creates=OneRolloverSerializer
    )
    def create(self) -> Any:
        """Disable the current version of a key at once, and create a new one. Its consumers fail until they change."""
        rotate = authorize_person(
            self.grant.principal,
            Permission.KEYS_ROTATE,
            self.grant.scope,
            request_context(self.request.META),
            operation=Operation.ROLLOVER_BEGIN,
        )
        row = operations.start_emergency(
            grant=self.grant,
            rotate=rotate,
            vault=self.vault,
            name=self.row.name,
            reason=self.data["reason"],
            now=lifecycle_now(),
        )
        return {**vars(row), "vault": self.vault, "progress": queries.progress_of(row, now=lifecycle_now())}


class Consumers(Objects):
    """The consumers of a key."""

    def permission(self) -> Permission:
        return self.declaration.permission

    @endpoint(Operation.CONSUMER_LIST, Permission.USAGE_READ, returns=ConsumerGridSerializer)
    def retrieve(self) -> Any:
        """List who uses the old and the new version of a key, and who has to move before the old one is retired."""
        if not knows_kind(self.grant.principal, self.grant.scope, self.kind):
            raise catalog.object_not_found("key", self.row.name, vault_name=self.vault.name)
        return consumers.consumer_grid(vault=self.vault, key=self.row, now=lifecycle_now())
