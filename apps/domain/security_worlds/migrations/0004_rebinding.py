import django.contrib.postgres.fields
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('worlds', '0003_purpose'),
    ]

    operations = [
        migrations.CreateModel(
            name='Rebinding',
            fields=[
                ('protected_id', models.UUIDField(primary_key=True, serialize=False)),
                ('operations', django.contrib.postgres.fields.ArrayField(base_field=models.CharField(max_length=16), size=None)),
                ('blob', models.BinaryField()),
                ('mac', models.BinaryField()),
            ],
            options={
                'default_permissions': (),
            },
        ),
    ]
