from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name='SharedState',
            fields=[
                ('key', models.CharField(max_length=64, primary_key=True, serialize=False)),
                ('value', models.JSONField()),
                ('expires', models.DateTimeField(db_index=True)),
            ],
            options={
                'default_permissions': (),
            },
        ),
    ]
