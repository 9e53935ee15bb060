"""Keys, secrets and certificates as kinds of one thing: a named object of a vault with versions.

`ObjectKind` reads objects of any kind. The subclasses (`keys/kind.py`, `secrets/kind.py`, `certificates/kind.py`)
describe what differs; `operations` of this package deletes, recovers, purges, backs up and restores by them.
"""

from abc import ABC, abstractmethod
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from django.db import models
from django.db.models import QuerySet

from apps.audit_log.operation_names import OPERATIONS, Operation
from apps.core.change_feed import Topic
from apps.core.errors import NotFound
from apps.core.leased_cache import LeasedCache
from apps.domain.access.permissions import Permission
from apps.domain.approvals.models import GuardedOperation
from apps.domain.objects import rules
from apps.domain.objects.backups import Restoration
from apps.domain.objects.listing import DeletedItem, Listing, ObjectItem
from apps.domain.vaults.models import VaultObject

Row = TypeVar("Row", bound=VaultObject)
Version = TypeVar("Version", bound=models.Model)


class _Owned(Protocol):
    """An object's row, or facts of it."""

    @property
    def name(self) -> str: ...
    @property
    def managed(self) -> bool: ...


class ObjectKind(ABC, Generic[Row, Version]):
    """One kind of vault object. A subclass defines what is abstract."""

    name: str  # "key": in sentences, scopes and audit records, and the field of a version that names its object
    model: type[Row]
    version_model: type[Version]
    not_found_error: type[NotFound]
    item: type[ObjectItem]  # what a list shows
    detail_related: tuple[str, ...] = ("current",)  # what an answer about one object shows
    version_related: tuple[str, ...] = ()  # what an answer about one version shows, besides its object
    ready: str = "true"  # a condition on versions (v) that are finished, in SQL
    unread: tuple[str, ...] = ()  # columns of a version that are large, or secret, and read for a backup only
    exists_without_version = False  # a certificate can be read and deleted before its first version is finished
    dependents: tuple["ObjectKind[Any, Any]", ...] = ()  # kinds of the managed objects that share its name
    restore_act: GuardedOperation | None = None  # what a second person approves when a guarded vault restores one

    def __init__(self) -> None:
        self._ids: LeasedCache[UUID | None] = LeasedCache(Topic.OBJECTS, maxsize=50_000)

    # Names

    @property
    def collection(self) -> str:
        """The plural: in URLs, permissions and audit records."""
        return f"{self.name}s"

    def permission(self, act: str) -> Permission:
        """The permission of an act: delete, recover, purge, backup, restore."""
        return Permission(f"{self.collection}/{act}")

    def operation(self, act: str) -> Operation:
        """The operation of an act in audit records."""
        return OPERATIONS[f"{self.name.capitalize()}{act.capitalize()}"]

    def object_id(self, name: str, version: str = "") -> str:
        """An object, or one version of it, as audit records name it."""
        return f"{self.collection}/{name}" + (f"/{version}" if version else "")

    # Reading

    def find_id(self, vault_id: UUID, name: str) -> UUID | None:
        """The object's id, for object-level assignments; None when there is no such object.

        A change counts within a second.
        """
        folded = name.lower()

        def load() -> UUID | None:
            rows = self.rows().filter(vault_id=vault_id, folded_name=folded)
            return rows.values_list("pk", flat=True).first()

        return self._ids.get((vault_id, folded), load)

    def get(self, vault_id: UUID, name: str) -> Row:
        """The live object with its current version. Raises the kind's not-found error."""
        rows = self._live(vault_id, pending=self.exists_without_version).filter(folded_name=name.lower())
        row = self._detailed(rows).first()
        if row is None:
            raise self.not_found(name)
        return row

    def get_version(self, vault_id: UUID, name: str, version: str = "") -> Version:
        """The named version, or the current one. Raises the kind's not-found error."""
        rows = self._versions_of(vault_id, name)
        if version:
            rows = rows.filter(version=version.lower())
        else:  # through the pointer, so that the newest is the same for every caller
            rows = rows.filter(pk__in=self.rows().filter(vault_id=vault_id, folded_name=name.lower()).values("current"))
        row = rows.select_related(self.name, *self.version_related).first()
        if row is None:
            raise self.not_found(name, version)
        return row

    def list_live(self, vault_id: UUID, *, after: str = "", limit: int, pending: bool = False) -> list[Any]:
        """Items of live objects by name. `after`: the folded name that the last page ended with."""
        return self._listing.live(vault_id, after=after, limit=limit, pending=pending)

    def list_versions(self, vault_id: UUID, name: str, *, after: str = "", limit: int) -> list[Any]:
        """Items of versions by version id; empty without such an object (docs/reference/wire-contract.md section 5)."""
        return self._listing.versions(vault_id, name, after=after, limit=limit)

    def get_deleted(self, vault_id: UUID, name: str) -> Row:
        """The deleted object with its newest version. Raises the kind's not-found error."""
        rows = self._detailed(self._deleted(vault_id, pending=self.exists_without_version))
        row = rows.filter(folded_name=name.lower()).first()
        if row is None:
            raise self.deleted_not_found(name)
        return row

    def list_deleted(self, vault_id: UUID, *, after: str = "", limit: int) -> list[DeletedItem[Any]]:
        """Items of deleted objects that have a version, by name; `after` as in `list_live`.

        Objects of a certificate are left out: they are recovered and purged with the certificate only.
        """
        return self._listing.deleted(vault_id, after=after, limit=limit)

    def rows(self) -> QuerySet[Row]:
        """Every object of the kind."""
        return self.model._default_manager.all()  # type: ignore[return-value]  # noqa: SLF001  Django's documented name

    def versions(self) -> QuerySet[Version]:
        """Every finished version with its object."""
        rows = self.version_model._default_manager.select_related(self.name)  # noqa: SLF001  Django's documented name
        return rows.defer(*self.unread)

    @cached_property
    def _listing(self) -> Listing[Any]:
        models = {"objects": self.model, "versions": self.version_model}
        return Listing(self.item, **models, owner=self.name, ready=self.ready)

    def _live(self, vault_id: UUID, *, pending: bool) -> QuerySet[Row]:
        rows = self.rows().filter(vault_id=vault_id, deleted__isnull=True)
        return rows if pending else rows.filter(current__isnull=False)

    def _deleted(self, vault_id: UUID, *, pending: bool) -> QuerySet[Row]:
        rows = self.rows().filter(vault_id=vault_id, deleted__isnull=False)
        return rows if pending else rows.filter(current__isnull=False)

    def _detailed(self, rows: QuerySet[Row]) -> QuerySet[Row]:
        related = rows.select_related("current", *self.detail_related)
        return related.defer(*(f"current__{column}" for column in self.unread))

    def _versions_of(self, vault_id: UUID, name: str) -> QuerySet[Version]:
        of = {"vault_id": vault_id, "folded_name": name.lower(), "deleted__isnull": True}
        return self.versions().filter(**{f"{self.name}__{field}": value for field, value in of.items()})

    # Errors and caches

    def not_found(self, name: str, version: str = "") -> NotFound:
        """The error for a name that no live object has."""
        return self.not_found_error(
            f"A {self.name} with (name/id) {name}{'/' if version else ''}{version} was not found in this key vault. "
            f"If you recently deleted this {self.name} you may be able to recover it using the correct recovery "
            "command. For help resolving this issue, please see https://go.microsoft.com/fwlink/?linkid=2125182"
        )

    def deleted_not_found(self, name: str) -> NotFound:
        """The error for a name that no deleted object has."""
        return self.not_found_error(f"Deleted {self.name.capitalize()} not found: {name}")

    def check_unmanaged(self, row: "_Owned") -> None:
        """Raise `ObjectManaged` for what belongs to a certificate."""
        if row.managed:
            raise rules.ObjectManaged(
                f"The {self.name} {row.name} belongs to the certificate of the same name. Change the certificate "
                "instead."
            )

    def invalidate(self, vault_id: UUID, name: str, version: str = "") -> None:
        """Let this process see its own change of an object, or of one version, at once."""
        self._ids.invalidate((vault_id, name.lower()))
        for kind in self.dependents:
            kind.invalidate(vault_id, name, version)

    def invalidate_all(self, vault_id: UUID, name: str) -> None:
        """Let this process see at once that an object came or went, with every version of it."""
        self._ids.invalidate((vault_id, name.lower()))
        for kind in self.dependents:
            kind.invalidate_all(vault_id, name)

    # Deleting, backing up and restoring

    @abstractmethod
    def delete_versions(self, row: Row) -> None:
        """Delete the rows that belong to an object, in the caller's transaction."""

    @abstractmethod
    def dump(self, row: Row) -> list[bytes]:
        """The parts of the object's backup."""

    @abstractmethod
    def move(self, restoration: Restoration, parts: tuple[bytes, ...]) -> Any:
        """Let the HSM move the parts into the vault. Returns the argument of `store`."""

    @abstractmethod
    def store(self, restoration: Restoration, moved: Any, *, managed: bool = False) -> Row:
        """Create the rows of a restored object, in the caller's transaction."""

    def lock_version(self, pk: UUID) -> Version:
        """The version, locked in the caller's transaction."""
        rows = self.versions().select_related(self.name, *self.version_related)
        return rows.select_for_update(of=("self",)).get(pk=pk)

    def insert(self, restoration: Restoration, versions: list[dict[str, Any]], **fields: Any) -> Row:
        """Create an object with these versions; the newest is the current one."""
        name, lineage = restoration.backup.facts.name, restoration.backup.facts.lineage
        row = self.rows().create(vault=restoration.vault, name=name, folded_name=name.lower(), origin=lineage, **fields)
        stored: list[Any] = [self.versions().create(**{self.name: row}, **version) for version in versions]
        newest = max(stored, key=lambda version: (version.created, version.pk))
        self.rows().filter(pk=row.pk).update(current=newest)
        return row
