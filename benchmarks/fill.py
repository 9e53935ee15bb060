"""Many keys and secrets in the database, put there by SQL.

The rows are copies of one that is real, under other names: they lie in the tables and the indexes as theirs would, and
no HSM would open them, because its binding names another key (security-guarantees.md section 2). Nobody asks for them.
"""

import os

import psycopg

ROWS = 100_000

# Copies row by row: each column as in the template but for those named.
_KEYS = """
insert into worlds_protectedkey
    select (jsonb_populate_record(p, jsonb_build_object(
        'id', md5('protected ' || i)::uuid, 'name', 'filler-' || i, 'version', md5('version ' || i)))).*
    from template join worlds_protectedkey p on p.id = template.protected_id,
        generate_series(%(first)s::int, %(last)s::int) i;
insert into keys_key
    select (jsonb_populate_record(k, jsonb_build_object(
        'id', md5('key ' || i)::uuid, 'name', 'filler-' || i, 'folded_name', 'filler-' || i, 'current_id', null))).*
    from template join keys_key k on k.id = template.key_id, generate_series(%(first)s::int, %(last)s::int) i;
insert into keys_keyversion
    select (jsonb_populate_record(v, jsonb_build_object(
        'id', md5('key version ' || i)::uuid, 'key_id', md5('key ' || i)::uuid,
        'version', md5('version ' || i), 'protected_id', md5('protected ' || i)::uuid))).*
    from template join keys_keyversion v on v.id = template.id, generate_series(%(first)s::int, %(last)s::int) i;
update keys_key set current_id = v.id from keys_keyversion v where v.key_id = keys_key.id and current_id is null;
"""
_SECRETS = """
insert into secrets_secret
    select (jsonb_populate_record(s, jsonb_build_object(
        'id', md5('secret ' || i)::uuid, 'name', 'filler-' || i, 'folded_name', 'filler-' || i, 'current_id', null))).*
    from template join secrets_secret s on s.id = template.secret_id, generate_series(%(first)s::int, %(last)s::int) i;
insert into secrets_secretversion
    select (jsonb_populate_record(v, jsonb_build_object(
        'id', md5('secret version ' || i)::uuid, 'secret_id', md5('secret ' || i)::uuid,
        'version', md5('version ' || i)))).*
    from template join secrets_secretversion v on v.id = template.id, generate_series(%(first)s::int, %(last)s::int) i;
update secrets_secret set current_id = v.id
    from secrets_secretversion v where v.secret_id = secrets_secret.id and current_id is null;
"""
# A caller's uses of all the keys, spread over two days: a third of them with a version that is not the current one.
_USES = """
insert into usage_usecount (id, caller_id, caller, vault_id, object_id, operation, done, refused, first, last)
    select md5('use ' || i)::uuid, md5('caller ' || i %% 50)::uuid, 'filler', k.vault_id,
        'keys/filler-' || i || '/' || case when i %% 3 = 0 then 'old' else md5('version ' || i) end,
        'KeySign', 10, 0, now() - interval '30 days', now() - i * interval '1.7 seconds'
    from keys_key k, generate_series(%(first)s::int, %(last)s::int) i where k.name = 'bench-rsa-0'
    on conflict do nothing;
"""
_TEMPLATES = {
    "keys": "select v.* from keys_keyversion v join keys_key k on k.current_id = v.id where k.name = 'bench-rsa-0'",
    "secrets": (
        "select v.* from secrets_secretversion v join secrets_secret s on s.current_id = v.id "
        "where s.name = 'bench-get-0'"
    ),
}
_TABLES = (
    "worlds_protectedkey",
    "keys_key",
    "keys_keyversion",
    "secrets_secret",
    "secrets_secretversion",
    "usage_usecount",
)


def fill(*, first: int = 1, last: int = ROWS) -> None:
    """Insert keys and secrets with these numbers into the vault of the benchmark, as the owner of the tables.

    Needs the objects that `portal.py` made. Raises `psycopg.Error`.
    """
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as database:
        for kind, statements in (("keys", _KEYS), ("secrets", _SECRETS)):
            with database.transaction():
                database.execute(f"create temporary table template on commit drop as {_TEMPLATES[kind]}")
                for statement in statements.split(";\n")[:-1]:
                    database.execute(statement, {"first": first, "last": last})
        database.execute(_USES, {"first": first, "last": last})
        for table in _TABLES:
            database.execute(f"vacuum analyze {table}")


def postgres_version() -> str:
    """As `show server_version` gives it."""
    with psycopg.connect(os.environ["DATABASE_URL"]) as database:
        row = database.execute("show server_version").fetchone()
    return str(row[0]) if row else "?"
