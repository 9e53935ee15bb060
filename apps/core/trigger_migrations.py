"""An operation of migrations: PostgreSQL changes the type of no column that a trigger names."""

from django.db import migrations

_DROP = """
    DO $$
    DECLARE found record;
    BEGIN
        FOR found IN SELECT tgname FROM pg_trigger JOIN pg_proc ON pg_proc.oid = tgfoid
            WHERE tgrelid = '{table}'::regclass AND proname = 'core_note_change'
        LOOP
            EXECUTE format('DROP TRIGGER %I ON {table}', found.tgname);
        END LOOP;
    END $$
"""


class DropChangeTriggers(migrations.RunSQL):
    """Drop the triggers that note changes of a table. `manage.py apply_privileges` creates them again.

    `table`: its name in the database.
    """

    def __init__(self, table: str) -> None:
        self.table = table
        super().__init__(_DROP.format(table=table), migrations.RunSQL.noop)
