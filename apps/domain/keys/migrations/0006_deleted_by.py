from django.db import migrations, models


class Migration(migrations.Migration):
    """Who deleted an object; "" for what was deleted before."""

    dependencies = [("keys", "0005_rehearsals")]

    operations = [
        migrations.AddField(
            model_name="key",
            name="deleted_by",
            field=models.CharField(db_default="", default="", max_length=150),
        ),
    ]
