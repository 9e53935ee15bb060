from django.db import migrations, models


class Migration(migrations.Migration):
    """The clock of a test installation. Existing installations have none."""

    dependencies = [("core", "0002_changes")]

    operations = [
        migrations.CreateModel(
            name="MovableClock",
            fields=[
                ("only", models.BooleanField(default=True, primary_key=True, serialize=False)),
                ("seconds", models.BigIntegerField(default=0)),
                ("moved", models.DateTimeField()),
            ],
            options={"abstract": False, "default_permissions": ()},
        ),
        migrations.AddConstraint(
            model_name="movableclock",
            constraint=models.CheckConstraint(condition=models.Q(only=True), name="one_movable_clock"),
        ),
        migrations.AddConstraint(
            model_name="movableclock",
            constraint=models.CheckConstraint(
                condition=models.Q(seconds__gte=0, seconds__lte=20 * 366 * 86400), name="movable_clock_range"
            ),
        ),
    ]
