from django.db import migrations

# A record is looked for where the policies of the log let one be written: by the clock, not by the transaction's start.
NOTE = """
CREATE OR REPLACE FUNCTION note_unrecorded_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    oldest uuid := audit_floor(clock_timestamp() - interval '2 days');  -- a value, so that older days are not searched
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM audit_event WHERE xid = pg_current_xact_id() AND id >= oldest
        AND operation = ANY(string_to_array(TG_ARGV[0], ' '))
    ) THEN
        INSERT INTO auditing_unrecordedchange (at, relation, row_id, act, role) VALUES (
            clock_timestamp(), TG_TABLE_NAME, coalesce(to_jsonb(NEW) ->> 'id', to_jsonb(NEW) ->> TG_ARGV[1]),
            lower(TG_OP), session_user);
    END IF;
    RETURN NULL;
END
$$;
"""


class Migration(migrations.Migration):
    """The record of a change is looked for among those of the last two days by the clock."""

    dependencies = [("auditing", "0003_unrecorded_changes")]
    operations = [migrations.RunSQL(NOTE, migrations.RunSQL.noop)]
