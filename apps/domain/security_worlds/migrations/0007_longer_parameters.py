from django.db import migrations, models


class Migration(migrations.Migration):
    """Names of algorithms are parameters too: `ML-KEM-1024`."""

    dependencies = [("worlds", "0006_statement_keys")]

    operations = [
        migrations.AlterField(
            model_name="protectedkey", name="parameter", field=models.CharField(max_length=16)
        ),
    ]
