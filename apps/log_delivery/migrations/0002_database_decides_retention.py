from importlib import import_module

from django.db import migrations, models

# What may go is read here and not given: the retention process is not trusted with it. At most 20 000 records at once,
# because the sequencer of all logs waits for the row of this one. And only up to a checkpoint: a destination that comes
# later begins at one, and would pass over what is left before it.
#
# The lock is that of `segment_delivery`, which finds there where a new destination begins. A day has 24 hours: the
# caller chooses the session's time zone, and with it the length of other days. A snapshot that the caller took earlier
# would show a destination or a retention that are no longer so.
FORGET = """
DROP FUNCTION audit_forget(uuid, timestamptz, bigint);
CREATE FUNCTION audit_forget(log uuid)
RETURNS TABLE (first bigint, below bigint, before timestamptz, days integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF current_setting('transaction_isolation') <> 'read committed' THEN
        RAISE EXCEPTION 'audit_forget reads what is committed now' USING ERRCODE = 'invalid_transaction_state';
    END IF;
    PERFORM pg_advisory_xact_lock(1448101460, hashtext(log::text));
    SELECT r.days, now() - r.days * interval '24 hours' INTO days, before
        FROM delivery_logretention r WHERE r.vault_id = log;
    SELECT l.forgotten, LEAST(l.size, l.forgotten + 20000) INTO first, below
        FROM audit_log l WHERE l.log_id = log FOR UPDATE;
    IF days IS NULL OR first IS NULL THEN
        RETURN;
    END IF;
    below := LEAST(below, (  -- LEAST ignores NULL: there is no destination
        SELECT COALESCE(s.delivered, 0)
        FROM delivery_logdestination d LEFT JOIN delivery_deliverystate s ON s.destination_id = d.id
        WHERE d.vault_id = log));
    SELECT COALESCE(min(l.seq), below) INTO below FROM audit_leaf l JOIN audit_event e ON e.id = l.event_id
        WHERE l.log_id = log AND l.seq >= first AND l.seq < below AND e.at >= before;
    SELECT max(c.size) INTO below FROM audit_checkpoint c WHERE c.log_id = log AND c.size > first AND c.size <= below;
    IF below IS NULL THEN
        RETURN;
    END IF;
    PERFORM set_config('audit.forgetting', 'yes', true);
    DELETE FROM audit_event e USING audit_leaf l
        WHERE l.log_id = log AND l.seq >= first AND l.seq < below AND e.id = l.event_id;
    PERFORM set_config('audit.forgetting', '', true);
    UPDATE audit_log l SET forgotten = below WHERE l.log_id = log;
    RETURN NEXT;
END
$$;
REVOKE ALL ON FUNCTION audit_forget(uuid) FROM PUBLIC;
"""
_EARLIER = import_module("apps.audit_log.migrations.0006_patient_days")
UNDO = f"""
DROP FUNCTION audit_forget(uuid);
{_EARLIER.FORGET}
REVOKE ALL ON FUNCTION audit_forget(uuid, timestamptz, bigint) FROM PUBLIC;
"""


class Migration(migrations.Migration):
    """The database decides which bodies retention deletes; columns that nothing reads go."""

    dependencies = [("audit", "0007_grammar"), ("delivery", "0001_initial")]

    operations = [
        migrations.RemoveField("logretention", "forgotten"),
        migrations.RemoveField("logretention", "forgotten_before"),
        migrations.AddConstraint(
            "logretention",
            models.CheckConstraint(condition=models.Q(days__lte=3660), name="retention_has_a_date"),
        ),
        migrations.RunSQL(FORGET, UNDO),
    ]
