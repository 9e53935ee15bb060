"""The receiver of one webhook: the handshake with it, and the messages to it.

CloudEvents "HTTP 1.1 Web Hooks" section 4 and Event Grid "Endpoint validation" have the handshakes; every message is
signed as Standard Webhooks says.
"""

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any
from uuid import UUID

import orjson
import urllib3
from django.conf import settings

from apps.core.clock import now
from apps.core.outbound_http import AddressRefused, Answer, Guard, exchange, http_pool, tls_context
from apps.core.standard_webhooks import key_of, signed_headers
from apps.domain.events.rules import Facts, VaultNames, to_cloud_event, to_event_grid
from apps.domain.hsm_client import client
from apps.domain.hsm_client.protocol import OpenWebhook
from apps.domain.identity.queries import addresses, get_organisation
from apps.event_delivery.models import Subscription

_OPENING_SECONDS = 10.0
_MOST_OPEN = 256
_REOPENED_AFTER = 60.0  # seconds: an earlier secret ends at its time

_CLOUD_EVENTS = Subscription.Schema.CLOUD_EVENTS


class ReceiverError(Exception):
    """The receiver did not accept a message. The text of the error says what to do, and never quotes the receiver."""

    def __init__(self, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.status = status  # of the answer; None: there was none


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An open webhook. Used by one thread at a time."""

    url: str
    schema: str
    name: str
    vault: VaultNames
    changed: datetime
    opened: float  # monotonic seconds
    pool: urllib3.PoolManager
    keys: list[bytes] = field(repr=False)

    def send(self, facts: Facts, *, attempt: int) -> int:
        """Send an event. Returns the status of the answer, 2xx. Raises `ReceiverError`."""
        if self.schema == _CLOUD_EVENTS:
            body = orjson.dumps(to_cloud_event(facts, self.vault))
            headers = {"Content-Type": "application/cloudevents+json; charset=utf-8"}
        else:
            body = orjson.dumps([to_event_grid(facts, self.vault)])
            headers = self._event_grid_headers("Notification", attempt=attempt)
        status = self._post(body, headers, identifier=str(facts.id)).status
        if not 200 <= status < 300:
            raise ReceiverError(_refused(status), status)
        return status

    def shake_hands(self) -> None:
        """Ask the receiver whether it wants events. Raises `ReceiverError`."""
        if self.schema == _CLOUD_EVENTS:
            self._ask_for_permission()
        else:
            self._validate()

    def close(self) -> None:
        self.pool.clear()

    def _ask_for_permission(self) -> None:
        """CloudEvents "HTTP 1.1 Web Hooks" section 4.1: an OPTIONS request, which the receiver allows by a header."""
        origin = self.vault.origin.removeprefix("https://").partition(":")[0]
        answer = self._exchange("OPTIONS", b"", {"WebHook-Request-Origin": origin})
        allowed = answer.headers.get("WebHook-Allowed-Origin", "").strip().lower()
        if not 200 <= answer.status < 300 or allowed not in ("*", origin.lower()):
            raise ReceiverError(
                f"The receiver must answer OPTIONS with 2xx and the header 'WebHook-Allowed-Origin: {origin}'.",
                answer.status,
            )

    def _validate(self) -> None:
        """Event Grid "Endpoint validation": the receiver returns the code of a validation event."""
        code = secrets.token_urlsafe(24)
        event = {
            "id": secrets.token_hex(16),
            "topic": self.vault.topic,
            "subject": "",
            "data": {"validationCode": code},
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "eventTime": now().isoformat(),
            "dataVersion": "1",
            "metadataVersion": "1",
        }
        headers = self._event_grid_headers("SubscriptionValidation", attempt=1)
        answer = self._post(orjson.dumps([event]), headers, identifier=str(event["id"]))
        if not 200 <= answer.status < 300 or _validation_response(answer.body) != code:
            raise ReceiverError(
                'The receiver must answer the validation event with 2xx and {"validationResponse": "<the code>"}.',
                answer.status,
            )

    def _event_grid_headers(self, event_type: str, *, attempt: int) -> dict[str, str]:
        return {
            "Content-Type": "application/json; charset=utf-8",
            "aeg-event-type": event_type,
            "aeg-subscription-name": self.name.upper(),
            "aeg-delivery-count": str(attempt - 1),
        }

    def _post(self, body: bytes, headers: dict[str, str], *, identifier: str) -> Answer:
        signed = signed_headers(self.keys, identifier=identifier, moment=int(now().timestamp()), body=body)
        return self._exchange("POST", body, headers | signed)

    def _exchange(self, method: str, body: bytes, headers: dict[str, str]) -> Answer:
        try:
            return exchange(self.pool, method, self.url, body, headers)
        except AddressRefused as error:
            raise ReceiverError(str(error)) from None
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise ReceiverError(_advice(error)) from None


class OpenEndpoints:
    """The webhooks whose secrets this process has opened; the least recently used are dropped."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: OrderedDict[UUID, Endpoint] = OrderedDict()

    def get(self, row: Subscription) -> Endpoint:
        """Return the open webhook; its secrets are opened when they may have changed. Raises `VaultError`s."""
        with self._lock:
            known = self._known.pop(row.pk, None)
            moment = time.monotonic()
            if known is not None and known.changed == row.changed and moment - known.opened < _REOPENED_AFTER:
                self._known[row.pk] = known
                return known
        if known is not None:
            known.close()
        made = _open(row)
        with self._lock:
            self._known[row.pk] = made
            dropped = self._known.popitem(last=False)[1] if len(self._known) > _MOST_OPEN else None
        if dropped is not None:
            dropped.close()
        return made


def _open(row: Subscription) -> Endpoint:
    request = OpenWebhook(time.time() + _OPENING_SECONDS, row.pk.hex)
    opened = client.call(world=row.vault.world.name, request=request)
    return Endpoint(
        url=row.url,
        schema=row.schema,
        name=row.name,
        vault=VaultNames.of(
            tenant_id=get_organisation().tenant_id,
            group=row.vault.world.name,
            name=row.vault.name,
            origin=f"https://{row.vault.name}.{addresses().authority_part}",
        ),
        changed=row.changed,
        opened=time.monotonic(),
        pool=http_pool(Guard.of(settings.DELIVERY_ALLOW), tls_context(row.ca_pem)),
        keys=[key_of(secret.decode()) for secret in opened],
    )


def _validation_response(body: bytes) -> Any:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return answer.get("validationResponse") if isinstance(answer, dict) else None


def _refused(status: int) -> str:
    if 300 <= status < 400:
        return "The receiver answers with a redirect, which is not followed. Add a webhook with its target address."
    return f"The receiver answered with HTTP {status}. It has to answer with 2xx."


def _advice(error: BaseException) -> str:
    """Return what to do about a failed connection. The cause may be inside the error that the library raised."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, AddressRefused):
            return str(cause)
        inner = getattr(cause, "reason", None)
        cause = inner if isinstance(inner, BaseException) else cause.__cause__ or cause.__context__
    if "certificate" in str(error).lower():
        return "The receiver's certificate is not signed by the given authority, or is for another name."
    return "The receiver does not answer in time. Check its address, and that this machine can reach it."
