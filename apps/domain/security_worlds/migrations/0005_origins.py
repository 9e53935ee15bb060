from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("worlds", "0004_rebinding")]

    operations = [
        migrations.AddField(
            model_name="protectedkey",
            name="origin",
            field=models.CharField(
                choices=[
                    ("", "not recorded"),
                    ("generated", "Generated"),
                    ("imported", "Imported"),
                    ("transferred", "Transferred"),
                ],
                db_default="",
                default="",
                max_length=12,
            ),
        ),
        migrations.AddField(
            model_name="protectedkey",
            name="restored",
            field=models.BooleanField(db_default=False, default=False),
        ),
    ]
