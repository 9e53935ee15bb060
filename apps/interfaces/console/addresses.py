"""Addresses that a request asks to be redirected to."""

from django.http import HttpRequest
from django.utils.http import url_has_allowed_host_and_scheme


def is_own_address(request: HttpRequest, url: str) -> bool:
    """Tell whether an address is a page of the host of the request: no other host is ours to send people to."""
    return url_has_allowed_host_and_scheme(url, allowed_hosts={request.get_host()}, require_https=True)
