"""Blocks of addresses: what one sender controls, for limits by sender."""

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address

_IPV6_BITS = 64  # the smallest network that providers assign (RFC 6177); its holder has 2^64 addresses


@lru_cache(maxsize=4096)
def address_block(address: str) -> str:
    """The block of an address: an IPv4 address alone, of an IPv6 address its /64; "" for a text that is no address."""
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return ""
    if isinstance(parsed, IPv4Address):
        return str(parsed)
    mapped = parsed.ipv4_mapped
    return str(mapped) if mapped else f"{IPv6Address(int(parsed) >> _IPV6_BITS << _IPV6_BITS)}/{_IPV6_BITS}"
