"""Public keys of issuers (RFC 7517, RFC 7518 section 6), as their JWK Sets publish them. Pure.

A set comes from outside, so a key is reduced to the members that a public RSA or EC key has. All else is left out: a
private part would have its numbers checked or factored, which takes any amount of time, and a value that is no text
may have no form in a message to an HSM worker.
"""

import re
from collections.abc import Mapping
from typing import Any

import jwt

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512")
_MEMBERS = {"RSA": ("n", "e"), "EC": ("crv", "x", "y")}
_LONGEST_NAME = 512  # characters of a `kid`
_IS_SHORT_BASE64URL = re.compile(r"[A-Za-z0-9_-]{1,2736}={0,2}\Z").match  # 16 384 bits, OpenSSL's longest RSA key
_CURVES = frozenset({"P-256", "P-384", "P-521"})

PublicJwk = dict[str, str]


def readable_keys(document: Mapping[str, Any]) -> dict[str, PublicJwk]:
    """Map kid to public key. What is no key, or one that verifies none of `ALGORITHMS`, is left out."""
    entries = document.get("keys")
    found = ((_name(entry), public_half(entry)) for entry in (entries if isinstance(entries, list) else []))
    return {name: key for name, key in found if name and key is not None}


def parse_jwks(document: Mapping[str, Any]) -> dict[str, Any]:
    """Map kid to key, as `cryptography` has it."""
    return {name: jwt.PyJWK(key).key for name, key in readable_keys(document).items()}


def public_half(entry: Any) -> PublicJwk | None:
    """Reduce a JWK to a public key that can be loaded; None for anything else."""
    if not isinstance(entry, Mapping):
        return None
    key_type, algorithm = entry.get("kty"), entry.get("alg")
    if (
        not isinstance(key_type, str)
        or key_type not in _MEMBERS
        or (algorithm is not None and not _verifies(algorithm))
    ):
        return None
    key: dict[str, Any] = {"kty": key_type, **{name: entry.get(name) for name in _MEMBERS[key_type]}}
    if not all(isinstance(value, str) and (value in _CURVES or _IS_SHORT_BASE64URL(value)) for value in key.values()):
        return None
    if algorithm is not None:
        key["alg"] = algorithm
    try:
        jwt.PyJWK(key)
    except Exception:  # noqa: BLE001  foreign values in any place: which errors they cause is not documented
        return None
    return key


def _verifies(algorithm: Any) -> bool:
    return isinstance(algorithm, str) and algorithm in ALGORITHMS


def _name(entry: Any) -> str:
    """The `kid`; "" for one that is no short printable text, nor a number."""
    kid = entry.get("kid") if isinstance(entry, Mapping) else None
    if isinstance(kid, int) and abs(kid) < 2**64:
        kid = str(kid)
    return kid if isinstance(kid, str) and kid.isprintable() and len(kid) <= _LONGEST_NAME else ""
