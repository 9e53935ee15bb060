"""Rotation policies on the wire (docs/reference/wire-contract.md section 10)."""

from typing import Any

from apps.core.clock import to_epoch
from apps.domain.keys.models import RotationPolicy
from apps.domain.keys.rotation_policy import DEFAULT_NOTIFY, BadRotationPolicy, RotationPolicyValues
from apps.interfaces.keyvault_api.serializers.fields import BadBody, Body, Plain


class RotationPolicyBody(Body):
    """PUT /keys/{name}/rotationpolicy."""

    lifetimeActions = Plain(kind=list, required=False, allow_null=True)  # noqa: N815  the wire's name
    attributes = Plain(kind=dict, required=False, allow_null=True)


def parse_policy(data: bytes) -> RotationPolicyValues:
    """Parse a rotation policy. Raises `BadBody`, `BadRotationPolicy`."""
    body = RotationPolicyBody.read(data)
    expiry = body.get("attributes", {}).get("expiryTime") or ""
    if not isinstance(expiry, str):
        raise BadBody("The property 'attributes.expiryTime' must be a text.")
    durations: dict[str, str] = {}
    for action in body.get("lifetimeActions", []):
        name, duration = _parse_action(action)
        if name in durations or (name.startswith("rotate") and any(other.startswith("rotate") for other in durations)):
            raise BadRotationPolicy("A rotation policy has at most one action of type Rotate and one of type Notify.")
        durations[name] = duration
    return RotationPolicyValues(expiry_time=expiry, **durations)


def _parse_action(action: Any) -> tuple[str, str]:
    """Parse an action into a field of `RotationPolicyValues` and its duration."""
    trigger, kind = (action.get(part) if isinstance(action, dict) else None for part in ("trigger", "action"))
    name = kind.get("type") if isinstance(kind, dict) else None
    if not isinstance(name, str) or name.lower() not in ("rotate", "notify") or not isinstance(trigger, dict):
        raise BadRotationPolicy("A lifetime action needs a 'trigger', and an 'action' of type Rotate or Notify.")
    times = {key: value for key, value in trigger.items() if key.startswith("time") and value is not None}
    if len(times) != 1 or not all(isinstance(value, str) and value for value in times.values()):
        raise BadRotationPolicy("A trigger has either 'timeAfterCreate' or 'timeBeforeExpiry'.")
    which, duration = next(iter(times.items()))
    fields = {
        ("rotate", "timeAfterCreate"): "rotate_after_create",
        ("rotate", "timeBeforeExpiry"): "rotate_before_expiry",
        ("notify", "timeBeforeExpiry"): "notify_before_expiry",
    }
    if (name.lower(), which) not in fields:
        raise BadRotationPolicy("The trigger 'timeAfterCreate' is for the action Rotate only.")
    return fields[name.lower(), which], duration


def policy(row: RotationPolicy | None, *, origin: str, name: str) -> dict[str, Any]:
    """Build the policy of a response; a key without one has the default, a notification 30 days before it expires."""
    body: dict[str, Any] = {"id": f"{origin}/keys/{name}/rotationpolicy", "lifetimeActions": [], "attributes": {}}
    actions = body["lifetimeActions"]
    if row is None:
        actions.append(_action("Notify", "timeBeforeExpiry", DEFAULT_NOTIFY))
        return body
    for which, duration in (
        ("timeAfterCreate", row.rotate_after_create),
        ("timeBeforeExpiry", row.rotate_before_expiry),
    ):
        if duration:
            actions.append(_action("Rotate", which, duration))
    if row.notify_before_expiry:
        actions.append(_action("Notify", "timeBeforeExpiry", row.notify_before_expiry))
    if row.expiry_time:
        body["attributes"]["expiryTime"] = row.expiry_time
    body["attributes"] |= {"created": to_epoch(row.created), "updated": to_epoch(row.updated)}
    return body


def _action(kind: str, which: str, duration: str) -> dict[str, Any]:
    return {"trigger": {which: duration}, "action": {"type": kind}}
