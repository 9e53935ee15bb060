from django.db import migrations

# As 0003: a change of the setting without its record is kept for the auditors.
CREATE = """
CREATE CONSTRAINT TRIGGER change_of_rsa1_5_is_recorded AFTER UPDATE OF rsa1_5 ON vaults_vault
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN (OLD.rsa1_5 IS DISTINCT FROM NEW.rsa1_5)
    EXECUTE FUNCTION note_unrecorded_change('VaultPatch', 'id');
"""


class Migration(migrations.Migration):
    """RSA1_5 that was turned on without an audit record."""

    dependencies = [
        ("auditing", "0005_made_keys"),
        ("vaults", "0007_rsa1_5"),
    ]

    operations = [
        migrations.RunSQL(CREATE, "DROP TRIGGER change_of_rsa1_5_is_recorded ON vaults_vault;"),
    ]
