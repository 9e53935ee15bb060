from django.db import migrations, models

# Who is an auditor, and how auditors prove who they are, is written by the auditors' processes and the owner alone; the
# web's role reads it. Auditors also sign in at the portal, to confirm a command line: that notes used codes and times.
AUDITORS = """
CREATE FUNCTION is_auditor(person uuid) RETURNS boolean
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (SELECT 1 FROM identity_user WHERE id = person AND duty = 'auditor')
$$;

CREATE FUNCTION people_keep_their_role() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user NOT IN ('vault_web', 'vault_auditor') THEN
        RETURN NEW;
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (current_user = 'vault_auditor') IS DISTINCT FROM (coalesce(NEW.duty, '') = 'auditor') THEN
            RAISE EXCEPTION 'auditors are added on their own host, others are not' USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.username, NEW.kind, NEW.duty) IS DISTINCT FROM (OLD.id, OLD.username, OLD.kind, OLD.duty) THEN
        RAISE EXCEPTION 'a person keeps their name and role' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF (current_user = 'vault_auditor') IS DISTINCT FROM (coalesce(OLD.duty, '') = 'auditor') THEN
        NEW.password := OLD.password;  -- a sign-in may store the same password with another number of rounds
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER people_keep_their_role BEFORE INSERT OR UPDATE ON identity_user
    FOR EACH ROW EXECUTE FUNCTION people_keep_their_role();

CREATE FUNCTION auditors_are_invited_apart() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user = 'vault_web' AND (NEW.duty = 'auditor' OR (TG_OP = 'UPDATE' AND OLD.duty <> NEW.duty)) THEN
        RAISE EXCEPTION 'auditors are not invited by this role' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER auditors_are_invited_apart BEFORE INSERT OR UPDATE ON identity_invitation
    FOR EACH ROW EXECUTE FUNCTION auditors_are_invited_apart();

-- Second factors and company accounts. Of an auditor's passkey the web does not even count the uses.
CREATE FUNCTION proofs_of_auditors_are_apart() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    foreign_person boolean;
BEGIN
    IF current_user NOT IN ('vault_web', 'vault_auditor') THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    foreign_person := is_auditor(CASE TG_OP WHEN 'INSERT' THEN NEW.user_id ELSE OLD.user_id END)
        IS DISTINCT FROM (current_user = 'vault_auditor');
    IF NOT foreign_person AND (TG_OP <> 'UPDATE' OR NEW.user_id = OLD.user_id) THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP <> 'UPDATE' OR NEW.user_id <> OLD.user_id THEN
        RAISE EXCEPTION 'auditors prove who they are on their own host' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_TABLE_NAME = 'mfa_authenticator' THEN
        IF to_jsonb(NEW) ->> 'type' IS DISTINCT FROM to_jsonb(OLD) ->> 'type' THEN
            RAISE EXCEPTION 'a second factor keeps its kind' USING ERRCODE = 'insufficient_privilege';
        END IF;
        IF to_jsonb(OLD) ->> 'type' = 'webauthn' THEN
            RETURN OLD;
        END IF;
        RETURN NEW;
    END IF;
    RETURN OLD;
END
$$;
CREATE TRIGGER proofs_of_auditors_are_apart BEFORE INSERT OR UPDATE OR DELETE ON mfa_authenticator
    FOR EACH ROW EXECUTE FUNCTION proofs_of_auditors_are_apart();
CREATE TRIGGER proofs_of_auditors_are_apart BEFORE INSERT OR UPDATE OR DELETE ON socialaccount_socialaccount
    FOR EACH ROW EXECUTE FUNCTION proofs_of_auditors_are_apart();
"""

# A command line of an auditor is confirmed on their host. The web then stores its token, once for each confirmation.
TOKENS = """
CREATE FUNCTION devices_of_auditors_are_apart() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NEW.person_id IS NOT NULL AND ((current_user = 'vault_web' AND is_auditor(NEW.person_id))
            OR (current_user = 'vault_auditor' AND NOT is_auditor(NEW.person_id))) THEN
        RAISE EXCEPTION 'auditors confirm on their own host' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER devices_of_auditors_are_apart BEFORE INSERT OR UPDATE OF person_id, state ON identity_devicerequest
    FOR EACH ROW EXECUTE FUNCTION devices_of_auditors_are_apart();

CREATE FUNCTION tokens_of_auditors_are_confirmed() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF session_user = 'vault_web' AND is_auditor(NEW.person_id) THEN
        DELETE FROM identity_devicerequest WHERE id = (
            SELECT id FROM identity_devicerequest WHERE person_id = NEW.person_id AND state = 'confirmed'
            AND confirmed > now() - interval '15 minutes' ORDER BY confirmed DESC LIMIT 1 FOR UPDATE);
        IF NOT FOUND THEN
            RAISE EXCEPTION 'the auditor has not confirmed this' USING ERRCODE = 'insufficient_privilege';
        END IF;
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER tokens_of_auditors_are_confirmed BEFORE INSERT ON identity_managementtoken
    FOR EACH ROW EXECUTE FUNCTION tokens_of_auditors_are_confirmed();
"""

UNDO = """
DROP TRIGGER tokens_of_auditors_are_confirmed ON identity_managementtoken;
DROP FUNCTION tokens_of_auditors_are_confirmed();
DROP TRIGGER devices_of_auditors_are_apart ON identity_devicerequest;
DROP FUNCTION devices_of_auditors_are_apart();
DROP TRIGGER proofs_of_auditors_are_apart ON socialaccount_socialaccount;
DROP TRIGGER proofs_of_auditors_are_apart ON mfa_authenticator;
DROP TRIGGER auditors_are_invited_apart ON identity_invitation;
DROP TRIGGER people_keep_their_role ON identity_user;
DROP FUNCTION proofs_of_auditors_are_apart();
DROP FUNCTION auditors_are_invited_apart();
DROP FUNCTION people_keep_their_role();
DROP FUNCTION is_auditor(uuid);
"""


class Migration(migrations.Migration):
    """Auditors are apart: their sessions have a table, and the web's role cannot make one or become one."""

    dependencies = [
        ("identity", "0008_signing_key_ready"),
        ("mfa", "0003_authenticator_type_uniq"),
        ("socialaccount", "0006_alter_socialaccount_extra_data"),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditorSession",
            fields=[
                ("session_key", models.CharField(max_length=40, primary_key=True, serialize=False, verbose_name="session key")),
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
            ],
            options={"default_permissions": (), "verbose_name": "session", "verbose_name_plural": "sessions", "abstract": False},
        ),
        migrations.RunSQL(AUDITORS + TOKENS, UNDO),
    ]
