from django.db import migrations

# A serving role inserts rows of its own. One that no reader can show would stop every reader of the vault at its
# position, so there is none: members of `data` are strings (an integer of 100 digits is no JSON of orjson's).
VALUES = """
ALTER TABLE events_pending
    ADD CONSTRAINT event_object_type CHECK (object_type IN ('', 'key', 'secret', 'certificate')),
    ADD CONSTRAINT event_data CHECK (data IS NULL OR (
        jsonb_typeof(data) = 'object' AND octet_length(data::text) <= 4096
        AND NOT jsonb_path_exists(data, 'strict $.* ? (@.type() != "string")', '{}', true)
    ));
CREATE INDEX event_access ON events_pending (xid, vault_id)
    WHERE type = 'Microsoft.KeyVault.VaultAccessPolicyChanged';
"""
NO_VALUES = """
DROP INDEX event_access;
ALTER TABLE events_pending DROP CONSTRAINT event_object_type, DROP CONSTRAINT event_data;
"""

# As in migration 0002, but the wait for the lock is short: another role may hold it for as long as it likes. Readers
# then get what is numbered, and occupy no slot meanwhile.
NUMBER = """
CREATE OR REPLACE FUNCTION events_number() RETURNS bigint LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '300ms' AS $$
DECLARE
    numbered bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM public.events_pending) THEN
        RETURN 0;
    END IF;
    BEGIN
        PERFORM pg_advisory_xact_lock(7420, 0);
    EXCEPTION WHEN lock_not_available THEN
        RETURN 0;
    END;
    WITH taken AS (
        DELETE FROM public.events_pending
        WHERE seq IN (SELECT seq FROM public.events_pending ORDER BY seq LIMIT 5000) RETURNING *
    ), counted AS (
        SELECT vault_id, count(*) AS events FROM taken GROUP BY vault_id
    ), moved AS (
        INSERT INTO public.events_vaultposition AS known (vault_id, last) SELECT vault_id, events FROM counted
        ON CONFLICT (vault_id) DO UPDATE SET last = known.last + excluded.last RETURNING vault_id, last
    )
    INSERT INTO public.events_event (id, vault_id, position, type, object_type, object_id, object_name, version,
        not_before, expires, data, at, stored)
    SELECT gen_random_uuid(), vault_id,
        moved.last - counted.events + row_number() OVER (PARTITION BY vault_id ORDER BY taken.seq),
        type, object_type, object_id, object_name, version, not_before, expires, data, at, clock_timestamp()
    FROM taken JOIN counted USING (vault_id) JOIN moved USING (vault_id);
    GET DIAGNOSTICS numbered = ROW_COUNT;
    RETURN numbered;
END
$$;
"""


class Migration(migrations.Migration):
    """No event stops its readers, and no lock holds them up for long."""

    dependencies = [("events", "0002_outbox")]

    operations = [
        migrations.RunSQL(VALUES, NO_VALUES),
        migrations.RunSQL(NUMBER, migrations.RunSQL.noop),
    ]
