"""Versions of keys and secrets that are disabled or deleted."""

import os
import uuid
from typing import ClassVar

from benchmarks.callers import (
    Installation,
    Objects,
)
from benchmarks.polling import Question
from benchmarks.withdrawals.kind import Row, Withdrawal


class _ObjectChange(Withdrawal):
    """A key or a secret of one's own, which a caller with all rights asks for."""

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self.token = site.access_token(os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"])
        self.held: Objects = site.objects(site.shared.vault)
        self.path = f"vaults/{self.held.vault}/objects"

    def id_of(self, table: str, name: str) -> uuid.UUID:
        found: uuid.UUID = self.site.select(f"SELECT id FROM {table} WHERE name = %s", name)
        return found


class KeyVersionDisabled(_ObjectChange):
    name = "key version disabled"

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        version = self.held.key_version
        self.row = Row("keys_keyversion", "version = %s", [version], "enabled = false", "enabled")
        self._version = f"{self.path}/keys/{self.held.key}/versions/{version}"

    def give(self) -> None:
        self.site.manage("POST", self._version, {"enabled": True})

    def withdraw(self) -> None:
        self.site.manage("POST", self._version, {"enabled": False})

    def questions(self) -> list[Question]:
        """With and without the version's name."""
        site, version = self.site, self.held.key_version
        return [*site.key_use(self.token, self.held), *site.key_use(self.token, self.held, version=version)]


class SecretVersionDisabled(_ObjectChange):
    name = "secret version disabled"

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        version = self.held.secret_version
        self.row = Row("secrets_secretversion", "version = %s", [version], "enabled = false", "enabled")
        self._version = f"{self.path}/secrets/{self.held.secret}/versions/{version}"

    def give(self) -> None:
        self.site.manage("POST", self._version, {"enabled": True})

    def withdraw(self) -> None:
        self.site.manage("POST", self._version, {"enabled": False})

    def questions(self) -> list[Question]:
        return self.site.secret_get(self.token, self.held)


class _ObjectDeleted(_ObjectChange):
    kind: ClassVar[str]

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        item = getattr(self.held, self.kind)
        change = "deleted = now(), purge_after = now() + interval '90 days'"
        table = f"{self.kind}s_{self.kind}"
        self.row = Row(table, "id = %s", [self.id_of(table, item)], change, "deleted IS NULL")
        self._object = f"{self.path}/{self.kind}s/{item}"

    def give(self) -> None:
        if not self.site.database.execute(*self.row.still).fetchone()[0]:  # type: ignore[index]  # it has one row
            self.site.manage("POST", f"{self._object}/recover")

    def withdraw(self) -> None:
        self.site.manage("DELETE", self._object)


class KeyDeleted(_ObjectDeleted):
    name, kind = "key deleted", "key"

    def questions(self) -> list[Question]:
        site = self.site
        return [*site.key_use(self.token, self.held), *site.metadata(self.token, self.held, lists=False)]


class SecretDeleted(_ObjectDeleted):
    name, kind = "secret deleted", "secret"

    def questions(self) -> list[Question]:
        return self.site.secret_get(self.token, self.held)
