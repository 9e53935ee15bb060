"""Secrets as a kind of vault object. Reading never loads a value: only the HSM opens it."""

from dataclasses import dataclass
from typing import Any

from apps.core.errors import NotFound
from apps.core.sql import execute
from apps.domain.hsm_client.protocol import RestoreSecretVersion
from apps.domain.objects.backups import Restoration
from apps.domain.objects.kinds import ObjectKind
from apps.domain.objects.listing import ObjectItem
from apps.domain.secrets import backup_parts
from apps.domain.secrets.models import Secret, SecretVersion


class SecretNotFound(NotFound):
    """No such secret, or no such version of it, in this vault."""


@dataclass(frozen=True, slots=True)
class SecretItem(ObjectItem):
    """A secret in a list."""

    content_type: str | None


class SecretKind(ObjectKind[Secret, SecretVersion]):
    name = "secret"
    model = Secret
    version_model = SecretVersion
    not_found_error = SecretNotFound
    item = SecretItem
    unread = ("sealed",)

    def delete_versions(self, row: Secret) -> None:
        # The ORM would read the rows first, values too; the scheduler may not.
        execute("DELETE FROM secrets_secretversion WHERE secret_id = %s", [row.pk])

    def dump(self, row: Secret) -> list[bytes]:
        versions = SecretVersion.objects.filter(secret=row).select_related("secret").order_by("created", "pk")
        return [backup_parts.dump(version) for version in versions]

    def move(self, restoration: Restoration, parts: tuple[bytes, ...]) -> list[dict[str, Any]]:
        """The fields of each version, with its value sealed for the vault."""
        return [
            {**backup_parts.load(part).version, "sealed": restoration.move(RestoreSecretVersion, part)}
            for part in parts
        ]

    def store(self, restoration: Restoration, moved: Any, *, managed: bool = False) -> Secret:
        return self.insert(restoration, moved, managed=managed)


SECRETS = SecretKind()
