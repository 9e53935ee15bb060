"""Receivers of webhooks over TLS, and vaults of the running system that send to them."""

import contextlib
import json
import threading
import uuid

import pytest
from azure.keyvault.secrets import SecretClient
from standardwebhooks import Webhook

from tests.support.certificate_authority import Authority
from tests.support.https_server import Handler, HttpsServer
from tests.support.management import vault_name
from tests.support.waiting import wait_until


class Receiver:
    """A receiver of events. `status`: of its answers; `gate`: they wait for it; `willing`: to shake hands."""

    def __init__(self, authority):
        self.status, self.willing, self.gate = 200, True, threading.Event()
        self.gate.set()
        self.messages, self.handshakes, self._lock = [], [], threading.Lock()
        self._server = HttpsServer(self._handler(), *authority.issue("receiver"))
        self.url = f"https://localhost:{self._server.port}/events"

    def close(self):
        self._server.close()

    def events(self, *, kind="", secret=""):
        """The events that were accepted, in the order of their arrival, each verified if there is a secret."""
        with self._lock:
            messages = list(self.messages)
        for headers, body in messages if secret else ():
            Webhook(secret).verify(body, headers)
        parsed = [json.loads(body) for _, body in messages]
        flat = [event[0] if isinstance(event, list) else event for event in parsed]
        return [event for event in flat if kind in event.get("type", event.get("eventType"))]

    def _handler(receiver):  # noqa: N805  the handler has the name self
        class Handling(Handler):
            def do_OPTIONS(self):
                origin = self.headers["WebHook-Request-Origin"]
                receiver.handshakes.append(origin)
                self.answer(200, headers={"WebHook-Allowed-Origin": origin} if receiver.willing else {})

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                headers = {name.lower(): value for name, value in self.headers.items()}
                if headers.get("aeg-event-type") == "SubscriptionValidation":
                    receiver.handshakes.append(body)
                    code = json.loads(body)[0]["data"]["validationCode"] if receiver.willing else "no"
                    self.answer(200, json.dumps({"validationResponse": code}).encode())
                    return
                receiver.gate.wait(60)
                if receiver.status < 300:
                    with receiver._lock:
                        receiver.messages.append((headers, body))
                with contextlib.suppress(OSError):  # the sender has given up meanwhile
                    self.answer(receiver.status)

        return Handling


class Sender:
    """A vault that has webhooks."""

    def __init__(self, management, stack, url):
        self.management, self.name = management, vault_name(url)
        self.secrets = stack.sdk(SecretClient, url)

    def ask(self, method, *path, body=None, status=200):
        answer = self.management.ask(method, "/".join([f"vaults/{self.name}/webhooks", *path]), body)
        assert answer.status == status, answer.data
        return answer.json() if answer.data else None

    def add(self, receiver, authority, *, valid=True, **settings):
        """Add a webhook; its name and its secret."""
        name = f"w-{uuid.uuid4().hex[:8]}"
        body = {"name": name, "url": receiver.url, "ca_pem": authority.pem, **settings}
        secret = self.ask("POST", body=body, status=201)["secret"]
        wait_until(lambda: (row := self.ask("GET", name))["handshake"] and row["valid"] is valid, "the handshake")
        return name, secret


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("authority"), "receivers of the tests")


@pytest.fixture
def receivers(authority):
    """Makes receivers."""
    made = []

    def make():
        made.append(Receiver(authority))
        return made[-1]

    yield make
    for receiver in made:
        receiver.close()


@pytest.fixture
def receiver(receivers):
    return receivers()


@pytest.fixture
def sender(management, stack):
    made = Sender(management, stack, management.vault())
    yield made
    for row in made.ask("GET"):
        made.ask("DELETE", row["name"], status=204)
