from django.db import migrations

# The foreign keys are looked at when the transaction ends, so that another key with the same id would satisfy them: here
# it counts what names the key at the moment of the deletion. The tables are those whose foreign keys point at
# `worlds_protectedkey` now and later; `audit_auditkey` has none. The statement must see what others have committed.
GUARD = """
CREATE OR REPLACE FUNCTION key_in_use_stays() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    naming record;
    named boolean;
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'keys are deleted in read committed transactions' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF EXISTS (SELECT 1 FROM public.audit_auditkey WHERE protected_id = OLD.id) THEN
        RAISE EXCEPTION 'the audit log needs this key' USING ERRCODE = 'insufficient_privilege';
    END IF;
    FOR naming IN SELECT c.conrelid::regclass AS relation, a.attname AS name FROM pg_constraint c
        JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = c.conkey[1]
        WHERE c.contype = 'f' AND c.confrelid = TG_RELID
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %s WHERE %I = $1)', naming.relation, naming.name)
            INTO named USING OLD.id;
        IF named THEN
            RAISE EXCEPTION '% names this key', naming.relation USING ERRCODE = 'foreign_key_violation';
        END IF;
    END LOOP;
    DELETE FROM public.worlds_rebinding WHERE protected_id = OLD.id;
    RETURN OLD;
END
$$;
"""

UNDO = """
CREATE OR REPLACE FUNCTION key_in_use_stays() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF EXISTS (SELECT 1 FROM audit_auditkey WHERE protected_id = OLD.id) THEN
        RAISE EXCEPTION 'the audit log needs this key' USING ERRCODE = 'insufficient_privilege';
    END IF;
    DELETE FROM worlds_rebinding WHERE protected_id = OLD.id;
    RETURN OLD;
END
$$;
"""


class Migration(migrations.Migration):
    """A key that anything names is not deleted, not even by a transaction that puts another in its place."""

    dependencies = [("certificates", "0003_guarded_updates")]
    operations = [migrations.RunSQL(GUARD, UNDO)]
