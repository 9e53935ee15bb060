"""`manage.py retire_token_key`: replace the key that signs access tokens, and refuse all tokens issued so far."""

from typing import Any

from apps.core import clock
from apps.core.domain_command import DomainCommand
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.identity import token_keys


class Command(DomainCommand):
    help = "Retire the keys that sign access tokens at once, and create a new one. Tokens issued so far are refused."

    def handle(self, *_args: Any, **_options: Any) -> None:
        count = token_keys.retire_at_once(
            grant=system_grant(Permission.SIGNING_KEYS_CHANGE, origin="retire_token_key"), now=clock.now()
        )
        self.stdout.write(
            f"Retired: {count}. Tokens issued so far are refused within a second; applications ask for new."
        )
