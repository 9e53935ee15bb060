from django.db import migrations

# What a vault promised stays promised, also when the whole vault is deleted: the dates of the deletion are those of its
# retention and stay, and a vault with purge protection is purged when they have come. A purge is final.
VAULT = """
CREATE FUNCTION deletion_of_vault_keeps_its_day() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF is_owner_of(TG_RELID) THEN
        RETURN NEW;
    END IF;
    IF OLD.purged IS NOT NULL THEN
        RAISE EXCEPTION 'a purged vault stays purged' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.purged IS NOT NULL THEN
        IF OLD.deleted IS NULL OR (NEW.deleted, NEW.purge_after) IS DISTINCT FROM (OLD.deleted, OLD.purge_after)
                OR (OLD.purge_protection AND OLD.purge_after > clock_timestamp()) THEN
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
    IF NEW.deleted NOT BETWEEN clock_timestamp() - interval '10 minutes' AND clock_timestamp() + interval '10 minutes'
            OR NEW.purge_after NOT BETWEEN NEW.deleted + NEW.recoverable_days * interval '24 hours'
                AND NEW.deleted + 90 * interval '24 hours' THEN
        RAISE EXCEPTION 'a vault that is deleted now can be recovered for its days'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER deletion_keeps_its_day BEFORE UPDATE ON vaults_vault FOR EACH ROW
    WHEN ((OLD.deleted, OLD.purge_after, OLD.purged) IS DISTINCT FROM (NEW.deleted, NEW.purge_after, NEW.purged))
    EXECUTE FUNCTION deletion_of_vault_keeps_its_day();
"""

# What is in a purged vault may be removed, whatever its own dates.
OBJECT = """
CREATE FUNCTION vault_is_purged(vault uuid) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM public.vaults_vault v WHERE v.id = vault AND v.purged IS NOT NULL)
$$;
REVOKE ALL ON FUNCTION vault_is_purged(uuid) FROM PUBLIC;

CREATE OR REPLACE FUNCTION may_be_purged(vault uuid, deleted timestamptz, purge_after timestamptz) RETURNS boolean
LANGUAGE plpgsql VOLATILE AS $$
BEGIN
    IF deleted IS NULL THEN
        RETURN vault_is_purged(vault);
    END IF;
    IF purge_after <= clock_timestamp() THEN
        RETURN true;
    END IF;
    RETURN (SELECT NOT is_protected FROM vault_as_it_is(vault)) IS TRUE OR vault_is_purged(vault);
END
$$;
"""

UNDO = """
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
DROP FUNCTION vault_is_purged(uuid);
DROP TRIGGER deletion_keeps_its_day ON vaults_vault;
DROP FUNCTION deletion_of_vault_keeps_its_day();
"""


class Migration(migrations.Migration):
    """The database guards the deletion of a vault as it guards that of an object."""

    dependencies = [("certificates", "0005_vaults_as_they_are"), ("vaults", "0008_deleted_vaults")]
    operations = [migrations.RunSQL(VAULT + OBJECT, UNDO)]
