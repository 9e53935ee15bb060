from django.db import migrations

# The grammar of docs/audit-log.md, as `records.grammar_fault` reads it: a row that PostgreSQL takes can be encoded,
# hashed, signed and verified. Times end with the year 9999, the last one that Python and the verifier can write.
EVENT = {
    "at": "at >= '2000-01-01 00:00:00+00' AND at < '10000-01-01 00:00:00+00'",
    "operation": "operation ~ '^[A-Za-z][A-Za-z0-9]{0,63}$'",
    "status": "status BETWEEN 100 AND 599",
    "number": "number BETWEEN 1 AND 999999999999999999",
    "xid": "xid < '1000000000000000000'::xid8",
    "commitment": "octet_length(commitment) = 32",
    "sealed": "octet_length(sealed) BETWEEN 46 AND 1000000",
}
# Readers request several data keys at once: a huge one would make the request for the others fail.
DATA_KEY = {
    "sealing_key": "octet_length(sealing_key) = 8",
    "sealed": "octet_length(sealed) BETWEEN 128 AND 1024",
    "mac": "octet_length(mac) = 32",
}
INCIDENT = {  # both texts are in a unique index, whose entries have 2 704 bytes at most
    "problem": "problem ~ '^[a-z-]{1,32}$'",
    "sentence": "char_length(sentence) BETWEEN 1 AND 600",
}

# Rows of an earlier version may break a rule: it then holds for new rows only, and the sequencer sets such a row aside.
VALIDATE = """
DO $$ BEGIN
    ALTER TABLE {table} VALIDATE CONSTRAINT {name};
EXCEPTION WHEN check_violation THEN
    RAISE WARNING 'Rows of {table} from an earlier version are not valid (%); the rule holds for new rows.', '{name}';
END $$;
"""


def name_of(table, column):
    return f"{table}_{column}_grammar"


def constrain(table, rules):
    adding = ", ".join(f"ADD CONSTRAINT {name_of(table, column)} CHECK ({rule}) NOT VALID" for column, rule in rules.items())
    validating = "".join(VALIDATE.format(table=table, name=name_of(table, column)) for column in rules)
    return f"ALTER TABLE {table} {adding};\n{validating}"


def release(table, rules):
    return f"ALTER TABLE {table} " + ", ".join(f"DROP CONSTRAINT {name_of(table, column)}" for column in rules) + ";\n"


TABLES = {"audit_event": EVENT, "audit_datakey": DATA_KEY, "audit_incident": INCIDENT}


class Migration(migrations.Migration):
    """No row of the log can hold a value that stops those who read it."""

    dependencies = [("audit", "0006_patient_days")]
    operations = [
        migrations.RunSQL(constrain(table, rules), release(table, rules)) for table, rules in TABLES.items()
    ]
