from django.db import migrations


class Migration(migrations.Migration):
    """The model gets the name of its concept; its table keeps the old one, so that nothing changes in the database."""

    dependencies = [
        ('usage', '0005_in_vain'),
    ]

    operations = [
        migrations.AlterModelTable('refusal', 'usage_refusal'),
        migrations.RenameModel('Refusal', 'Denial'),
    ]
