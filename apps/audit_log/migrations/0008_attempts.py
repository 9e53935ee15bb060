from django.db import migrations

# An HSM worker, which does not read the log, asks whether the attempt of a job is in it. Its id lies between `first`
# and `last`, which bound the days that are searched.
HAS_ATTEMPT = """
CREATE FUNCTION audit_has_attempt(
    log uuid, request uuid, name text, caller_tag bigint, object_tag bigint, first uuid, last uuid
) RETURNS boolean LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT EXISTS (
        SELECT FROM audit_event WHERE request_id = request AND log_id = log AND phase = 'attempt' AND operation = name
        AND caller = caller_tag AND object = object_tag
        AND id >= first AND id < last
    )
$$;
REVOKE ALL ON FUNCTION audit_has_attempt(uuid, uuid, text, bigint, bigint, uuid, uuid) FROM PUBLIC;
"""


class Migration(migrations.Migration):
    """The attempts of jobs, for the HSM workers that carry them out."""

    dependencies = [("audit", "0007_grammar")]
    operations = [
        migrations.RunSQL(
            HAS_ATTEMPT,
            "DROP FUNCTION audit_has_attempt(uuid, uuid, text, bigint, bigint, uuid, uuid);",
        ),
    ]
