from django.db import migrations, models

_ACTS = [
    ("purge", "Purge"),
    ("vault-delete", "Delete a vault"),
    ("vault-purge", "Purge a vault"),
    ("guard-off", "Turn off approvals"),
    ("retention-shortened", "Shorten the retention"),
    ("rsa1-5-on", "Allow decryption with RSA1_5"),
    ("log-destination", "Change the log destination"),
    ("role-grant", "Assign a role"),
    ("management-role", "Assign the vault manager role"),
    ("key-import", "Import a key"),
    ("restore", "Restore a backup of a production vault"),
    ("release-policy", "Set a release policy"),
    ("credential", "Add a credential"),
    ("application-enable", "Reactivate an application"),
    ("person-enable", "Reactivate a person"),
    ("invitation", "Invite a person"),
    ("attestation-authority", "Trust an attestation authority"),
]


class Migration(migrations.Migration):

    dependencies = [
        ("approvals", "0006_rsa1_5"),
    ]

    operations = [
        migrations.AlterField(
            model_name="approvalrequest",
            name="act",
            field=models.CharField(choices=_ACTS, max_length=24),
        ),
    ]
