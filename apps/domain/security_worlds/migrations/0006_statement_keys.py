import django.db.models.deletion
from django.db import migrations, models

import apps.core.ids


class Migration(migrations.Migration):
    dependencies = [("worlds", "0005_origins")]

    operations = [
        migrations.CreateModel(
            name="StatementKey",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, primary_key=True, serialize=False)),
                ("role", models.TextField(choices=[("authority", "Authority"), ("signer", "Signer")])),
                ("certificate", models.BinaryField()),
                ("created", models.DateTimeField()),
                (
                    "protected",
                    models.OneToOneField(on_delete=django.db.models.deletion.PROTECT, to="worlds.protectedkey"),
                ),
                (
                    "world",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, to="worlds.securityworld"),
                ),
            ],
            options={"default_permissions": (), "abstract": False},
        ),
    ]
