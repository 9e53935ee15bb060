from django.db import migrations, models


class Migration(migrations.Migration):
    """Who deleted an object; "" for what was deleted before."""

    dependencies = [("secrets", "0002_whole_data_plane")]

    operations = [
        migrations.AddField(
            model_name="secret",
            name="deleted_by",
            field=models.CharField(db_default="", default="", max_length=150),
        ),
    ]
