"""`manage.py restore_backup FILE --vault V [--dry-run]`: a backup that an SDK wrote, checked or restored."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from apps.core import clock
from apps.core.domain_command import DomainCommand
from apps.core.encoding import to_base64url
from apps.domain.access.grants import Scope
from apps.domain.access.system_grants import system_grant
from apps.domain.catalog.kinds import BY_NAME
from apps.domain.keys.kind import KEYS
from apps.domain.objects import backups
from apps.domain.objects.operations.backup import check_restore, restore
from apps.domain.vaults.queries import get_vault


class Command(DomainCommand):
    help = "Restore a backup of a key, secret or certificate into a vault of the same security world."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the blob: bytes as the SDKs give them, or base64url text")
        parser.add_argument("--vault", required=True)
        parser.add_argument("--dry-run", action="store_true", help="say whether it would work; change nothing")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            blob = _text(options["file"].read_bytes())
            backup = backups.parse_backup(blob)
            facts = backup.facts
            self.stdout.write(
                f"{facts.object} {facts.name}, {len(backup.parts)} parts, made by {facts.made_by} in vault "
                f"{facts.vault} of world {facts.world}"
            )
            vault = get_vault(name=options["vault"])
            scope = Scope.of(vault)
            kind = BY_NAME.get(facts.object, KEYS)
            grant = system_grant(kind.permission("restore"), scope=scope, origin="restore_backup")
            check_restore(grant=grant, kind=kind, vault=vault, blob=blob)
            if options["dry_run"]:
                self.stdout.write(f"It can be restored into {vault.name}. Nothing was changed.")
                return
            restore(grant=grant, kind=kind, vault=vault, blob=blob, now=clock.now())
        except OSError as error:
            raise CommandError(f"{options['file']} cannot be read: {error.strerror}") from error
        self.stdout.write(f"Restored into {vault.name}.")


def _text(data: bytes) -> str:
    """Base64url text as it is; the bytes that an SDK decoded from it, encoded again."""
    stripped = data.strip()
    return stripped.decode("ascii") if stripped.isascii() and b"\n" not in stripped else to_base64url(data)
