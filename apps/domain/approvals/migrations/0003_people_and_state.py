import django.contrib.postgres.fields
from django.db import migrations, models

import apps.core.ids

_ACTS = [
    ("purge", "Purge"),
    ("guard-off", "Turn off approvals"),
    ("retention-shortened", "Shorten the retention"),
    ("log-destination", "Change the log destination"),
    ("role-grant", "Assign a role"),
    ("key-import", "Import a key"),
    ("release-policy", "Set a release policy"),
    ("credential", "Add a credential"),
    ("application-enable", "Reactivate an application"),
    ("person-enable", "Reactivate a person"),
    ("invitation", "Invite a person"),
    ("attestation-authority", "Trust an attestation authority"),
]


class Migration(migrations.Migration):
    """Requests of an earlier version have no ids and no state: their approvals are not found any more, and expire."""

    dependencies = [
        ("approvals", "0002_act_labels"),
    ]

    operations = [
        migrations.AlterField(
            model_name="approvalrequest",
            name="act",
            field=models.CharField(choices=_ACTS, max_length=24),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="concerns",
            field=django.contrib.postgres.fields.ArrayField(
                base_field=models.UUIDField(), default=list, size=None
            ),
        ),
        migrations.AddField(
            model_name="approvalrequest",
            name="basis",
            field=models.JSONField(default=dict),
        ),
        migrations.CreateModel(
            name="PrincipalControl",
            fields=[
                ("id", models.UUIDField(default=apps.core.ids.uuid7, primary_key=True, serialize=False)),
                ("principal_id", models.UUIDField()),
                ("person_id", models.UUIDField()),
                (
                    "how",
                    models.CharField(
                        choices=[
                            ("created", "Created"),
                            ("invited", "Invited"),
                            ("credential", "Credential"),
                            ("removed", "Removed"),
                        ],
                        max_length=10,
                    ),
                ),
                ("credential_id", models.UUIDField(null=True)),
                ("credential_expires", models.DateTimeField(null=True)),
                ("at", models.DateTimeField()),
            ],
            options={
                "default_permissions": (),
                "indexes": [models.Index(fields=["principal_id"], name="approvals_p_princip_idx")],
            },
        ),
    ]
