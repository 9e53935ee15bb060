from django.db import migrations, models

from apps.core.trigger_migrations import DropChangeTriggers


class Migration(migrations.Migration):
    """Names of algorithms are parameters too: `ML-KEM-1024`."""

    dependencies = [("keys", "0002_whole_data_plane")]

    operations = [
        DropChangeTriggers("keys_keyversion"),
        migrations.AlterField(
            model_name="keyversion", name="parameter", field=models.CharField(max_length=16)
        ),
    ]
