import django.db.models.deletion
from django.db import migrations, models

_DURATIONS = ("expiry_time", "rotate_after_create", "rotate_before_expiry", "notify_before_expiry")


class Migration(migrations.Migration):
    """The rotation policy that new keys of a vault inherit. Existing policies are the keys' own."""

    dependencies = [("keys", "0007_planned_rotations"), ("vaults", "0013_certificate_action")]

    operations = [
        migrations.AddField(
            model_name="rotationpolicy", name="inherited", field=models.BooleanField(db_default=False, default=False)
        ),
        migrations.CreateModel(
            name="DefaultRotationPolicy",
            fields=[
                (
                    "vault",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="vaults.vault",
                    ),
                ),
                *((name, models.CharField(default="", max_length=32)) for name in _DURATIONS),
                ("updated", models.DateTimeField()),
            ],
            options={"abstract": False, "default_permissions": ()},
        ),
    ]
