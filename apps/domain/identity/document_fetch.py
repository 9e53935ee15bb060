"""Documents at addresses that a caller supplied, fetched through the guard of `apps.core.outbound_http`."""

import json
from ssl import SSLContext
from typing import Any
from urllib.parse import urlsplit

import urllib3
from django.conf import settings

from apps.core.errors import BadRequest, Unavailable
from apps.core.outbound_http import AddressRefused, Guard, get, http_pool, split_url, tls_context

_SECONDS = 4.0


class BadAddress(BadRequest):
    """Not an https address that we contact."""


class NoDocument(Unavailable):
    """The address does not return a JSON object now."""


def check_address(url: str) -> None:
    """Raise `BadAddress` for an invalid address. Only its form is checked; nothing is resolved."""
    try:
        split_url(url)
    except AddressRefused as error:
        raise BadAddress(str(error)) from None
    if urlsplit(url).query:
        raise BadAddress("An https address without query is needed.")


def fetch_json(url: str, *, context: SSLContext | None = None) -> dict[str, Any]:
    """Fetch the JSON object at an address. Raises `BadAddress`, `NoDocument`.

    `context`: instead of that of workload identity federation.
    """
    check_address(url)
    guard = Guard(hosts=settings.FEDERATION_INSIDE_HOSTS)
    context = context or tls_context(ca_file=settings.FEDERATION_CA_FILE)
    with http_pool(guard, context, _SECONDS) as pool:
        try:
            status, data = get(pool, url, {"Accept": "application/json"})
            document = json.loads(data) if status == 200 else None
        except AddressRefused:
            raise BadAddress("The issuer's name leads inside this network. Nothing was asked there.") from None
        except (urllib3.exceptions.HTTPError, OSError):
            raise NoDocument("The issuer does not answer. Try again shortly.") from None
        except (ValueError, RecursionError):
            document = None
    if not isinstance(document, dict):
        raise NoDocument("The issuer gave no usable document. Try again shortly.")
    return document
