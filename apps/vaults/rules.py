"""What a vault may be called (azure-wire section 4). Pure."""

import re

from apps.core.errors import BadRequest

_NAME = re.compile(r"[A-Za-z](?:-?[A-Za-z0-9]){2,23}\Z")
RESERVED = frozenset({"login", "portal", "audit", "www", "api"})  # host names of ours


class BadVaultName(BadRequest):
    """Not a name that a vault may have."""


def check_name(name: str) -> None:
    """Raise `BadVaultName` unless it is 3-24 letters, digits and single hyphens, beginning with a letter."""
    if not _NAME.match(name) or len(name) > 24:
        raise BadVaultName(
            "A vault's name has 3 to 24 letters, digits and single hyphens, begins with a letter and does not end "
            "with a hyphen."
        )
    if name.lower() in RESERVED:
        raise BadVaultName(f"The name '{name}' is reserved. Choose another.")
