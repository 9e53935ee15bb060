"""What each withdrawal has: how it is given, withdrawn by the product and by SQL, and who notices."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from benchmarks.callers import (
    Installation,
)
from benchmarks.polling import Question, Sql

ROOT = Path(__file__).parents[2]
_REFUSALS = frozenset({302, 401, 403, 404, 429})
ADMINISTRATOR = "key-vault-administrator"


@dataclass(frozen=True)
class Row:
    """The row that gives something: it is deleted, or with `change` updated, while `until` is true of it."""

    table: str
    where: str
    values: Sequence[Any]
    change: str = ""
    until: str = "true"

    @property
    def still(self) -> Sql:
        """Tell whether it gives that still."""
        return f"SELECT EXISTS (SELECT FROM {self.table} WHERE {self.where} AND {self.until})", self.values

    @property
    def removal(self) -> Sql:
        head = f"UPDATE {self.table} SET {self.change}" if self.change else f"DELETE FROM {self.table}"
        return f"{head} WHERE {self.where}", self.values


class Withdrawal(ABC):
    """Something that somebody may do until it is withdrawn. `refusals`: the statuses of refusals."""

    name: ClassVar[str]
    refusals: ClassVar[frozenset[int]] = _REFUSALS
    commit_seconds: ClassVar[float] = 10.0  # in which the product commits a withdrawal
    row: Row

    def __init__(self, site: Installation) -> None:
        self.site = site

    @abstractmethod
    def give(self) -> None:
        """Give it, again after it was withdrawn."""

    @abstractmethod
    def withdraw(self) -> None:
        """Withdraw it as people do."""

    def withdraw_by_sql(self) -> None:
        """Commit the same change as the owner of the tables."""
        self.site.database.execute(*self.row.removal)

    @abstractmethod
    def questions(self) -> list[Question]:
        """The requests that succeed until then, one for each place and process."""
