"""The subject of a program: an object in a vault."""

from dataclasses import dataclass
from typing import Any

from apps.domain.keys import rules


@dataclass(frozen=True, slots=True)
class SnippetSubject:
    """An object, its vault, and how the program signs in.

    `operation` and `algorithm` belong to a key, see `apps.domain.keys.test_operation`.
    """

    kind: str
    name: str
    vault: str
    url: str
    tenant_id: Any
    authority: str
    portal: str
    resource: str
    operation: str = ""
    algorithm: str = ""

    @property
    def wraps(self) -> bool:
        """Keys sign or wrap."""
        return self.operation == rules.WRAP

    @property
    def bits(self) -> str:
        """Of the digest that the algorithm signs."""
        return next((bits for bits in ("384", "512") if bits in self.algorithm), "256")
