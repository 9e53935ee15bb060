from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("auditing", "0001_long_work_and_reviews")]

    operations = [
        migrations.AddField("attestation", "facts", models.JSONField(null=True)),
    ]
