from django.db import migrations

# The scheduler retires old versions. It has no reason to make a version usable, and what it does needs no person.
RETIREMENT = """
CREATE FUNCTION scheduler_enables_nothing() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = 'vault_jobs' AND NEW.enabled AND NOT OLD.enabled THEN
        RAISE EXCEPTION 'the scheduler enables no version' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER scheduler_enables_nothing BEFORE UPDATE OF enabled ON keys_keyversion
    FOR EACH ROW EXECUTE FUNCTION scheduler_enables_nothing();
"""
UNDO = """
DROP TRIGGER scheduler_enables_nothing ON keys_keyversion;
DROP FUNCTION scheduler_enables_nothing();
"""


class Migration(migrations.Migration):
    """The scheduler may disable a version, and never enables one."""

    dependencies = [("keys", "0003_longer_parameters")]

    operations = [migrations.RunSQL(RETIREMENT, UNDO)]
