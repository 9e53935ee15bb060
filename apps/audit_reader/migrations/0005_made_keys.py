from django.db import migrations

# As in migration 0003: at the commit the log must have a record of this transaction. That of a creation is its attempt.
WATCHED = {
    "keys_keyversion": (
        "KeyCreate KeyRotate KeyRotateIfDue KeyImport KeyRestore "
        "CertificateCreate CertificateRenew CertificateImport CertificateRestore"
    ),
    "certificates_certificateoperation": "CertificateCreate CertificateRenew",
    "certificates_issuingauthority": "CertificateIssuerSet",
    "vaults_vault": "VaultPut",
}


def _create(table, operations):
    column = "issuer_id" if table == "certificates_issuingauthority" else "id"
    return (
        f"CREATE CONSTRAINT TRIGGER creation_is_recorded AFTER INSERT ON {table} DEFERRABLE INITIALLY DEFERRED "
        f"FOR EACH ROW EXECUTE FUNCTION note_unrecorded_change('{operations}', '{column}');\n"
    )


class Migration(migrations.Migration):
    """What an HSM worker completes, where the row was written without an audit record."""

    dependencies = [
        ("auditing", "0004_records_of_now"),
        ("certificates", "0005_vaults_as_they_are"),
        ("keys", "0002_whole_data_plane"),
        ("vaults", "0006_auth_is_reserved"),
    ]
    operations = [
        migrations.RunSQL(
            "".join(_create(*row) for row in WATCHED.items()),
            "".join(f"DROP TRIGGER creation_is_recorded ON {table};\n" for table in WATCHED),
        ),
    ]
