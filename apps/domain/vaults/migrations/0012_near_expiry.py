from django.db import migrations, models


class Migration(migrations.Migration):
    """How many days before an expiry a vault gives notice."""

    dependencies = [("vaults", "0011_on_conflict")]

    operations = [
        migrations.AddField(
            model_name="vault",
            name="near_expiry_days",
            field=models.PositiveSmallIntegerField(db_default=30, default=30),
        ),
        migrations.AddConstraint(
            model_name="vault",
            constraint=models.CheckConstraint(
                condition=models.Q(near_expiry_days__gte=1, near_expiry_days__lte=365), name="vault_near_expiry_range"
            ),
        ),
    ]
