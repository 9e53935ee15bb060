from django.db import migrations

# As audit_reader's migration 0003: a webhook or a signing secret that was written without its record is kept for the
# auditors.
CREATE = """
CREATE CONSTRAINT TRIGGER webhook_is_recorded AFTER INSERT ON event_delivery_subscription
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION note_unrecorded_change('WebhookPut', 'id');
CREATE CONSTRAINT TRIGGER webhook_secret_is_recorded AFTER INSERT ON event_delivery_signingsecret
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    EXECUTE FUNCTION note_unrecorded_change('WebhookPut WebhookSecretPut', 'id');
"""
DROP = """
DROP TRIGGER webhook_is_recorded ON event_delivery_subscription;
DROP TRIGGER webhook_secret_is_recorded ON event_delivery_signingsecret;
"""


class Migration(migrations.Migration):
    """Webhooks that were added without an audit record."""

    dependencies = [("event_delivery", "0001_webhooks"), ("auditing", "0007_deleted_vaults_are_recorded")]

    operations = [migrations.RunSQL(CREATE, DROP)]
