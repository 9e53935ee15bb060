"""Addresses, all derived from the portal's: `portal.`, `login.`, `audit.` and the vaults share a suffix and a port."""

import re
import urllib.parse

from .errors import CliError, usage_error

_VAULT = re.compile(r"[0-9A-Za-z](?:-?[0-9A-Za-z])*\Z")


def parse_portal_url(url: str) -> str:
    """The portal's address from user input. Raises `CliError`."""
    parts = _parse(url)
    if parts is None or not (parts.hostname or "").startswith("portal.") or "@" in parts.netloc:
        raise usage_error(f"{url} is not the address of a portal, for example https://portal.vault.example.")
    return f"https://{parts.netloc.lower()}"


def portal_url_of_authority(authority: str) -> str:
    """The portal of the installation that the authority belongs to. Raises `CliError`."""
    parts = _parse(authority)
    if parts is None or not (parts.hostname or "").startswith("login."):
        raise usage_error(f"{authority} is not the address of an authority, for example https://login.vault.example.")
    return f"https://portal.{parts.netloc.lower().partition('.')[2]}"


def host_suffix(portal: str) -> str:
    """The suffix of all hosts, with the port."""
    return urllib.parse.urlsplit(portal).netloc.partition(".")[2]


def vault_url(portal: str, name: str) -> str:
    """A vault's address. Raises `CliError` for an invalid name: it could name another host."""
    if not _VAULT.match(name):
        raise usage_error(f"'{name}' is not a vault name: use letters, digits and hyphens.")
    return f"https://{name.lower()}.{host_suffix(portal)}"


def audit_url(portal: str) -> str:
    """The auditors' address, unless the session or PORTAL_AUDIT_URL has another one."""
    return f"https://audit.{host_suffix(portal)}"


def trusted_audit_url(portal: str, url: str) -> str:
    """The auditors' address that a portal announces, whatever its port; "" if it is another installation's."""
    parts, expected = _parse(url), _parse(audit_url(portal))
    if parts is None or expected is None or parts.hostname != expected.hostname or "@" in parts.netloc:
        return ""
    return f"https://{parts.netloc}"


def quote_path(segments: tuple[str, ...]) -> str:
    """Segments of a path, quoted."""
    return "/".join(urllib.parse.quote(segment, safe="") for segment in segments)


def next_page(url: str, link: str) -> str:
    """The address that a page of a list links to; "" if none. Raises `CliError` for another host: it gets no token."""
    if not link:
        return ""
    origin = _origin(url)
    following = origin + link if link.startswith("/") and not link.startswith("//") else link
    if _origin(following) != origin:
        raise CliError(f"The response links to another host, {_origin(following)}. The token is not sent there.")
    return following


def _origin(url: str) -> str:
    """The scheme and the host, which end at the third slash."""
    return "/".join(url.split("/")[:3]).lower().removesuffix(":443")


def _parse(url: str) -> urllib.parse.SplitResult | None:
    """None for anything but an https address."""
    try:
        parts = urllib.parse.urlsplit(url if "://" in url else f"https://{url}")
        _ = parts.port  # raises for a port that is not a number
    except ValueError:
        return None
    return parts if parts.scheme == "https" else None
