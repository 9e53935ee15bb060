"""The management API's own words."""

from typing import Any

from rest_framework import serializers

from apps.domain.access.roles import ASSIGNABLE
from apps.domain.identity.queries import addresses
from apps.domain.vaults.models import Vault


class VaultSerializer(serializers.Serializer[Any]):
    """A vault; `name` and `world` are asked for, the rest is told."""

    name = serializers.CharField(max_length=24)
    world = serializers.CharField(max_length=24, source="world.name")
    geography = serializers.CharField(read_only=True, source="world.geography")
    state = serializers.CharField(read_only=True)
    recoverable_days = serializers.IntegerField(
        required=False,
        default=90,
        min_value=7,
        max_value=90,
        help_text="days in which a deleted object can be recovered",
    )
    purge_protection = serializers.BooleanField(
        required=False, default=False, help_text="nobody purges before the days have passed; cannot be switched off"
    )
    production = serializers.BooleanField(
        required=False, default=False, help_text="purges, role grants and key imports need approval by a second person"
    )
    frozen = serializers.BooleanField(read_only=True, help_text="the data plane refuses everything")
    limits = serializers.JSONField(read_only=True, help_text="limits of its own, per ten seconds")
    created = serializers.DateTimeField(read_only=True)
    url = serializers.SerializerMethodField()

    def get_url(self, vault: Vault) -> str:
        """Where its data plane answers."""
        return f"https://{vault.name.lower()}.{addresses().authority_part}"


class VaultChangeSerializer(serializers.Serializer[Any]):
    """What of a vault may change; what is not given stays."""

    recoverable_days = serializers.IntegerField(required=False, min_value=7, max_value=90)
    purge_protection = serializers.BooleanField(required=False)
    production = serializers.BooleanField(required=False)
    limits = serializers.DictField(
        child=serializers.IntegerField(min_value=0, max_value=1_000_000),
        required=False,
        help_text="by name, per ten seconds: hsm-key-create, key-create, hsm-rsa-2048, secret-create, other ...",
    )


class AttestationAuthoritySerializer(serializers.Serializer[Any]):
    """An issuer of attestation tokens that release policies may name."""

    url = serializers.CharField(max_length=512)
    ca_pem = serializers.CharField(required=False, default="", allow_blank=True, max_length=32768)
    created = serializers.DateTimeField(read_only=True)


class ApplicationSerializer(serializers.Serializer[Any]):
    """An application identity; the secret is told once, when it is made."""

    name = serializers.CharField(max_length=128)
    client_id = serializers.UUIDField(read_only=True)
    principal_id = serializers.UUIDField(read_only=True, source="user_id")
    created = serializers.DateTimeField(read_only=True)


class NewApplicationSerializer(ApplicationSerializer):
    client_secret = serializers.CharField(read_only=True)


class SecretSerializer(serializers.Serializer[Any]):
    client_secret = serializers.CharField(read_only=True)


class RoleSerializer(serializers.Serializer[Any]):
    codename = serializers.CharField(read_only=True)
    name = serializers.CharField(read_only=True)
    explanation = serializers.CharField(read_only=True, help_text="what it allows, in one sentence")
    permissions = serializers.ListField(child=serializers.CharField(), read_only=True)


class AssignmentSerializer(serializers.Serializer[Any]):
    """A role of an application or of a group at a vault, or at one key, secret or certificate in it."""

    application = serializers.CharField(
        max_length=128, required=False, default="", help_text="name or client id of an application identity"
    )
    group = serializers.CharField(max_length=127, required=False, default="", help_text="or a group's name")
    role = serializers.ChoiceField(
        choices=sorted(role.codename for role in ASSIGNABLE),
        help_text="\n".join(f"* `{role.codename}`: {role.explanation}" for role in ASSIGNABLE),
    )
    key = serializers.CharField(
        max_length=127, required=False, default="", help_text="a key's name; default: the vault"
    )
    secret = serializers.CharField(max_length=127, required=False, default="", help_text="a secret's name")
    certificate = serializers.CharField(max_length=127, required=False, default="", help_text="a certificate's name")


class NewGroupSerializer(serializers.Serializer[Any]):
    """A group of application identities, yet without members or roles."""

    name = serializers.CharField(max_length=127)


class GroupLineSerializer(serializers.Serializer[Any]):
    """A group in a list."""

    name = serializers.CharField(read_only=True)
    members = serializers.IntegerField(read_only=True, help_text="how many")
    roles = serializers.IntegerField(read_only=True, help_text="how many")


class GroupRoleSerializer(serializers.Serializer[Any]):
    vault = serializers.CharField(read_only=True, source="vault.name")
    role = serializers.CharField(read_only=True)
    what = serializers.CharField(read_only=True, help_text="keys/<name> and so on; empty for the whole vault")


class GroupSerializer(serializers.Serializer[Any]):
    """A group with its members and what it has."""

    name = serializers.CharField(read_only=True)
    members = ApplicationSerializer(many=True, read_only=True)
    roles = GroupRoleSerializer(many=True, read_only=True)


class WhoAmISerializer(serializers.Serializer[Any]):
    name = serializers.CharField(read_only=True)
    duty = serializers.CharField(read_only=True)
    tenant_id = serializers.UUIDField(read_only=True)
