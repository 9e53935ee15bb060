from django.db import migrations, models


class Migration(migrations.Migration):
    """What a caller was only refused at, for the sweep; it is a small part, so that writers wait for a second at most."""

    dependencies = [
        ('usage', '0004_explained'),
    ]

    operations = [
        migrations.AddIndex(
            'usecount',
            models.Index(condition=models.Q(('done', 0)), fields=['caller_id', '-last', 'id'], name='usage_in_vain'),
        ),
    ]
