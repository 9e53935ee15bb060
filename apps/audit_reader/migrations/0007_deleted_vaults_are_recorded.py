from django.db import migrations

# As 0003: a deletion, a recovery or a purge of a vault without its record is kept for the auditors.
CREATE = """
CREATE CONSTRAINT TRIGGER deletion_of_vault_is_recorded AFTER UPDATE OF deleted, purged ON vaults_vault
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN ((OLD.deleted, OLD.purged) IS DISTINCT FROM (NEW.deleted, NEW.purged))
    EXECUTE FUNCTION note_unrecorded_change('VaultDelete VaultRecover VaultPurge', 'id');
"""


class Migration(migrations.Migration):
    """Vaults that were deleted, recovered or purged without an audit record."""

    dependencies = [("auditing", "0006_rsa1_5_is_recorded"), ("vaults", "0008_deleted_vaults")]

    operations = [migrations.RunSQL(CREATE, "DROP TRIGGER deletion_of_vault_is_recorded ON vaults_vault;")]
