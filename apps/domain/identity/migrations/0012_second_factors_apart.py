from django.db import migrations

# Both hosts have the same Django secret, so what one of them has sealed the other opens: only the database keeps apart
# who writes the second factors, company accounts and sessions of whom. Of a company account that is used at the
# other host, what the provider tells is not stored, before that host refuses the sign-in.
PROOFS = """
CREATE OR REPLACE FUNCTION proofs_of_auditors_are_apart() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    for_auditors boolean := current_user = 'vault_auditor';
BEGIN
    IF current_user IN ('vault_web', 'vault_auditor')
        AND ((TG_OP <> 'INSERT' AND is_auditor(OLD.user_id) <> for_auditors)
            OR (TG_OP <> 'DELETE' AND is_auditor(NEW.user_id) <> for_auditors)) THEN
        IF TG_TABLE_NAME = 'socialaccount_socialaccount' AND TG_OP = 'UPDATE' AND NEW.user_id = OLD.user_id THEN
            RETURN OLD;
        END IF;
        RAISE EXCEPTION 'auditors prove who they are on their own host' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
END
$$;
CREATE TRIGGER proofs_of_auditors_are_apart BEFORE INSERT OR UPDATE OR DELETE ON usersessions_usersession
    FOR EACH ROW EXECUTE FUNCTION proofs_of_auditors_are_apart();
"""

# An invitation of security operations is as good as their password: the auditors' role makes none.
INVITATIONS = """
CREATE OR REPLACE FUNCTION auditors_are_invited_apart() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    for_auditors boolean := current_user = 'vault_auditor';
BEGIN
    IF current_user NOT IN ('vault_web', 'vault_auditor') THEN
        RETURN NEW;
    END IF;
    IF (NEW.duty = 'auditor') <> for_auditors OR (TG_OP = 'UPDATE' AND OLD.duty <> NEW.duty) THEN
        RAISE EXCEPTION 'auditors are invited on their own host, others are not' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF TG_OP = 'UPDATE' AND OLD.accepted IS NOT NULL AND NEW.accepted IS DISTINCT FROM OLD.accepted THEN
        RAISE EXCEPTION 'an invitation is accepted once' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
"""

# A confirmation counts for some minutes after `confirmed`: that column, too, is of the host of the person. The portal
# alone notes when the device asked.
DEVICES = """
CREATE OR REPLACE FUNCTION devices_of_auditors_are_apart() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    for_auditors boolean := current_user = 'vault_auditor';
BEGIN
    IF current_user NOT IN ('vault_web', 'vault_auditor')
        OR (TG_OP = 'UPDATE' AND to_jsonb(NEW) - 'polled' = to_jsonb(OLD) - 'polled') THEN
        RETURN NEW;
    END IF;
    IF (NEW.person_id IS NOT NULL AND is_auditor(NEW.person_id) <> for_auditors)
        OR (TG_OP = 'UPDATE' AND OLD.person_id IS NOT NULL AND is_auditor(OLD.person_id) <> for_auditors) THEN
        RAISE EXCEPTION 'auditors confirm on their own host' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
DROP TRIGGER devices_of_auditors_are_apart ON identity_devicerequest;
CREATE TRIGGER devices_of_auditors_are_apart BEFORE INSERT OR UPDATE ON identity_devicerequest
    FOR EACH ROW EXECUTE FUNCTION devices_of_auditors_are_apart();
"""

TOKENS = """
CREATE FUNCTION ended_tokens_stay_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF current_user IN ('vault_web', 'vault_auditor') AND NEW.ended IS DISTINCT FROM OLD.ended
        AND (OLD.ended IS NOT NULL OR (current_user = 'vault_auditor' AND NOT is_auditor(OLD.person_id))) THEN
        RAISE EXCEPTION 'a token ends once, and auditors end their own' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NEW;
END
$$;
CREATE TRIGGER ended_tokens_stay_ended BEFORE UPDATE ON identity_managementtoken
    FOR EACH ROW EXECUTE FUNCTION ended_tokens_stay_ended();
"""

UNDO = """
DROP TRIGGER ended_tokens_stay_ended ON identity_managementtoken;
DROP FUNCTION ended_tokens_stay_ended();
DROP TRIGGER proofs_of_auditors_are_apart ON usersessions_usersession;
"""  # the other functions stay as they are here


class Migration(migrations.Migration):
    """Neither host's role changes the second factors, sessions, invitations and confirmations of the other's people."""

    dependencies = [("identity", "0011_sign_ins_end")]
    operations = [migrations.RunSQL(PROOFS + INVITATIONS + DEVICES + TOKENS, UNDO)]
