from django.db import migrations, models


class Migration(migrations.Migration):
    """Who somebody said to be, and of a throttled request the limit and the wait; code of before goes on writing."""

    dependencies = [
        ('usage', '0003_refusals'),
    ]

    operations = [
        migrations.AddField('refusal', 'claimed', models.UUIDField(null=True)),
        migrations.AddField('refusal', 'limit', models.PositiveIntegerField(db_default=0, default=0)),
        migrations.AddField('refusal', 'wait', models.PositiveIntegerField(db_default=0, default=0)),
        migrations.AddIndex(
            'refusal',
            models.Index(
                condition=models.Q(('claimed__isnull', False)),
                fields=['claimed', 'reason', '-at'],
                name='usage_refusal_claimed',
            ),
        ),
    ]
