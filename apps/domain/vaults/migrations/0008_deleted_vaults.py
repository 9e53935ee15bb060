import django.db.models.functions.text
from django.db import migrations, models

from apps.core.ids import uuid7


class Migration(migrations.Migration):
    """A vault is deleted, recovered and purged; the name of a purged one is free. What tools set and read back."""

    dependencies = [("vaults", "0007_rsa1_5")]

    operations = [
        migrations.AddField("vault", "tags", models.JSONField(default=dict, db_default={})),
        migrations.AddField("vault", "tool_settings", models.JSONField(default=dict, db_default={})),
        migrations.AddField("vault", "deleted", models.DateTimeField(null=True)),
        migrations.AddField("vault", "purge_after", models.DateTimeField(null=True)),
        migrations.AddField("vault", "purged", models.DateTimeField(null=True)),
        migrations.CreateModel(
            name="AssignmentId",
            fields=[
                ("id", models.UUIDField(default=uuid7, primary_key=True, serialize=False)),
                ("principal_id", models.UUIDField()),
                ("role", models.CharField(max_length=64)),
                ("object_type", models.CharField(max_length=11)),
                ("object_id", models.UUIDField()),
            ],
            options={
                "abstract": False,
                "default_permissions": (),
                "constraints": [
                    models.UniqueConstraint(
                        fields=("principal_id", "role", "object_type", "object_id"), name="assignment_has_one_id"
                    )
                ],
            },
        ),
        migrations.RemoveConstraint("vault", "vault_name_unique"),
        migrations.AddConstraint(
            "vault",
            models.UniqueConstraint(
                django.db.models.functions.text.Lower("name"),
                condition=models.Q(("purged__isnull", True)),
                name="vault_name_unique",
            ),
        ),
        migrations.AddConstraint(
            "vault",
            models.CheckConstraint(
                condition=models.Q(
                    models.Q(("deleted__isnull", True), ("purge_after__isnull", True), ("purged__isnull", True)),
                    models.Q(("deleted__isnull", False), ("purge_after__isnull", False)),
                    _connector="OR",
                ),
                name="vault_deletion_has_its_dates",
            ),
        ),
    ]
