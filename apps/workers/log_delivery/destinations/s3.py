"""S3 and compatible services, through boto3. All connections pass the guard. Settings: apps/log_delivery/rules.py."""

import base64
import hashlib
from typing import Any

import boto3
import urllib3
from botocore.awsrequest import AWSHTTPSConnection
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from apps.core.outbound_http import CONNECT_SECONDS, RESPONSE_SECONDS, pool_classes, split_url, tls_context
from apps.workers.log_delivery.destinations import Sink, SinkConfig

_SENTENCES = {
    "NoSuchBucket": "There is no such bucket. Make it, or correct its name.",
    "AccessDenied": "The storage rejects these credentials. Allow them to put objects (s3:PutObject).",
    "InvalidAccessKeyId": "The storage does not know the access key id. Enter the credentials again.",
    "SignatureDoesNotMatch": "The secret access key is not the right one. Enter the credentials again.",
    "RequestTimeTooSkewed": "The clocks of this machine and of the storage differ too much. Set them right.",
}


class S3Sink(Sink):
    """Addresses buckets by path, so that they need no name in the DNS."""

    errors = (ClientError, BotoCoreError)

    def __init__(self, config: SinkConfig) -> None:
        settings = config.settings
        self._bucket, self._prefix = settings["bucket"], config.prefix
        split_url(settings["endpoint"])
        self._client = boto3.session.Session().client(
            "s3",
            endpoint_url=settings["endpoint"],
            region_name=settings.get("region") or "us-east-1",
            aws_access_key_id=config.credentials["access_key_id"],
            aws_secret_access_key=config.credentials["secret_access_key"],
            config=Config(
                s3={"addressing_style": "path"},
                retries={"total_max_attempts": 1},  # the delivery worker tries again later
                connect_timeout=CONNECT_SECONDS,
                read_timeout=RESPONSE_SECONDS,
                request_checksum_calculation="when_required",  # the header below is what every S3 understands
                parameter_validation=True,
            ),
        )
        # botocore takes no connection classes: its session's pool is replaced (see tests/log_delivery/test_sinks.py).
        session = self._client._endpoint.http_session  # noqa: SLF001  there is no public way
        manager = urllib3.PoolManager(
            ssl_context=tls_context(config.ca_pem),
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=RESPONSE_SECONDS),
        )
        manager.pool_classes_by_scheme = pool_classes(config.guard, AWSHTTPSConnection)
        session._manager = manager  # noqa: SLF001
        session._setup_ssl_cert = _nothing  # noqa: SLF001  the context above decides
        session._proxy_config.proxy_url_for = _nothing  # noqa: SLF001  a proxy would resolve names itself

    def _store(self, name: str, data: bytes) -> None:
        self._client.put_object(
            Bucket=self._bucket,
            Key=f"{self._prefix}/{name}",
            Body=data,
            ChecksumSHA256=base64.b64encode(hashlib.sha256(data).digest()).decode(),
        )

    def advice(self, error: Exception) -> str:
        if not isinstance(error, ClientError):
            return super().advice(error)
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return _SENTENCES.get(code, f"The storage refused the object (HTTP {status}). Its own log says why.")

    def close(self) -> None:
        self._client.close()


def _nothing(*_: Any, **__: Any) -> None:
    return None
