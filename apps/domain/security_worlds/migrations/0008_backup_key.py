import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("worlds", "0007_longer_parameters")]

    operations = [
        migrations.CreateModel(
            name="BackupKey",
            fields=[
                (
                    "world",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="backup_key",
                        serialize=False,
                        to="worlds.securityworld",
                    ),
                ),
                ("created", models.DateTimeField()),
                (
                    "kem",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="worlds.protectedkey"
                    ),
                ),
                (
                    "sealing",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="worlds.protectedkey"
                    ),
                ),
            ],
            options={"default_permissions": ()},
        ),
    ]
