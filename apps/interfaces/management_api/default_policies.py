"""The management API for what new objects of a vault inherit."""

from typing import Any

from rest_framework import serializers

from apps.audit_log.operation_names import Operation
from apps.core.clock import lifecycle_now
from apps.domain.access.permissions import Permission
from apps.domain.catalog import default_policies
from apps.domain.certificates.policy import AUTO_RENEW, EMAIL_CONTACTS, Action
from apps.domain.keys.rotation_policy import RotationPolicyValues
from apps.interfaces.management_api.base import VaultResource, endpoint
from apps.interfaces.management_api.objects import PolicySerializer


class ActionSerializer(serializers.Serializer[Any]):
    """A lifetime action of a certificate, with one of the two times."""

    kind = serializers.ChoiceField(choices=[AUTO_RENEW, EMAIL_CONTACTS])
    percentage = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=99, help_text="of the lifetime"
    )
    days = serializers.IntegerField(
        required=False, allow_null=True, default=None, min_value=1, max_value=3650, help_text="before the expiry"
    )


class DefaultPoliciesSerializer(serializers.Serializer[Any]):
    """What new objects inherit. What is left out stays; null is Azure's default."""

    keys = PolicySerializer(required=False, allow_null=True, help_text="the rotation policy of keys without their own")
    certificates = ActionSerializer(
        required=False, allow_null=True, help_text="the lifetime action of certificates whose policy names none"
    )
    existing_keys = serializers.BooleanField(
        required=False, write_only=True, help_text="keys that have no policy inherit it too"
    )


class DefaultPolicies(VaultResource):
    """Default policies of a vault."""

    @endpoint(Operation.VAULT_GET, Permission.VAULTS_READ, returns=DefaultPoliciesSerializer)
    def retrieve(self) -> Any:
        """Read what new keys and certificates inherit."""
        return default_policies.find_defaults(vault=self.vault)

    @endpoint(
        Operation.VAULT_PATCH,
        Permission.VAULTS_UPDATE,
        takes=DefaultPoliciesSerializer,
        returns=DefaultPoliciesSerializer,
        reauth=True,
    )
    def update(self) -> Any:
        """Set what new keys and certificates inherit. Keys that have inherited a policy follow it."""
        data, changes = self.data, {}
        for name, make in (("keys", RotationPolicyValues), ("certificates", Action)):
            if name in data:
                changes[name] = None if data[name] is None else make(**data[name])
        existing = data.get("existing_keys", False)
        return default_policies.set_defaults(
            grant=self.grant, vault=self.vault, changes=changes, existing_keys=existing, now=lifecycle_now()
        )
