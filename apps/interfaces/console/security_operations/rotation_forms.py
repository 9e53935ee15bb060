"""Forms of security operations about new versions of keys: policies, bulk rotations and rollovers."""

from typing import Any, Self

from django import forms

from apps.domain.bulk_rotation.models import Rollover
from apps.domain.bulk_rotation.operations import RolloverPlan
from apps.domain.bulk_rotation.rules import DEFAULT_QUIET_DAYS, MOST_QUIET_DAYS
from apps.domain.catalog.default_policies import DefaultPolicies
from apps.domain.certificates.policy import AUTO_RENEW, EMAIL_CONTACTS, Action
from apps.domain.keys.models import RotationPolicy
from apps.domain.keys.rotation_policy import RotationPolicyValues
from apps.interfaces.console.form_commands import CliCommand, CommandForm, flag, utc, value_or


class PolicyForm(CommandForm):
    """Days instead of ISO 8601 durations."""

    cli = CliCommand(
        "key policy",
        ("key",),
        {
            "vault": "--vault",
            "rotate_after": value_or("--rotate-after", "0"),
            "expires_after": value_or("--expires-after", "0"),
        },
    )

    rotate_after = forms.IntegerField(label="Rotate every … days", min_value=7, max_value=3650, required=False)
    expires_after = forms.IntegerField(
        label="Versions expire after … days", min_value=28, max_value=3650, required=False
    )

    @classmethod
    def of(cls, policy: RotationPolicy | None) -> Self:
        """The form with the current values, as far as they are in days."""
        if policy is None:
            return cls()
        return cls(
            initial={"rotate_after": _days(policy.rotate_after_create), "expires_after": _days(policy.expiry_time)}
        )

    def policy(self) -> RotationPolicyValues:
        """The policy with ISO 8601 durations."""
        after, expiry = self.cleaned_data.get("rotate_after"), self.cleaned_data.get("expires_after")
        return RotationPolicyValues(
            expiry_time=f"P{expiry}D" if expiry else "", rotate_after_create=f"P{after}D" if after else ""
        )


class DefaultPolicyForm(PolicyForm):
    """What new objects of a vault inherit, in days."""

    cli = CliCommand(
        "vault policy",
        ("vault",),
        {
            "rotate_after": value_or("--rotate-after", "0"),
            "expires_after": value_or("--expires-after", "0"),
            "existing_keys": flag("--existing-keys"),
            "certificate_days": value_or("--certificate-days", "0"),
            "notice": flag("--notice"),
        },
    )

    existing_keys = forms.BooleanField(label="Keys without a policy inherit it too", required=False)
    certificate_days = forms.IntegerField(
        label="Certificates: … days before their expiry",
        min_value=1,
        max_value=3650,
        required=False,
        help_text="Empty: at 80 % of their lifetime.",
    )
    notice = forms.BooleanField(label="Certificates are reported to their contacts, not renewed", required=False)

    @classmethod
    def of_vault(cls, defaults: DefaultPolicies) -> Self:
        """The form with the current defaults, as far as they are in days."""
        keys, action = defaults.keys or RotationPolicyValues(), defaults.certificates
        return cls(
            initial={
                "rotate_after": _days(keys.rotate_after_create),
                "expires_after": _days(keys.expiry_time),
                "certificate_days": None if action is None else action.days,
                "notice": action is not None and action.kind == EMAIL_CONTACTS,
            }
        )

    def changes(self) -> dict[str, Any]:
        """The argument of `default_policies.set_defaults`."""
        policy, days = self.policy(), self.cleaned_data["certificate_days"]
        kind = EMAIL_CONTACTS if self.cleaned_data["notice"] else AUTO_RENEW
        return {
            "keys": None if policy == RotationPolicyValues() else policy,
            "certificates": Action(kind, days=days) if days else None,
        }


class RolloverForm(CommandForm):
    cli = CliCommand(
        "bulk-rotation start", options={"vault": "--vault", "older_than_days": "--older-than", "reason": "--reason"}
    )

    older_than_days = forms.IntegerField(
        label="Only keys older than … days",
        min_value=0,
        max_value=3650,
        initial=0,
        help_text="0 = all enabled keys.",
    )
    reason = forms.CharField(label="Reason", max_length=300, help_text="Recorded in the audit log.")


class StagedRolloverForm(CommandForm):
    cli = CliCommand(
        "rollover start",
        options={
            "vault": "--vault",
            "key": "--key",
            "older_than_days": "--older-than",
            "quiet_days": "--quiet-days",
            "automatic": flag("--automatic"),
            "starts": utc("--at"),
            "reason": "--reason",
        },
    )

    key = forms.CharField(label="Only this key", max_length=127, required=False, help_text="Empty = all enabled keys.")
    older_than_days = forms.IntegerField(
        label="Only keys older than … days", min_value=0, max_value=3650, initial=0, help_text="0 = of any age."
    )
    quiet_days = forms.IntegerField(
        label="Days without a call after which a consumer has moved",
        min_value=0,
        max_value=MOST_QUIET_DAYS,
        initial=DEFAULT_QUIET_DAYS,
        help_text="Unless it has acknowledged the new version.",
    )
    automatic = forms.BooleanField(label="Retire old versions when all consumers have moved", required=False)
    starts = forms.DateTimeField(
        label="Start not before (optional)",
        required=False,
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    reason = forms.CharField(label="Reason", max_length=300, help_text="Recorded in the audit log.")

    def plan(self) -> RolloverPlan:
        """What the valid form asks for."""
        return RolloverPlan(kind=Rollover.Kind.STAGED, **self.cleaned_data)


def _days(duration: str) -> int | None:
    inner = duration.removeprefix("P").removesuffix("D")
    return int(inner) if inner.isdigit() else None
