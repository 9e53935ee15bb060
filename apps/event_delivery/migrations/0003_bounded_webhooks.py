from django.db import migrations, models

# The web process inserts webhooks and changes deliveries by its database role. A value that the event worker cannot
# count on, send or show would stop that webhook, or the page of all webhooks of the vault.
VALUES = """
ALTER TABLE event_delivery_subscription
    ADD CONSTRAINT subscription_plain_name CHECK (name ~ '^[a-z0-9]([a-z0-9-]*[a-z0-9])?$'),
    ADD CONSTRAINT subscription_types CHECK (jsonb_typeof(types) = 'array'
        AND NOT jsonb_path_exists(types, 'strict $[*] ? (@.type() != "string")', '{}', true)),
    ADD CONSTRAINT subscription_failures CHECK (failures BETWEEN 0 AND 1000000000);
ALTER TABLE event_delivery_delivery
    ADD CONSTRAINT delivery_attempts CHECK (attempts BETWEEN 0 AND 1000000000);
"""
NO_VALUES = """
ALTER TABLE event_delivery_subscription DROP CONSTRAINT subscription_plain_name, DROP CONSTRAINT subscription_types,
    DROP CONSTRAINT subscription_failures;
ALTER TABLE event_delivery_delivery DROP CONSTRAINT delivery_attempts;
"""


class Migration(migrations.Migration):
    """No row of a webhook stops the event worker or a page; few or many that were given up are found as quickly."""

    dependencies = [("event_delivery", "0002_recorded")]

    operations = [
        migrations.RunSQL(VALUES, NO_VALUES),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                models.F("subscription"),
                models.OrderBy(models.F("created"), descending=True),
                condition=models.Q(state="dead"),
                name="delivery_dead",
            ),
        ),
    ]
