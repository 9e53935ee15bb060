"""Where a role is assigned, from the names that people use to the rows that django-guardian keeps."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import TextField
from django.db.models.functions import Cast

from apps.access.queries import list_assignments
from apps.core.errors import BadRequest
from apps.identity.models import ApplicationIdentity
from apps.keys.models import Key
from apps.keys.queries import KeyNotFound, find_key_id
from apps.secrets.models import Secret
from apps.secrets.queries import SecretNotFound, find_secret_id
from apps.vaults.models import Vault


class AmbiguousTarget(BadRequest):
    """Both a key and a secret were named."""


@dataclass(frozen=True, slots=True)
class Target:
    """A vault, or one object in it."""

    object_type: str
    object_id: UUID


def target_of(vault: Vault, *, key: str, secret: str) -> Target:
    """Raises `KeyNotFound`, `SecretNotFound`, `AmbiguousTarget`."""
    if key and secret:
        raise AmbiguousTarget("Name a key or a secret, not both.")
    if key:
        found = find_key_id(vault_id=vault.pk, name=key)
        if found is None:
            raise KeyNotFound(f"There is no key '{key}' in vault {vault.name}.")
        return Target("key", found)
    if secret:
        found = find_secret_id(vault_id=vault.pk, name=secret)
        if found is None:
            raise SecretNotFound(f"There is no secret '{secret}' in vault {vault.name}.")
        return Target("secret", found)
    return Target("vault", vault.pk)


def assignments_of(vault: Vault) -> list[dict[str, Any]]:
    """Every assignment at the vault and at its objects."""
    keys, secrets = Key.objects.filter(vault=vault), Secret.objects.filter(vault=vault)
    as_text = Cast("pk", TextField())
    found = list_assignments(
        targets={
            "vault": [str(vault.pk)],
            "key": keys.values_list(as_text),
            "secret": secrets.values_list(as_text),
        }
    )
    objects = [row.object_pk for row in found]
    key_names = {str(pk): name for pk, name in keys.filter(pk__in=objects).values_list("pk", "name")}
    secret_names = {str(pk): name for pk, name in secrets.filter(pk__in=objects).values_list("pk", "name")}
    applications = ApplicationIdentity.objects.filter(pk__in=[row.user_id for row in found])
    names = dict(applications.values_list("pk", "name"))
    return [
        {
            "application": names.get(row.user_id, ""),
            "role": row.permission.codename,
            "key": key_names.get(row.object_pk, ""),
            "secret": secret_names.get(row.object_pk, ""),
        }
        for row in found
    ]
