from django.db import migrations

TABLES = ("keys_key", "secrets_secret", "certificates_certificate")

GUARD = """
CREATE FUNCTION purge_is_guarded() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.deleted IS NULL AND OLD.current_id IS NOT NULL THEN
        RAISE EXCEPTION 'only what is deleted can be purged' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF OLD.deleted IS NOT NULL AND OLD.purge_after > now() AND EXISTS (
        SELECT 1 FROM vaults_vault WHERE id = OLD.vault_id AND purge_protection
    ) THEN
        RAISE EXCEPTION 'the vault has purge protection' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN OLD;
END
$$;
CREATE FUNCTION purge_of_versions_is_guarded() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE live boolean;
BEGIN
    EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I WHERE id = $1 AND deleted IS NULL)', TG_ARGV[0])
        INTO live USING CASE TG_ARGV[0] WHEN 'keys_key' THEN (to_jsonb(OLD) ->> 'key_id')::uuid
            WHEN 'secrets_secret' THEN (to_jsonb(OLD) ->> 'secret_id')::uuid
            ELSE (to_jsonb(OLD) ->> 'certificate_id')::uuid END;
    IF live THEN
        RAISE EXCEPTION 'only versions of what is deleted can be purged' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN OLD;
END
$$;
""" + "".join(
    f"CREATE TRIGGER purge_is_guarded BEFORE DELETE ON {table}version FOR EACH ROW "
    f"EXECUTE FUNCTION purge_of_versions_is_guarded('{table}');\n"
    for table in TABLES
) + "".join(
    f"CREATE TRIGGER purge_is_guarded BEFORE DELETE ON {table} FOR EACH ROW EXECUTE FUNCTION purge_is_guarded();\n"
    for table in TABLES
)

UNGUARD = "".join(f"DROP TRIGGER purge_is_guarded ON {table};\nDROP TRIGGER purge_is_guarded ON {table}version;\n" for table in TABLES) + (
    "DROP FUNCTION purge_is_guarded(); DROP FUNCTION purge_of_versions_is_guarded();"
)


class Migration(migrations.Migration):
    """Whatever the code says, the database removes nothing that is live, or protected still."""

    dependencies = [
        ("certificates", "0001_whole_data_plane"),
        ("keys", "0002_whole_data_plane"),
        ("secrets", "0002_whole_data_plane"),
        ("vaults", "0002_whole_data_plane"),
    ]
    operations = [migrations.RunSQL(GUARD, UNGUARD)]
