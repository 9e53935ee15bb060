from django.db import migrations

# By trigger, so that no process can forget it: the HSM worker sees neither passwords nor eras, and takes a session or
# a token for live while these rows say so.
END = """
CREATE FUNCTION sign_ins_end() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE identity_managementtoken SET ended = clock_timestamp() WHERE person_id = NEW.id AND ended IS NULL;
    WITH ended AS (DELETE FROM usersessions_usersession WHERE user_id = NEW.id RETURNING session_key),
        of_portals AS (DELETE FROM django_session USING ended WHERE django_session.session_key = ended.session_key)
    DELETE FROM identity_auditorsession USING ended WHERE identity_auditorsession.session_key = ended.session_key;
    RETURN NULL;
END
$$;
CREATE TRIGGER sign_ins_end AFTER UPDATE OF password, is_active ON identity_user FOR EACH ROW
    WHEN (NEW.password <> OLD.password OR (OLD.is_active AND NOT NEW.is_active)) EXECUTE FUNCTION sign_ins_end();
"""

UNDO = """
DROP TRIGGER sign_ins_end ON identity_user;
DROP FUNCTION sign_ins_end();
"""


class Migration(migrations.Migration):
    """A new password, or a suspension, ends a person's sessions and command-line tokens in every process."""

    dependencies = [("identity", "0010_confirmed_now"), ("usersessions", "0001_initial"), ("sessions", "0001_initial")]
    operations = [migrations.RunSQL(END, UNDO)]
