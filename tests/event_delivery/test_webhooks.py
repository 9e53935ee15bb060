"""Webhooks of the running system: handshakes, signatures, order, failures, and who may add them."""

import time

import pytest
from azure.keyvault.keys import KeyClient
from standardwebhooks import Webhook, WebhookVerificationError

from apps.audit_log.sealing import tag_of
from tests.event_delivery.conftest import Sender
from tests.support import programs, records
from tests.support.management import Management, vault_name
from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack

# Works on a webhook at a time in hours from now, as the worker does.
AT = """
from datetime import timedelta
from apps.core.clock import now
from apps.event_delivery.models import Subscription
from apps.workers.event_delivery.sending import work_on
for row in Subscription.objects.filter(name=sys.argv[1]):
    work_on(row.pk, clock=lambda: now() + timedelta(hours=float(sys.argv[2])))
"""


def versions(receiver, name, **options):
    """The versions of a secret in the order in which their events arrived."""
    events = receiver.events(kind="SecretNewVersion", **options)
    return [event["data"]["Version"] for event in events if event["data"]["ObjectName"] == name]


def test_events_arrive_signed_and_in_the_order_of_each_object(sender, receiver, authority, stack):
    name, secret = sender.add(receiver, authority)
    assert receiver.handshakes == [f"{sender.name}.{stack.vault_url.split('.', 1)[1].split(':')[0]}"]
    made = {object_name: [] for object_name in ("a", "b")}
    for number in range(6):
        object_name = "ab"[number % 2]
        made[object_name].append(sender.secrets.set_secret(object_name, str(number)).properties.version)
    key = stack.sdk(KeyClient, sender.secrets.vault_url).create_ec_key("signer")
    wait_until(lambda: receiver.events(kind="KeyNewVersion"), "the event of the key")
    wait_until(lambda: len(receiver.events()) == 7, "all events")
    assert {object_name: versions(receiver, object_name, secret=secret) for object_name in made} == made
    (event,) = receiver.events(kind="KeyNewVersion")
    assert event["data"]["Id"] == key.id
    headers, body = receiver.messages[0]
    assert headers["webhook-id"] == receiver.events()[0]["id"]
    assert headers["content-type"] == "application/cloudevents+json; charset=utf-8"
    replayed = {**headers, "webhook-timestamp": str(int(time.time()) - 600)}
    with pytest.raises(WebhookVerificationError, match="too old"):
        Webhook(secret).verify(body, replayed)
    later = {**headers, "webhook-timestamp": str(int(time.time()) - 1)}
    if later["webhook-timestamp"] != headers["webhook-timestamp"]:
        with pytest.raises(WebhookVerificationError, match="No matching"):
            Webhook(secret).verify(body, later)
    row = sender.ask("GET", name)
    assert (row["pending"], row["dead"], row["error"]) == (0, 0, "")


def test_two_secrets_sign_while_one_is_replaced(sender, receiver, authority):
    name, first = sender.add(receiver, authority)
    second = sender.ask("POST", name, "secret", body={"overlap_hours": 1})["secret"]
    sender.secrets.set_secret("a", "1")
    wait_until(lambda: len(receiver.events(secret=first)) == 1, "an event")
    assert receiver.events(secret=second)
    third = sender.ask("POST", name, "secret", body={"overlap_hours": 0})["secret"]
    receiver.messages.clear()
    sender.secrets.set_secret("a", "2")
    wait_until(lambda: len(receiver.events(secret=third)) == 1, "an event")
    for earlier in (first, second):
        with pytest.raises(WebhookVerificationError):
            receiver.events(secret=earlier)
    text = sender.management.ask("GET", f"vaults/{sender.name}/webhooks").data.decode()
    assert not any(secret[6:] in text for secret in (first, second, third))


def test_event_grid_and_a_receiver_that_does_not_want_events(sender, receiver, authority):
    receiver.willing = False
    types = ["Microsoft.KeyVault.SecretNewVersionCreated"]
    name, secret = sender.add(receiver, authority, valid=False, schema="eventgrid", types=types)
    assert "validationResponse" in sender.ask("GET", name)["error"]
    sender.secrets.set_secret("before", "1")
    receiver.willing = True
    sender.ask("POST", name, "validate", status=202)
    wait_until(lambda: sender.ask("GET", name)["valid"], "the handshake")
    other = {"application": "demo-application", "role": "key-vault-reader"}
    assert sender.management.ask("POST", f"vaults/{sender.name}/role-assignments", other).status in (200, 201, 204)
    sender.secrets.set_secret("after", "1")
    wait_until(lambda: len(receiver.events()) == 2, "the events")
    (headers, _), event = receiver.messages[-1], receiver.events(secret=secret)[-1]
    assert (event["eventType"], event["subject"], event["dataVersion"]) == (types[0], "after", "1")
    assert (headers["aeg-event-type"], headers["aeg-delivery-count"]) == ("Notification", "0")
    assert len(receiver.handshakes) == 2


