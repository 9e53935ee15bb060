from django.db import migrations

EVENTS = """
CREATE TABLE audit_event (
    id uuid NOT NULL PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    log_id uuid NOT NULL,
    at timestamptz NOT NULL,
    operation text NOT NULL,
    phase text NOT NULL CHECK (phase IN ('attempt', 'outcome', 'denial')),
    status smallint NOT NULL,
    request_id uuid NOT NULL,
    caller bigint NOT NULL,
    object bigint NOT NULL,
    address bigint NOT NULL,
    writer uuid NOT NULL,
    number bigint NOT NULL,
    key_id uuid NOT NULL,
    commitment bytea NOT NULL,
    sealed bytea NOT NULL
) PARTITION BY RANGE (id);
CREATE INDEX audit_event_order ON audit_event (xid, id);
CREATE INDEX audit_event_log ON audit_event (log_id, id);
CREATE INDEX audit_event_caller ON audit_event (caller, id);
CREATE INDEX audit_event_object ON audit_event (object, id);
CREATE INDEX audit_event_address ON audit_event (address, id);
CREATE INDEX audit_event_operation ON audit_event (operation, id);
CREATE INDEX audit_event_request ON audit_event (request_id);
CREATE INDEX audit_event_refused ON audit_event (log_id, id) WHERE status >= 400;

CREATE FUNCTION audit_floor(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND current_setting('audit.forgetting', true) = 'yes' THEN
        RETURN OLD;
    END IF;
    RAISE EXCEPTION 'the usage log is append-only' USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER audit_event_no_change BEFORE UPDATE OR DELETE ON audit_event
    FOR EACH ROW EXECUTE FUNCTION audit_append_only();
CREATE TRIGGER audit_event_no_truncate BEFORE TRUNCATE ON audit_event
    FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only();

-- Days are made ahead of time by whoever may not make tables; a record never waits for one.
CREATE TABLE audit_event_other PARTITION OF audit_event DEFAULT;
CREATE FUNCTION audit_make_days(first date, days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    day date;
    name text;
    made integer := 0;
BEGIN
    FOR day IN SELECT generate_series(first, first + LEAST(days, 60) - 1, interval '1 day')::date LOOP
        name := 'audit_event_' || to_char(day, 'YYYYMMDD');
        IF to_regclass(name) IS NULL THEN
            BEGIN
                EXECUTE format('CREATE TABLE %I PARTITION OF audit_event FOR VALUES FROM (%L) TO (%L)', name,
                    audit_floor(day::timestamp AT TIME ZONE 'UTC'),
                    audit_floor((day + 1)::timestamp AT TIME ZONE 'UTC'));
                EXECUTE format('CREATE TRIGGER no_truncate BEFORE TRUNCATE ON %I '
                    'FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()', name);
                made := made + 1;
            EXCEPTION WHEN check_violation OR duplicate_table THEN
                NULL;  -- the day has records elsewhere already, or another process made it a moment ago
            END;
        END IF;
    END LOOP;
    RETURN made;
END
$$;
REVOKE ALL ON FUNCTION audit_make_days(date, integer) FROM PUBLIC;
SELECT audit_make_days((now() AT TIME ZONE 'UTC')::date - 1, 16);
"""

FORGET = """
-- Retention: bodies below a number and older than a moment go, leaves stay. Returns how far the log is forgotten now.
CREATE FUNCTION audit_forget(log uuid, before timestamptz, upto bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first_left bigint;
    kept bigint;
BEGIN
    SELECT forgotten, size INTO first_left, kept FROM audit_log WHERE log_id = log FOR UPDATE;
    IF first_left IS NULL THEN
        RETURN 0;
    END IF;
    SELECT COALESCE(min(l.seq), kept) INTO kept FROM audit_event e JOIN audit_leaf l ON l.event_id = e.id
        WHERE e.log_id = log AND e.id >= audit_floor(before - interval '1 day') AND e.at >= before
        AND l.log_id = log AND l.seq >= first_left;
    kept := LEAST(kept, upto + 1);
    IF kept <= first_left THEN
        RETURN first_left;
    END IF;
    PERFORM set_config('audit.forgetting', 'yes', true);
    DELETE FROM audit_event e USING audit_leaf l
        WHERE l.log_id = log AND l.seq >= first_left AND l.seq < kept AND e.id = l.event_id;
    PERFORM set_config('audit.forgetting', '', true);
    UPDATE audit_log SET forgotten = kept WHERE log_id = log;
    RETURN kept;
END
$$;
REVOKE ALL ON FUNCTION audit_forget(uuid, timestamptz, bigint) FROM PUBLIC;

CREATE FUNCTION audit_drop_empty_days() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    name text;
    empty boolean;
    dropped integer := 0;
BEGIN
    FOR name IN SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'audit_event'::regclass AND c.relname ~ '^audit_event_[0-9]{8}$'
        AND c.relname < 'audit_event_' || to_char((now() AT TIME ZONE 'UTC')::date - 1, 'YYYYMMDD')
    LOOP
        EXECUTE format('SELECT NOT EXISTS (SELECT 1 FROM %I)', name) INTO empty;
        IF empty THEN
            EXECUTE format('DROP TABLE %I', name);
            dropped := dropped + 1;
        END IF;
    END LOOP;
    RETURN dropped;
END
$$;
REVOKE ALL ON FUNCTION audit_drop_empty_days() FROM PUBLIC;
"""

UNDO = """
DROP TABLE audit_event;
DROP FUNCTION audit_make_days(date, integer);
DROP FUNCTION audit_forget(uuid, timestamptz, bigint);
DROP FUNCTION audit_drop_empty_days();
DROP FUNCTION audit_floor(timestamptz);
"""

# What was recorded before this format waits in the old table until `seal_earlier_records` has sealed it.
EARLIER = """
DO $$ BEGIN
    IF NOT EXISTS (SELECT 1 FROM audit_auditrecord) THEN
        DROP TABLE audit_auditrecord;
    END IF;
END $$;
"""


class Migration(migrations.Migration):
    """Records with sealed bodies, partitioned by day; the functions by which days come and bodies go."""

    dependencies = [("audit", "0002_append_only")]
    operations = [
        migrations.RunSQL(EVENTS + FORGET, UNDO),
        migrations.SeparateDatabaseAndState(
            state_operations=[migrations.DeleteModel("AuditRecord")],
            database_operations=[migrations.RunSQL(EARLIER, migrations.RunSQL.noop)],
        ),
    ]
