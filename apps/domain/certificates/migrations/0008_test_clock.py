from django.db import migrations

# Test installations have a clock that moves forward; no production vault has. Where there is one, nothing is moved.
CLOCK = """
CREATE FUNCTION test_clock_seconds() RETURNS bigint
LANGUAGE sql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT seconds FROM public.core_movableclock
    WHERE NOT EXISTS (SELECT FROM public.vaults_vault WHERE production)
$$;
REVOKE ALL ON FUNCTION test_clock_seconds() FROM PUBLIC;

CREATE FUNCTION lifecycle_now() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT clock_timestamp() + coalesce(test_clock_seconds(), 0) * interval '1 second'
$$;
REVOKE ALL ON FUNCTION lifecycle_now() FROM PUBLIC;

CREATE FUNCTION test_clock_moves_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM vaults_vault WHERE production) THEN
        RAISE EXCEPTION 'an installation with a production vault has no clock that moves'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'UPDATE' AND NEW.seconds < OLD.seconds THEN
        RAISE EXCEPTION 'the clock moves forward' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER moves_forward BEFORE INSERT OR UPDATE ON core_movableclock FOR EACH ROW
    EXECUTE FUNCTION test_clock_moves_forward();

CREATE FUNCTION production_has_no_test_clock() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT FROM public.core_movableclock) THEN
        RAISE EXCEPTION 'an installation with a clock that moves has no production vault'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER has_no_test_clock BEFORE INSERT OR UPDATE OF production ON vaults_vault FOR EACH ROW
    WHEN (NEW.production) EXECUTE FUNCTION production_has_no_test_clock();
"""

# The guards of deletion decide by the time in which objects live.
GUARDS = """
CREATE OR REPLACE FUNCTION may_be_purged(vault uuid, deleted timestamptz, purge_after timestamptz) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF deleted IS NULL THEN
        RETURN vault_is_purged(vault);
    END IF;
    IF purge_after <= {now} THEN
        RETURN true;
    END IF;
    RETURN (SELECT NOT is_protected FROM vault_as_it_is(vault)) IS TRUE OR vault_is_purged(vault);
END
$$;

CREATE OR REPLACE FUNCTION deletion_of_vault_keeps_its_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF is_owner_of(TG_RELID) THEN
        RETURN NEW;
    END IF;
    IF OLD.purged IS NOT NULL THEN
        RAISE EXCEPTION 'a purged vault stays purged' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.purged IS NOT NULL THEN
        IF OLD.deleted IS NULL OR (NEW.deleted, NEW.purge_after) IS DISTINCT FROM (OLD.deleted, OLD.purge_after)
                OR (OLD.purge_protection AND OLD.purge_after > {now}) THEN
            RAISE EXCEPTION 'the vault is not deleted, or it has purge protection'
                USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.deleted IS NULL THEN
        RETURN NEW;  -- recovered
    END IF;
    IF OLD.deleted IS NOT NULL THEN
        RAISE EXCEPTION 'the dates of a deletion stay' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.deleted NOT BETWEEN {now} - interval '10 minutes' AND {now} + interval '10 minutes'
            OR NEW.purge_after NOT BETWEEN NEW.deleted + NEW.recoverable_days * interval '24 hours'
                AND NEW.deleted + 90 * interval '24 hours' THEN
        RAISE EXCEPTION 'a vault that is deleted now can be recovered for its days'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;

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
    IF NEW.deleted NOT BETWEEN {now} - interval '10 minutes' AND {now} + interval '10 minutes'
            OR NEW.purge_after NOT BETWEEN NEW.deleted + days * interval '24 hours'
                AND NEW.deleted + 90 * interval '24 hours' THEN
        RAISE EXCEPTION 'what is deleted now can be recovered for the days of its vault'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
"""

UNDO = """
DROP TRIGGER has_no_test_clock ON vaults_vault;
DROP FUNCTION production_has_no_test_clock();
DROP TRIGGER moves_forward ON core_movableclock;
DROP FUNCTION test_clock_moves_forward();
DROP FUNCTION lifecycle_now();
DROP FUNCTION test_clock_seconds();
"""


class Migration(migrations.Migration):
    """Deletion and purging follow the clock of a test installation, and production vaults exclude such a clock."""

    dependencies = [("certificates", "0007_deleted_by"), ("core", "0003_test_clock"), ("vaults", "0013_certificate_action")]
    operations = [
        migrations.RunSQL(
            CLOCK + GUARDS.replace("{now}", "lifecycle_now()"), GUARDS.replace("{now}", "clock_timestamp()") + UNDO
        )
    ]
