from django.db import migrations

# A transaction may see old rows (REPEATABLE READ), or end much later than it decided. So the guards lock the rows that
# they decide by: until the transaction ends nobody switches protection on or recovers the object, and where somebody did
# since its snapshot, PostgreSQL ends it with a serialization error. The roles have no privilege to lock vaults.
VAULT = """
CREATE FUNCTION vault_as_it_is(vault uuid, OUT is_protected boolean, OUT days integer)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT v.purge_protection, v.recoverable_days::integer FROM public.vaults_vault v WHERE v.id = vault FOR SHARE
$$;
REVOKE ALL ON FUNCTION vault_as_it_is(uuid) FROM PUBLIC;

CREATE OR REPLACE FUNCTION may_be_purged(vault uuid, deleted timestamptz, purge_after timestamptz) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF deleted IS NULL THEN
        RETURN false;
    END IF;
    IF purge_after <= clock_timestamp() THEN
        RETURN true;
    END IF;
    RETURN (SELECT NOT is_protected FROM vault_as_it_is(vault)) IS TRUE;
END
$$;

CREATE OR REPLACE FUNCTION purge_of_versions_is_guarded() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept record;
BEGIN
    EXECUTE format('SELECT vault_id, deleted, purge_after FROM %I WHERE id = $1 FOR SHARE', TG_ARGV[0])
        INTO kept USING CASE TG_ARGV[0] WHEN 'keys_key' THEN (to_jsonb(OLD) ->> 'key_id')::uuid
            WHEN 'secrets_secret' THEN (to_jsonb(OLD) ->> 'secret_id')::uuid
            ELSE (to_jsonb(OLD) ->> 'certificate_id')::uuid END;
    IF kept.vault_id IS NOT NULL AND NOT may_be_purged(kept.vault_id, kept.deleted, kept.purge_after) THEN
        RAISE EXCEPTION 'only versions of what may be purged can be purged' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN OLD;
END
$$;
"""

# The time of the statement, not of the transaction, which may have begun long ago.
OBJECT = """
CREATE OR REPLACE FUNCTION deletion_keeps_its_day() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    days integer;
BEGIN
    IF is_owner_of(TG_RELID) THEN
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.vault_id, NEW.folded_name) IS DISTINCT FROM (OLD.id, OLD.vault_id, OLD.folded_name) THEN
        RAISE EXCEPTION 'an object stays where it is' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.current_id IS NULL AND OLD.current_id IS NOT NULL AND NOT may_be_purged(OLD.vault_id, OLD.deleted, OLD.purge_after) THEN
        RAISE EXCEPTION 'only what may be purged loses its versions' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF (NEW.deleted, NEW.purge_after) IS NOT DISTINCT FROM (OLD.deleted, OLD.purge_after)
            OR (NEW.deleted IS NULL AND NEW.purge_after IS NULL) THEN
        RETURN NEW;  -- unchanged, or recovered
    END IF;
    IF OLD.deleted IS NOT NULL OR NEW.deleted IS NULL OR NEW.purge_after IS NULL THEN
        RAISE EXCEPTION 'the dates of a deletion stay' USING ERRCODE = 'insufficient_privilege';
    END IF;
    SELECT v.days INTO days FROM vault_as_it_is(NEW.vault_id) v;
    IF NEW.deleted NOT BETWEEN clock_timestamp() - interval '10 minutes' AND clock_timestamp() + interval '10 minutes'
            OR NEW.purge_after NOT BETWEEN NEW.deleted + days * interval '24 hours'
                AND NEW.deleted + 90 * interval '24 hours' THEN
        RAISE EXCEPTION 'what is deleted now can be recovered for the days of its vault'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
"""


class Migration(migrations.Migration):
    """The guards of purging and deletion decide by the newest rows and the time of the statement."""

    dependencies = [("certificates", "0004_named_keys_stay")]
    operations = [migrations.RunSQL(VAULT + OBJECT, "DROP FUNCTION vault_as_it_is(uuid);")]
