from django.db import migrations, models


class Migration(migrations.Migration):
    """Who deleted an object; "" for what was deleted before."""

    dependencies = [("certificates", "0006_deleted_vaults")]

    operations = [
        migrations.AddField(
            model_name="certificate",
            name="deleted_by",
            field=models.CharField(db_default="", default="", max_length=150),
        ),
    ]
