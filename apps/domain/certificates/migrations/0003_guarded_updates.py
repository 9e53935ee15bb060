from django.db import migrations

TABLES = ("keys_key", "secrets_secret", "certificates_certificate")

# The rules hold for the roles that serve. The owner of the tables could remove them, and is let through.
OWNER = """
CREATE FUNCTION is_owner_of(relation oid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT pg_has_role(current_user, relowner, 'USAGE') FROM pg_class WHERE oid = relation
$$;
"""

VAULT = """
-- What a vault promised stays promised: its protection, its retention, its key, its name.
CREATE FUNCTION vault_keeps_its_promise() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF is_owner_of(TG_RELID) THEN
        RETURN NEW;
    END IF;
    IF OLD.purge_protection AND (NOT NEW.purge_protection OR NEW.recoverable_days < OLD.recoverable_days) THEN
        RAISE EXCEPTION 'purge protection stays' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF OLD.key_id IS NOT NULL AND (NEW.key_id, NEW.world_id, NEW.state, NEW.test) IS DISTINCT FROM
            (OLD.key_id, OLD.world_id, OLD.state, OLD.test) THEN
        RAISE EXCEPTION 'a vault keeps its key and its security world' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF (NEW.id, NEW.name, NEW.created) IS DISTINCT FROM (OLD.id, OLD.name, OLD.created) THEN
        RAISE EXCEPTION 'a vault keeps its name' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER vault_keeps_its_promise BEFORE UPDATE ON vaults_vault
    FOR EACH ROW EXECUTE FUNCTION vault_keeps_its_promise();
"""

# The clocks of a process and of the database may differ by ten minutes; a deletion with a worse clock is refused.
OBJECT = """
CREATE FUNCTION deletion_keeps_its_day() RETURNS trigger LANGUAGE plpgsql AS $$
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
    SELECT recoverable_days INTO days FROM vaults_vault WHERE id = NEW.vault_id;
    IF NEW.deleted NOT BETWEEN now() - interval '10 minutes' AND now() + interval '10 minutes'
            OR NEW.purge_after NOT BETWEEN NEW.deleted + days * interval '24 hours'
                AND NEW.deleted + 90 * interval '24 hours' THEN
        RAISE EXCEPTION 'what is deleted now can be recovered for the days of its vault'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;

-- The database's clock decides. Where the vault is not protected, what is deleted may be purged at once.
CREATE FUNCTION may_be_purged(vault uuid, deleted timestamptz, purge_after timestamptz) RETURNS boolean
LANGUAGE sql STABLE AS $$
    SELECT deleted IS NOT NULL AND (purge_after <= now() OR NOT EXISTS (
        SELECT 1 FROM vaults_vault WHERE id = vault AND purge_protection))
$$;

CREATE OR REPLACE FUNCTION purge_is_guarded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.deleted IS NULL AND OLD.current_id IS NULL THEN
        RETURN OLD;  -- its first version was never finished
    END IF;
    IF NOT may_be_purged(OLD.vault_id, OLD.deleted, OLD.purge_after) THEN
        RAISE EXCEPTION 'it is not deleted, or the vault has purge protection' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN OLD;
END
$$;

CREATE OR REPLACE FUNCTION purge_of_versions_is_guarded() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kept boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I WHERE id = $1 AND NOT may_be_purged(vault_id, deleted, purge_after))',
        TG_ARGV[0]) INTO kept USING CASE TG_ARGV[0] WHEN 'keys_key' THEN (to_jsonb(OLD) ->> 'key_id')::uuid
            WHEN 'secrets_secret' THEN (to_jsonb(OLD) ->> 'secret_id')::uuid
            ELSE (to_jsonb(OLD) ->> 'certificate_id')::uuid END;
    IF kept THEN
        RAISE EXCEPTION 'only versions of what may be purged can be purged' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN OLD;
END
$$;
""" + "".join(
    f"CREATE TRIGGER deletion_keeps_its_day BEFORE UPDATE ON {table} FOR EACH ROW "
    "EXECUTE FUNCTION deletion_keeps_its_day();\n"
    for table in TABLES
)

# Key material: changed to what an HSM worker made, removed with the version that it belongs to, which is removed first.
# Both functions read tables that the roles do not see. `audit_auditkey` points at keys without a foreign key.
KEY = """
CREATE FUNCTION is_made_by_the_hsm(key uuid, operations varchar[], blob bytea, mac bytea) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM worlds_rebinding r WHERE r.protected_id = $1 AND r.operations = $2
        AND r.blob = $3 AND r.mac = $4)
$$;
CREATE FUNCTION key_material_is_of_the_hsm() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT is_owner_of(TG_RELID) AND NOT is_made_by_the_hsm(NEW.id, NEW.operations, NEW.blob, NEW.mac) THEN
        RAISE EXCEPTION 'an HSM worker did not make this' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER key_material_is_of_the_hsm BEFORE UPDATE ON worlds_protectedkey
    FOR EACH ROW EXECUTE FUNCTION key_material_is_of_the_hsm();

CREATE FUNCTION key_in_use_stays() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM audit_auditkey WHERE protected_id = OLD.id) THEN
        RAISE EXCEPTION 'the audit log needs this key' USING ERRCODE = 'insufficient_privilege';
    END IF;
    DELETE FROM worlds_rebinding WHERE protected_id = OLD.id;
    RETURN OLD;
END
$$;
CREATE TRIGGER key_in_use_stays BEFORE DELETE ON worlds_protectedkey
    FOR EACH ROW EXECUTE FUNCTION key_in_use_stays();
"""

VERSION = """
-- A version points at its key once: it is neither exchanged nor let go while the version exists.
CREATE FUNCTION version_keeps_its_key() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT is_owner_of(TG_RELID) AND OLD.protected_id IS NOT NULL AND
            (NEW.protected_id, NEW.state) IS DISTINCT FROM (OLD.protected_id, OLD.state) THEN
        RAISE EXCEPTION 'a version keeps its key' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER version_keeps_its_key BEFORE UPDATE ON keys_keyversion
    FOR EACH ROW EXECUTE FUNCTION version_keeps_its_key();
"""

UNDO = """
DROP TRIGGER version_keeps_its_key ON keys_keyversion;
DROP TRIGGER key_in_use_stays ON worlds_protectedkey;
DROP TRIGGER key_material_is_of_the_hsm ON worlds_protectedkey;
DROP TRIGGER vault_keeps_its_promise ON vaults_vault;
""" + "".join(f"DROP TRIGGER deletion_keeps_its_day ON {table};\n" for table in TABLES)


class Migration(migrations.Migration):
    """What DELETE refuses, UPDATE does not prepare: neither the dates, nor the pointers, nor the key material."""

    dependencies = [
        ("audit", "0004_log_tables"),
        ("certificates", "0002_purge_is_guarded"),
        ("vaults", "0005_test_vaults"),
        ("worlds", "0004_rebinding"),
    ]
    operations = [migrations.RunSQL(OWNER + VAULT + OBJECT + KEY + VERSION, UNDO)]
