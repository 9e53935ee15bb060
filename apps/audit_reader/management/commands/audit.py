"""`manage.py audit tail --vault V`: the log on the machine itself, under the database role of the auditors."""

import time
from argparse import ArgumentParser
from typing import Any
from uuid import UUID

import orjson
from django.core.management.base import CommandError
from django.db import ProgrammingError

from apps.audit_reader import queries, search_service
from apps.audit_reader.queries import FoundRecord, Search
from apps.core.domain_command import DomainCommand
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.vaults.queries import get_logged_vault


class Command(DomainCommand):
    help = "Read the audit log, under the database role of the auditors."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        tail = verbs.add_parser("tail", help="show the newest records")
        tail.add_argument("--vault", default="", help="a vault's name; without it, all records")
        tail.add_argument("--limit", type=int, default=50)
        tail.add_argument("--follow", action="store_true", help="keep showing records as they come")
        tail.add_argument("--json", action="store_true", help="one JSON object a line")

    def handle(self, *_args: Any, **options: Any) -> None:
        show = _as_json if options["json"] else _as_line
        try:
            vault = get_logged_vault(name=options["vault"]) if options["vault"] else None
            what = Search(log_id=vault.pk if vault else None)
            scope = Scope.of(vault)
            grant = system_grant(Permission.AUDIT_READ, scope=scope, origin="audit tail")
            found = search_service.read(grant=grant, what=what, limit=options["limit"]).records[::-1]
            last: UUID | None = None
            while True:
                for record in found:
                    self.stdout.write(show(record))
                    last = record.id
                if not options["follow"]:
                    return
                time.sleep(0.5)
                found = search_service.follow(grant=grant, what=what, limit=500, after=last or UUID(int=0)).records[
                    ::-1
                ]
        except ProgrammingError as error:
            raise CommandError(
                "This database role may not read the audit log. "
                "Run the command with the auditors' settings: ./portal manage audit tail."
            ) from error


def _as_line(record: FoundRecord) -> str:
    moment = record.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    header = record.header
    what = f"{header['operation']:<20} {header['phase']:<8} {header['status']}"
    who = f"{record.caller or '-'}  {record.body.get('callerIpAddress') or '-'}"
    return f"{moment}  {what}  {record.object_id or '-':<60}  {who}  {record.problem}".rstrip()


def _as_json(record: FoundRecord) -> str:
    return orjson.dumps(queries.as_line(record)).decode()
