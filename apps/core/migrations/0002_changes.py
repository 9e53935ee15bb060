from django.db import migrations

# Written by triggers alone, and deleted by a function that takes no argument: a note that is gone before every process
# has read it would let a revoked role count on.
CHANGES = """
CREATE TABLE core_change (
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    topic text NOT NULL,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen timestamptz,  -- by the first sweep after its commit, which may come long after the change
    PRIMARY KEY (xid, topic)
);
CREATE FUNCTION core_note_change() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    INSERT INTO public.core_change (topic) VALUES (TG_ARGV[0]) ON CONFLICT DO NOTHING;
    RETURN NULL;
END
$$;
CREATE FUNCTION core_forget_changes() RETURNS bigint LANGUAGE sql
    SECURITY DEFINER SET search_path = pg_catalog, public AS $$
    UPDATE public.core_change SET seen = clock_timestamp() WHERE seen IS NULL;
    WITH gone AS (DELETE FROM public.core_change WHERE seen < clock_timestamp() - interval '1 hour' RETURNING 1)
    SELECT count(*) FROM gone
$$;
REVOKE ALL ON FUNCTION core_note_change(), core_forget_changes() FROM PUBLIC;
"""


class Migration(migrations.Migration):
    dependencies = [("core", "0001_shared_state")]
    operations = [migrations.RunSQL(CHANGES, "DROP FUNCTION core_forget_changes(); DROP TABLE core_change CASCADE;")]
