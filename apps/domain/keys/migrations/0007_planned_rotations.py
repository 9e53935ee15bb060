from django.db import migrations, models

_DATES = ("rotation_due", "notice_due", "planned_expires", "planned_policy")


class Migration(migrations.Migration):
    """The dates on which a rotation policy acts, which the scheduler stores; it plans existing policies at its next run."""

    dependencies = [("keys", "0006_deleted_by")]

    operations = [
        *(
            migrations.AddField(model_name="rotationpolicy", name=name, field=models.DateTimeField(null=True))
            for name in _DATES
        ),
        migrations.AddField(model_name="rotationpolicy", name="planned_for", field=models.UUIDField(null=True)),
        migrations.AddField(model_name="rotationpolicy", name="planned_enabled", field=models.BooleanField(null=True)),
    ]
