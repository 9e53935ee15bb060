from django.db import migrations

# The time of the statement: a transaction that began while a confirmation was new could otherwise use it hours later.
TOKENS = """
CREATE OR REPLACE FUNCTION tokens_of_auditors_are_confirmed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF session_user = 'vault_web' AND is_auditor(NEW.person_id) THEN
        DELETE FROM identity_devicerequest WHERE id = (
            SELECT id FROM identity_devicerequest WHERE person_id = NEW.person_id AND state = 'confirmed'
            AND confirmed > clock_timestamp() - interval '15 minutes' ORDER BY confirmed DESC LIMIT 1 FOR UPDATE);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the auditor has not confirmed this' USING ERRCODE = 'insufficient_privilege';
        END IF;
    END IF;
    RETURN NEW;
END
$$;
"""


class Migration(migrations.Migration):
    """A confirmation of an auditor counts for 15 minutes by the clock, not by the start of the transaction."""

    dependencies = [("identity", "0009_auditors_apart")]
    operations = [migrations.RunSQL(TOKENS, migrations.RunSQL.noop)]
