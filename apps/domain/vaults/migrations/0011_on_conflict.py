from django.db import migrations, models


class Migration(migrations.Migration):
    """What a vault does with the name of a deleted object. Existing vaults refuse it, as before."""

    dependencies = [("vaults", "0010_access_policies")]

    operations = [
        migrations.AddField(
            model_name="vault",
            name="on_conflict",
            field=models.CharField(
                choices=[("refuse", "Refuse"), ("recover", "Recover")],
                db_default="refuse",
                default="refuse",
                max_length=7,
            ),
        ),
        migrations.AddConstraint(
            model_name="vault",
            constraint=models.CheckConstraint(
                condition=models.Q(on_conflict__in=["refuse", "recover"]), name="vault_on_conflict_known"
            ),
        ),
    ]
