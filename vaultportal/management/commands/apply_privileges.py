"""`manage.py apply_privileges`: make the database roles' privileges what `vaultportal/database_privileges.py` says.

Also adds the constraints of `vaultportal/database_guards.py` to tables that do not have them yet, and the triggers of
`vaultportal/change_triggers.py`.
"""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import connection, transaction

from vaultportal import change_triggers, database_guards
from vaultportal.database_guards import Column
from vaultportal.database_privileges import ROLES, statements

_COLUMNS = """
    SELECT table_name, column_name, data_type FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name = ANY(%s) ORDER BY table_name, ordinal_position
"""
_GUARDED = "SELECT conrelid::regclass::text, conname FROM pg_constraint WHERE conname LIKE %s"


class Command(BaseCommand):
    help = "Grant each database role exactly what vaultportal/database_privileges.py lists. Run it after every migrate."

    def handle(self, *_args: Any, **_options: Any) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)", [list(ROLES)])
            missing = set(ROLES) - {row[0] for row in cursor.fetchall()}
            if missing:
                raise CommandError(f"Create the database roles first: {', '.join(sorted(missing))}.")
            tables = connection.introspection.table_names(cursor)
            try:
                sql = statements(tables)
            except LookupError as error:
                raise CommandError(str(error)) from error
            cursor.execute(_COLUMNS, [tables])
            columns = [Column(*row) for row in cursor.fetchall()]
            cursor.execute(_GUARDED, [f"{database_guards.PREFIX}%"])
            guards = database_guards.statements(columns, set(cursor.fetchall()))
            sql += [*guards, *change_triggers.statements(tables)]
            for statement in sql:
                cursor.execute(statement)
        self.stdout.write(f"{len(sql)} statements for {len(ROLES)} roles")
