from django.db import migrations, models


class Migration(migrations.Migration):
    """Names of algorithms are parameters too: `ML-KEM-1024`."""

    dependencies = [("worlds", "0004_rebinding")]

    operations = [
        migrations.AlterField(
            model_name="protectedkey", name="parameter", field=models.CharField(max_length=16)
        ),
    ]
