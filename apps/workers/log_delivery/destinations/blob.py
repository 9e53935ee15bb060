"""Azure Blob Storage and compatible services, through azure-storage-blob over connections of the guard."""

import hashlib
from typing import Any

import requests
import urllib3
from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.core.pipeline.transport import RequestsTransport
from azure.storage.blob import ContainerClient, ContentSettings
from requests.adapters import HTTPAdapter

from apps.core.outbound_http import (
    CONNECT_SECONDS,
    RESPONSE_SECONDS,
    AddressRefused,
    pool_classes,
    split_url,
    tls_context,
)
from apps.workers.log_delivery.destinations import Sink, SinkConfig


class BlobSink(Sink):
    """Block blobs. A repeated delivery overwrites them; where a policy forbids that, the same blob may be there."""

    errors = (AzureError,)

    def __init__(self, config: SinkConfig) -> None:
        settings = config.settings
        split_url(settings["account_url"])
        self._prefix = config.prefix
        session = requests.Session()
        session.trust_env = False  # no proxy, no .netrc
        session.max_redirects = 0
        session.mount("https://", _GuardedAdapter(config))
        session.mount("http://", _RefusingAdapter())
        self._container = ContainerClient(
            account_url=settings["account_url"],
            container_name=settings["container"],
            credential=_credential(config),
            transport=RequestsTransport(session=session, session_owner=False, use_env_settings=False),
            retry_total=0,  # the delivery worker tries again later
            connection_timeout=CONNECT_SECONDS,
            read_timeout=RESPONSE_SECONDS,
        )
        self._session = session

    def _store(self, name: str, data: bytes) -> None:
        blob = self._container.get_blob_client(f"{self._prefix}/{name}")
        digest = bytearray(hashlib.md5(data, usedforsecurity=False).digest())  # the service checks and stores it
        described = ContentSettings(content_type="application/octet-stream", content_md5=digest)
        try:
            blob.upload_blob(data, overwrite=True, validate_content=True, content_settings=described)
        except ResourceExistsError:
            stored = blob.get_blob_properties()
            if (stored.size, stored.content_settings.content_md5) != (len(data), digest):
                raise

    def advice(self, error: Exception) -> str:
        if isinstance(error, ResourceNotFoundError):
            return "There is no such container. Make it, or correct its name."
        if not isinstance(error, HttpResponseError):
            return super().advice(error)
        if error.status_code in (401, 403):
            return (
                "The storage rejects these credentials. Enter credentials that can write, and that can read where an "
                "immutability policy forbids overwriting."
            )
        return f"The storage refused the object (HTTP {error.status_code}). Its own log says why."

    def close(self) -> None:
        self._container.close()
        self._session.close()


class _GuardedAdapter(HTTPAdapter):
    def __init__(self, config: SinkConfig) -> None:
        self._config = config
        super().__init__(max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        """Create the adapter's pool, with our connections and our TLS."""
        self.poolmanager = urllib3.PoolManager(connections, maxsize=maxsize, block=block, **options)
        self.poolmanager.pool_classes_by_scheme = pool_classes(self._config.guard)

    def build_connection_pool_key_attributes(self, *_: Any, **__: Any) -> Any:
        """Use the same TLS context for every request."""
        request, *_rest = _
        host, port = split_url(request.url)
        context = tls_context(self._config.ca_pem)
        return {"scheme": "https", "host": host, "port": port}, {"ssl_context": context}

    def cert_verify(self, *_: Any, **__: Any) -> None:
        """Nothing: the TLS context decides."""


class _RefusingAdapter(HTTPAdapter):
    def send(self, *_: Any, **__: Any) -> Any:
        """Refuse a redirect to an address without TLS."""
        raise AddressRefused("The storage points to an address without TLS. Check the address of the account.")


def _credential(config: SinkConfig) -> Any:
    from azure.core.credentials import AzureNamedKeyCredential, AzureSasCredential  # noqa: PLC0415

    if sas := config.credentials.get("sas_token"):
        return AzureSasCredential(sas.lstrip("?"))
    host, _ = split_url(config.settings["account_url"])
    path = config.settings["account_url"].split("://", 1)[1].partition("/")[2].strip("/")
    # https://<account>.blob.core.windows.net, or https://<host>/<account> of stores elsewhere.
    return AzureNamedKeyCredential(path or host.split(".", 1)[0], config.credentials["account_key"])
