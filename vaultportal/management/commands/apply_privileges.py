"""`manage.py apply_privileges`: make the database roles' privileges what `vaultportal/database_privileges.py` says."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from vaultportal.database_privileges import ROLES, statements


class Command(BaseCommand):
    help = "Grant each database role exactly what vaultportal/database_privileges.py lists. Run it after every migrate."

    def handle(self, *_args: Any, **_options: Any) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(ROLES)])
            missing = set(ROLES) - {row[0] for row in cursor.fetchall()}
            if missing:
                raise CommandError(f"Create the database roles first: {', '.join(sorted(missing))}.")
            try:
                sql = statements(connection.introspection.table_names(cursor))
            except LookupError as error:
                raise CommandError(str(error)) from error
            for statement in sql:
                cursor.execute(statement)
        self.stdout.write(f"{len(sql)} statements for {len(ROLES)} roles")
