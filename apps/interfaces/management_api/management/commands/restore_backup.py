"""`manage.py restore_backup FILE --vault V [--dry-run | --token-file F]`: a backup of an SDK, checked or restored."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from apps.core import clock
from apps.core.domain_command import DomainCommand
from apps.core.encoding import to_base64url
from apps.core.ids import uuid7
from apps.core.principals import RequestContext, Scheme
from apps.domain.access.grants import Grant, Scope
from apps.domain.access.system_grants import system_grant
from apps.domain.catalog.kinds import BY_NAME
from apps.domain.decisions.decision import Attempt, decide
from apps.domain.identity import tokens
from apps.domain.keys.kind import KEYS
from apps.domain.objects import backups
from apps.domain.objects.kinds import ObjectKind
from apps.domain.objects.operations.backup import check_restore, restore
from apps.domain.vaults.queries import get_vault


class Command(DomainCommand):
    help = "Restore a backup of a key, secret or certificate into a vault of the same security world."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, help="the blob: bytes as the SDKs give them, or base64url text")
        parser.add_argument("--vault", required=True)
        how = parser.add_mutually_exclusive_group(required=True)
        how.add_argument("--dry-run", action="store_true", help="say whether it would work; change nothing")
        how.add_argument(
            "--token-file",
            type=Path,
            help="an access token of an application that may restore into the vault: the HSM worker checks it",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            blob = _text(options["file"].read_bytes())
            token = options["token_file"].read_text().strip() if options["token_file"] else ""
        except OSError as error:
            raise CommandError(f"{error.filename} cannot be read: {error.strerror}") from error
        backup = backups.parse_backup(blob)
        facts = backup.facts
        self.stdout.write(
            f"{facts.object} {facts.name}, {len(backup.parts)} parts, made by {facts.made_by} in vault "
            f"{facts.vault} of world {facts.world}"
        )
        vault = get_vault(name=options["vault"])
        kind = BY_NAME.get(facts.object, KEYS)
        if options["dry_run"]:
            grant = system_grant(kind.permission("restore"), scope=Scope.of(vault), origin="restore_backup")
            check_restore(grant=grant, kind=kind, vault=vault, blob=blob)
            self.stdout.write(f"It can be restored into {vault.name}. Nothing was changed.")
            return
        grant = _grant_of(token, kind, vault_name=vault.name, name=facts.name)
        restore(grant=grant, kind=kind, vault=vault, blob=blob, now=clock.now())
        self.stdout.write(f"Restored into {vault.name}.")


def _grant_of(token: str, kind: ObjectKind[Any, Any], *, vault_name: str, name: str) -> Grant:
    """The right of the token's application to restore. Raises as `decide` does."""
    context = RequestContext(uuid7(), user_agent="restore_backup", scheme=Scheme.BEARER, credential=token)
    operation, permission = kind.operation("restore"), kind.permission("restore")
    attempt = Attempt(operation, permission, kind.name, vault_name, name, context)
    return decide(attempt, lambda: tokens.authenticate(token))


def _text(data: bytes) -> str:
    """Base64url text as it is; the bytes that an SDK decoded from it, encoded again."""
    stripped = data.strip()
    return stripped.decode("ascii") if stripped.isascii() and b"\n" not in stripped else to_base64url(data)
