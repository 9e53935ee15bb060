from django.db import migrations

# Whoever makes or drops a day needs the whole table for a moment. Behind a long reader (a dump, an export) that moment
# would not come, and every record that is to be written would queue behind the wait: so the wait is short, and the
# days are looked after again later. They are made two weeks ahead.
MAKE = """
CREATE OR REPLACE FUNCTION audit_make_days(first date, days integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '300ms' AS $$
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
            EXCEPTION
                WHEN check_violation OR duplicate_table THEN
                    NULL;  -- the day has records elsewhere already, or another process made it a moment ago
                WHEN lock_not_available THEN
                    RETURN made;
            END;
        END IF;
    END LOOP;
    RETURN made;
END
$$;
"""

# A day is empty when nobody can be writing into it and there is nothing: looked at once without locks, for most days
# are not, and then again under the lock, for a record may have been on its way.
DROP = """
CREATE OR REPLACE FUNCTION audit_drop_empty_days() RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '300ms' AS $$
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
            BEGIN
                LOCK TABLE ONLY audit_event IN ACCESS EXCLUSIVE MODE;
                EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', name);
                EXECUTE format('SELECT NOT EXISTS (SELECT 1 FROM %I)', name) INTO empty;
                IF empty THEN
                    EXECUTE format('DROP TABLE %I', name);
                    dropped := dropped + 1;
                END IF;
            EXCEPTION WHEN lock_not_available THEN
                RETURN dropped;
            END;
        END IF;
    END LOOP;
    RETURN dropped;
END
$$;
"""

# At most so many records at once, for the sequencer of all logs waits for the row of this one. And only up to a
# checkpoint: a destination that comes later begins at one, and would pass over what is left before it.
FORGET = """
CREATE OR REPLACE FUNCTION audit_forget(log uuid, before timestamptz, upto bigint) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first_left bigint;
    kept bigint;
BEGIN
    SELECT forgotten, size INTO first_left, kept FROM audit_log WHERE log_id = log FOR UPDATE;
    IF first_left IS NULL THEN
        RETURN 0;
    END IF;
    kept := LEAST(kept, upto + 1, first_left + 20000);
    SELECT COALESCE(min(l.seq), kept) INTO kept FROM audit_leaf l JOIN audit_event e ON e.id = l.event_id
        WHERE l.log_id = log AND l.seq >= first_left AND l.seq < kept AND e.at >= before;
    SELECT max(size) INTO kept FROM audit_checkpoint WHERE log_id = log AND size > first_left AND size <= kept;
    IF kept IS NULL THEN
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
"""


class Migration(migrations.Migration):
    """Days come and go without holding up writers; forgetting goes in steps, from checkpoint to checkpoint."""

    dependencies = [("audit", "0005_minutes_of_all_logs")]
    operations = [migrations.RunSQL(MAKE + DROP + FORGET, migrations.RunSQL.noop)]
