"""Azure Blob Storage and compatible services, through azure-storage-blob over connections of the guard."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
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
from apps.workers.log_delivery.destinations import TEST_NAME, TEST_TEXT, SinkConfig, SinkError, connection_advice


class BlobSink:
    """Block blobs. A repeated delivery overwrites them; where a policy forbids that, the same blob may be there."""

    def __init__(self, config: SinkConfig) -> None:
        settings = config.settings
        split_url(settings["account_url"])
        self._prefix = "/".join(filter(None, (settings.get("prefix", ""), config.folder)))
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

    def put(self, name: str, data: bytes) -> None:
        blob = self._container.get_blob_client(f"{self._prefix}/{name}")
        digest = bytearray(hashlib.md5(data, usedforsecurity=False).digest())  # the service checks and stores it
        described = ContentSettings(content_type="application/octet-stream", content_md5=digest)
        with _translated_errors():
            try:
                blob.upload_blob(data, overwrite=True, validate_content=True, content_settings=described)
            except ResourceExistsError:
                stored = blob.get_blob_properties()
                if (stored.size, stored.content_settings.content_md5) != (len(data), digest):
                    raise

    def check(self) -> None:
        self.put(TEST_NAME, TEST_TEXT)

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
        context = tls_context(self._config.settings.get("ca_pem", ""))
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


@contextmanager
def _translated_errors() -> Iterator[None]:
    try:
        yield
    except AddressRefused as error:
        raise SinkError(str(error)) from None
    except ResourceNotFoundError:
        raise SinkError("There is no such container. Make it, or correct its name.") from None
    except HttpResponseError as error:
        if error.status_code in (401, 403):
            raise SinkError(
                "The storage rejects these credentials. Enter credentials that can write, and that can read where an "
                "immutability policy forbids overwriting."
            ) from None
        raise SinkError(f"The storage refused the object (HTTP {error.status_code}). Its own log says why.") from None
    except AzureError as error:
        raise SinkError(connection_advice(error)) from None
