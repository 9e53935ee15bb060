"""Addresses, all from one: the portal's. `portal.`, `login.`, `audit.` and the vaults share a suffix and a port."""

import re
import urllib.parse

from .problems import Exit, Problem

_VAULT = re.compile(r"[0-9A-Za-z](?:-?[0-9A-Za-z])*\Z")


def portal_of(url: str) -> str:
    """The portal's address, from what somebody typed. Raises `Problem`."""
    parts = _parts(url)
    if parts is None or not (parts.hostname or "").startswith("portal.") or "@" in parts.netloc:
        raise Problem(f"{url} is no portal's address; it looks like https://portal.vault.example.", Exit.USAGE)
    return f"https://{parts.netloc.lower()}"


def suffix_of(portal: str) -> str:
    """What all hosts share, with the port."""
    return urllib.parse.urlsplit(portal).netloc.partition(".")[2]


def portal_beside(authority: str) -> str:
    """The portal of the installation that an authority belongs to. Raises `Problem`."""
    parts = _parts(authority)
    if parts is None or not (parts.hostname or "").startswith("login."):
        raise Problem(f"{authority} is no authority's address; it looks like https://login.vault.example.", Exit.USAGE)
    return f"https://portal.{parts.netloc.lower().partition('.')[2]}"


def authority_of(portal: str) -> str:
    """Where applications get tokens."""
    return f"https://login.{suffix_of(portal)}"


def resource_of(portal: str) -> str:
    """The audience of their tokens (docs/reference/wire-contract.md section 2.2)."""
    return f"https://{suffix_of(portal)}"


def vault_of(portal: str, name: str) -> str:
    """A vault's address. Raises `Problem` for what is no vault's name: it would be another host."""
    if not _VAULT.match(name):
        raise Problem(f"'{name}' is no vault's name: letters, digits and hyphens.", Exit.USAGE)
    return f"https://{name.lower()}.{suffix_of(portal)}"


def audit_of(portal: str) -> str:
    """Where auditors read, unless a sign-in or PORTAL_AUDIT_URL says otherwise."""
    return f"https://audit.{suffix_of(portal)}"


def audit_told(portal: str, url: str) -> str:
    """What a portal says of the auditors' address: the same installation, whatever port; "" for anything else."""
    parts, ours = _parts(url), _parts(audit_of(portal))
    if parts is None or ours is None or parts.hostname != ours.hostname or "@" in parts.netloc:
        return ""
    return f"https://{parts.netloc}"


def _parts(url: str) -> urllib.parse.SplitResult | None:
    """Of what somebody typed; None for what is no https address."""
    try:
        parts = urllib.parse.urlsplit(url if "://" in url else f"https://{url}")
        _ = parts.port  # raises for what is no number
    except ValueError:
        return None
    return parts if parts.scheme == "https" else None
