"""HTTPS webhooks: each object is posted and signed as Standard Webhooks says (standardwebhooks.com)."""

import uuid

import urllib3

from apps.core.clock import now
from apps.core.outbound_http import http_pool, post, tls_context
from apps.core.standard_webhooks import key_of, signed_headers
from apps.workers.log_delivery.destinations import Sink, SinkConfig, SinkError

_NAMESPACE = uuid.UUID("5f1d1c54-8d0e-4c1c-9a39-0d1f3d3f7a11")


class WebhookSink(Sink):
    """`webhook-id` depends on the object alone: a repeated delivery has the same."""

    errors = (urllib3.exceptions.HTTPError,)

    def __init__(self, config: SinkConfig) -> None:
        self._url, self._folder = config.settings["url"], config.folder
        self._key = key_of(config.credentials["secret"])
        self._pool = http_pool(config.guard, tls_context(config.ca_pem))

    def _store(self, name: str, data: bytes) -> None:
        path = f"{self._folder}/{name}"
        identifier = f"msg_{uuid.uuid5(_NAMESPACE, path).hex}"
        headers = {
            "Content-Type": "application/json" if name.endswith(".json") else "application/octet-stream",
            "X-Vault-Portal-Object": path,
            **signed_headers([self._key], identifier=identifier, moment=int(now().timestamp()), body=data),
        }
        status = post(self._pool, self._url, data, headers)
        if 300 <= status < 400:
            raise SinkError("The webhook points elsewhere, which we do not follow. Enter the address that it means.")
        if not 200 <= status < 300:
            raise SinkError(f"The webhook answered with HTTP {status}. It has to answer with 2xx.")

    def close(self) -> None:
        self._pool.clear()
