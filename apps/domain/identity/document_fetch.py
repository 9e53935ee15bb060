"""Fetches a document from an address that a caller supplied, through the guard of `apps.core.outbound_http`."""

import json
from typing import Any
from urllib.parse import urlsplit

import urllib3
from django.conf import settings

from apps.core.errors import BadRequest, Unavailable
from apps.core.outbound_http import AddressRefused, Guard, get, http_pool, split_url, tls_context

_SECONDS = 4.0


class BadAddress(BadRequest):
    """Not an https address that we would ask."""


class NoDocument(Unavailable):
    """The address gives no JSON object now."""


def check_address(url: str) -> None:
    """Raise `BadAddress` for what cannot be the address of a document: the form alone, nothing is resolved."""
    try:
        split_url(url)
    except AddressRefused as error:
        raise BadAddress(str(error)) from None
    if urlsplit(url).query:
        raise BadAddress("An https address without query is needed.")


def fetch_json(url: str) -> dict[str, Any]:
    """The JSON object at an address. Raises `BadAddress`, `NoDocument`."""
    check_address(url)
    guard = Guard(hosts=settings.FEDERATION_INSIDE_HOSTS)
    with http_pool(guard, tls_context(ca_file=settings.FEDERATION_CA_FILE), _SECONDS) as pool:
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
