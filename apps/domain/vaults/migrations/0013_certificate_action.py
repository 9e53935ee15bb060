from django.db import migrations, models


class Migration(migrations.Migration):
    """The lifetime action that new certificates of a vault inherit."""

    dependencies = [("vaults", "0012_near_expiry")]

    operations = [
        migrations.AddField(model_name="vault", name="certificate_action", field=models.JSONField(null=True)),
    ]
