"""`manage.py rotate_token_key`: a new key for signing access tokens. Tokens of the old one expire as usual."""

from typing import Any

from apps.core import clock
from apps.core.domain_command import DomainCommand
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.identity import token_keys


class Command(DomainCommand):
    help = "Create a new key for signing access tokens. Tokens of the old key stay valid until they expire."

    def handle(self, *_args: Any, **_options: Any) -> None:
        token_keys.rotate(
            grant=system_grant(Permission.SIGNING_KEYS_CHANGE, origin="rotate_token_key"), now=clock.now()
        )
        minutes = round(token_keys.OVERLAP.total_seconds() / 60)
        self.stdout.write(f"A new key signs access tokens. The scheduler retires the old one in {minutes} minutes.")
