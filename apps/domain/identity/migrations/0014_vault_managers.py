from django.db import migrations


class Migration(migrations.Migration):
    """The role of applications that manage vaults, in the organisation."""

    dependencies = [("identity", "0013_sessions_hashed")]

    operations = [
        migrations.AlterModelOptions(
            name="organisation", options={"permissions": [("vault-manager", "Vault Manager")]}
        ),
    ]
