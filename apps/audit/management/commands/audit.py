"""`manage.py audit tail --vault V`: the auditor's window until the auditors' portal stands."""

import time
from argparse import ArgumentParser
from typing import Any

import orjson
from django.core.management.base import BaseCommand, CommandError
from django.db import ProgrammingError

from apps.audit import queries
from apps.audit.models import AuditRecord


class Command(BaseCommand):
    help = "Read the audit trail, under the database role of the auditors."

    def add_arguments(self, parser: ArgumentParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True)
        tail = verbs.add_parser("tail", help="show the newest records")
        tail.add_argument("--vault", default="", help="a vault's name; without it, all records")
        tail.add_argument("--limit", type=int, default=50)
        tail.add_argument("--follow", action="store_true", help="keep showing records as they come")
        tail.add_argument("--json", action="store_true", help="one JSON object a line")

    def handle(self, *_args: Any, **options: Any) -> None:
        try:
            records = queries.list_recent(vault_name=options["vault"], limit=options["limit"])
        except ProgrammingError as error:
            raise CommandError(
                "This database role may not read the audit trail. "
                "Run the command with the auditors' settings: ./portal manage audit tail."
            ) from error
        show = _as_json if options["json"] else _as_line
        for record in records:
            self.stdout.write(show(record))
        while options["follow"]:
            for record in queries.follow(vault_name=options["vault"], seen=records[-1] if records else None):
                self.stdout.write(show(record))
                records = [record]
            time.sleep(0.5)


def _as_line(record: AuditRecord) -> str:
    moment = record.at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    what = f"{record.operation:<20} {record.phase:<8} {record.status}"
    return f"{moment}  {what}  {record.object_id or '-':<60}  {record.caller or '-'}  {record.address or '-'}"


def _as_json(record: AuditRecord) -> str:
    return orjson.dumps(
        {
            "time": record.at,
            "operationName": record.operation,
            "phase": record.phase,
            "httpStatusCode": record.status,
            "vault": record.vault_name,
            "id": record.object_id,
            "identity": {"appid": record.caller, "oid": record.caller_id},
            "callerIpAddress": record.address,
            "requestId": record.request_id,
            "correlationId": record.correlation_id,
            "properties": record.detail,
        }
    ).decode()
