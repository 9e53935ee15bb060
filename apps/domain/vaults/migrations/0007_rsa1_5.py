from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('vaults', '0006_auth_is_reserved'),
    ]

    operations = [
        migrations.AddField(
            model_name='vault',
            name='rsa1_5',
            field=models.BooleanField(default=False),
        ),
    ]