def test_a_receiver_that_was_down_gets_everything_in_order(sender, receiver, authority):
    name, secret = sender.add(receiver, authority)
    receiver.status = 503
    made = [sender.secrets.set_secret("a", str(number)).properties.version for number in range(4)]
    wait_until(lambda: sender.ask("GET", name)["failures"] >= 2, "failures")
    assert "HTTP 503" in sender.ask("GET", name)["error"]
    (first,) = [row for row in sender.ask("GET", name, "deliveries") if row["attempts"]]
    assert (first["state"], first["status"]) == ("pending", 503)
    receiver.status = 200
    wait_until(lambda: versions(receiver, "a", secret=secret) == made, "all versions in order")
    wait_until(lambda: sender.ask("GET", name)["pending"] == 0, "the state of all deliveries")
    assert sender.ask("GET", name)["failures"] == 0


def test_what_cannot_be_delivered_for_a_day_is_given_up_and_sent_again_on_request(sender, receiver, authority):
    name, secret = sender.add(receiver, authority)
    receiver.status = 500
    made = sender.secrets.set_secret("a", "1").properties.version
    wait_until(lambda: sender.ask("GET", name)["failures"], "a failure")
    programs.output_of(AT, name, 23.9, settings="event_delivery", role="EVENTS")
    assert sender.ask("GET", name)["dead"] == 0

    def given_up():
        programs.output_of(AT, name, 24.5, settings="event_delivery", role="EVENTS")
        return sender.ask("GET", name)["dead"] == 1

    wait_until(given_up, "the end of the day", pause=0.5)
    (dead,) = [row for row in sender.ask("GET", name, "deliveries") if row["state"] == "dead"]
    receiver.status = 200
    assert sender.ask("POST", name, "redeliver", body={"id": dead["id"]}, status=202) == {"count": 1}
    sender.ask("POST", name, "test", status=202)
    # It rests, at a time of the test's own.
    wait_until(lambda: programs.output_of(AT, name, 24.9, settings="event_delivery", role="EVENTS") == ""
               and versions(receiver, "a", secret=secret) == [made], "the event", pause=0.5)  # fmt: skip
    wait_until(lambda: receiver.events(kind="SubscriptionTested"), "the test event")
    assert sender.ask("POST", name, "redeliver", body={}, status=202) == {"count": 0}


def test_a_slow_receiver_delays_no_other(sender, receivers, authority):
    slow, quick = receivers(), receivers()
    slow.gate.clear()
    for receiver in (slow, quick):
        sender.add(receiver, authority)
    made = [sender.secrets.set_secret("a", str(number)).properties.version for number in range(3)]
    wait_until(lambda: versions(quick, "a") == made, "the events of the quick one")
    assert not slow.events()
    slow.gate.set()
    wait_until(lambda: set(versions(slow, "a")) == set(made), "the events of the slow one")


def test_addresses_inside_the_network_are_not_contacted(sender):
    for number, url in enumerate(("https://10.0.0.1/hook", "https://[::1]/hook", "https://169.254.169.254/latest")):
        sender.ask("POST", body={"name": f"inside-{number}", "url": url}, status=201)
        wait_until(lambda name=f"inside-{number}": "public address" in sender.ask("GET", name)["error"], "a refusal")
    for url in (
        "http://example.com/",
        "https://user:secret@example.com/",
        "https://2130706433/",
        "ftp://x",
        "https://",
    ):
        sender.ask("POST", body={"name": "bad", "url": url}, status=400)
    for body in ({"types": ["No.Such.Type"]}, {"name": "Not A Name"}, {"schema": "xml"}, {"ca_pem": "no certificate"}):
        sender.ask("POST", body={"name": "bad", "url": "https://example.com/", **body}, status=400)


def test_only_security_operations_add_webhooks_and_each_change_is_recorded(sender, stack, management):
    developer, auditor = Management(stack, "DEVELOPER"), Management(stack, "AUDITOR")
    body = {"name": "mine", "url": "https://example.com/"}
    for person in (developer, auditor):
        for method, path in (("GET", ""), ("POST", ""), ("POST", "/mine/test"), ("DELETE", "/mine")):
            answer = person.ask(method, f"vaults/{sender.name}/webhooks{path}", body if method == "POST" else None)
            assert answer.status in (401, 403, 404), (method, path)
    sender.ask("POST", body=body, status=201)
    sender.ask("POST", body=body, status=409)
    sender.ask("DELETE", "mine", status=204)
    sender.ask("GET", "mine", status=404)
    found = records.running("object = %s AND log_id = (SELECT id FROM vaults_vault WHERE name = %s)",
                            [tag_of("object", "webhooks/mine"), sender.name])  # fmt: skip
    changes = [row["operation"] for row in found if row["phase"] == "outcome" and row["operation"] != "WebhookOpen"]
    assert changes == ["WebhookPut", "WebhookDelete"]


def test_a_webhook_of_a_production_vault_needs_an_approval(stack, management):
    name = vault_name(management.vault(production=True))
    answer = management.ask("POST", f"vaults/{name}/webhooks", {"name": "w", "url": "https://example.com/"})
    assert (answer.status, answer.json()["error"]["code"]) == (403, "SecondPersonNeeded")
    assert Sender(management, stack, stack.vault_url.replace("demo-europe", name)).ask("GET") == []
