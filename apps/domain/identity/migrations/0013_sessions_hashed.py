from django.db import migrations

# What is stored are the values of cookies until now. They are not hashed, but end: a copy of the database has them.
END = """
DELETE FROM usersessions_usersession;
DELETE FROM django_session;
DELETE FROM identity_auditorsession;
"""


class Migration(migrations.Migration):
    """Sessions are stored under a hash of the cookie's value: those of before end."""

    dependencies = [("identity", "0012_second_factors_apart")]
    operations = [migrations.RunSQL(END, migrations.RunSQL.noop)]
