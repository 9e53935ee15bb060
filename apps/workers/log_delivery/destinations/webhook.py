"""HTTPS webhooks: each object is posted and signed as Standard Webhooks says (standardwebhooks.com)."""

import base64
import hashlib
import hmac
import uuid

import urllib3

from apps.core.clock import now
from apps.core.outbound_http import http_pool, post, tls_context
from apps.workers.log_delivery.destinations import Sink, SinkConfig, SinkError

_NAMESPACE = uuid.UUID("5f1d1c54-8d0e-4c1c-9a39-0d1f3d3f7a11")


class WebhookSink(Sink):
    """`webhook-id` depends on the object alone: a repeated delivery has the same."""

    errors = (urllib3.exceptions.HTTPError,)

    def __init__(self, config: SinkConfig) -> None:
        self._url, self._folder = config.settings["url"], config.folder
        self._key = base64.b64decode(config.credentials["secret"].removeprefix("whsec_"))
        self._pool = http_pool(config.guard, tls_context(config.ca_pem))

    def _store(self, name: str, data: bytes) -> None:
        path = f"{self._folder}/{name}"
        identifier, moment = f"msg_{uuid.uuid5(_NAMESPACE, path).hex}", str(int(now().timestamp()))
        headers = {
            "Content-Type": "application/json" if name.endswith(".json") else "application/octet-stream",
            "X-Vault-Portal-Object": path,
            "webhook-id": identifier,
            "webhook-timestamp": moment,
            "webhook-signature": signature(self._key, identifier, moment, data),
        }
        status = post(self._pool, self._url, data, headers)
        if 300 <= status < 400:
            raise SinkError("The webhook points elsewhere, which we do not follow. Enter the address that it means.")
        if not 200 <= status < 300:
            raise SinkError(f"The webhook answered with HTTP {status}. It has to answer with 2xx.")

    def close(self) -> None:
        self._pool.clear()


def signature(key: bytes, identifier: str, moment: str, body: bytes) -> str:
    """Compute the header `webhook-signature` of a message."""
    signed = f"{identifier}.{moment}.".encode() + body
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
