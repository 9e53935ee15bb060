"""Release policies: the environments that may receive an exportable key (wire-contract.md section 11). Pure.

A policy is a tree of claims that an attestation token must have, below the authorities that are trusted:
`{"version": "1.0.0", "anyOf": [{"authority": URL, "allOf" | "anyOf": [{"claim": "a.b", "equals": v} | tree]}]}`.
"""

import json
from collections.abc import Mapping
from typing import Any

from apps.core.encoding import from_base64url
from apps.core.errors import BadRequest, Forbidden

CONTENT_TYPE = "application/json; charset=utf-8"
_LARGEST, _DEEPEST, _MOST = 16 * 1024, 8, 64


class BadReleasePolicy(BadRequest):
    """A release policy outside its grammar."""


class ReleasePolicyImmutable(BadRequest):
    """The policy was declared immutable."""


class ReleaseDenied(Forbidden):
    """The attestation does not satisfy the key's release policy."""

    code = "ReleaseRefused"


def validate_release_policy(policy: Mapping[str, Any]) -> dict[str, Any]:
    """Check a policy. Returns it as stored: contentType, data (base64url), immutable. Raises `BadReleasePolicy`."""
    data, content_type, immutable = policy.get("data"), policy.get("contentType"), policy.get("immutable")
    if not isinstance(data, str):
        raise BadReleasePolicy("The property 'release_policy.data' is required: base64url of the policy's JSON.")
    if not isinstance(content_type, str | None) or len(content_type or "") > 255:
        raise BadReleasePolicy("The property 'release_policy.contentType' must be a text.")
    if not isinstance(immutable, bool | None):
        raise BadReleasePolicy("The property 'release_policy.immutable' must be true or false.")
    _check_tree(parse(data))
    return {"contentType": content_type or CONTENT_TYPE, "data": data.rstrip("="), "immutable": bool(immutable)}


def parse(data: str) -> dict[str, Any]:
    """Parse a policy in base64url. Raises `BadReleasePolicy`, `BadEncoding`."""
    raw = from_base64url(data, field="release_policy.data")
    if len(raw) > _LARGEST:
        raise BadReleasePolicy(f"A release policy may have {_LARGEST} bytes.")
    try:
        policy = json.loads(raw)
    except (ValueError, RecursionError):
        raise BadReleasePolicy("The release policy is not valid JSON.") from None
    if not isinstance(policy, dict):
        raise BadReleasePolicy("The release policy must be a JSON object.")
    return policy


def check_change(old: Mapping[str, Any] | None, new: Mapping[str, Any]) -> None:
    """Raise `ReleasePolicyImmutable`."""
    if old is not None and old["immutable"] and dict(old) != dict(new):
        raise ReleasePolicyImmutable("The release policy of this key version is immutable and cannot be changed.")


def authorities(policy: Mapping[str, Any]) -> set[str]:
    """The issuers that the policy trusts."""
    return {branch["authority"] for branch in policy["anyOf"]}


def is_satisfied(policy: Mapping[str, Any], *, issuer: str, claims: Mapping[str, Any]) -> bool:
    """Decide whether the bearer of a verified token of `issuer` with these claims may receive the key."""
    return any(_same_authority(branch["authority"], issuer) and _holds(branch, claims) for branch in policy["anyOf"])


def _same_authority(left: str, right: str) -> bool:
    return left.rstrip("/") == right.rstrip("/")


def _holds(node: Mapping[str, Any], claims: Mapping[str, Any]) -> bool:
    if "claim" in node:
        return _equals(_claim(claims, node["claim"]), node["equals"])
    if "allOf" in node:
        return all(_holds(child, claims) for child in node["allOf"])
    return any(_holds(child, claims) for child in node["anyOf"])


def _claim(claims: Mapping[str, Any], path: str) -> Any:
    """A claim by its dotted path; a name that has dots itself is tried first."""
    if path in claims:
        return claims[path]
    claim: Any = claims
    for name in path.split("."):
        if not isinstance(claim, Mapping) or name not in claim:
            return None
        claim = claim[name]
    return claim


def _equals(claim: Any, expected: Any) -> bool:
    """Compare a claim; Azure may have turned a boolean into a text."""
    if isinstance(claim, bool) or isinstance(expected, bool):
        return claim is not None and str(claim).lower() == str(expected).lower()
    return type(claim) is type(expected) and bool(claim == expected)


def _check_tree(policy: dict[str, Any]) -> None:
    if policy.get("version") not in ("1.0.0", "1.0", "0.2"):
        raise BadReleasePolicy("The release policy's 'version' must be 1.0.0.")
    branches = policy.get("anyOf")
    if not isinstance(branches, list) or not 1 <= len(branches) <= _MOST:
        raise BadReleasePolicy("The release policy needs 'anyOf': a list of authorities with their claims.")
    for branch in branches:
        authority = branch.get("authority") if isinstance(branch, dict) else None
        if not isinstance(authority, str) or not authority.startswith("https://"):
            raise BadReleasePolicy("Each entry of the release policy's 'anyOf' needs an 'authority' with https.")
        _check_node(branch, depth=0)


def _check_node(node: Any, *, depth: int) -> None:
    if not isinstance(node, dict) or depth > _DEEPEST:
        raise BadReleasePolicy("The release policy is nested too deeply, or has an entry that is no object.")
    if "claim" in node:
        if not isinstance(node["claim"], str) or not isinstance(node.get("equals"), str | int | float | bool):
            raise BadReleasePolicy("A claim of the release policy needs 'claim', a text, and 'equals', a plain value.")
        return
    lists = [node[name] for name in ("allOf", "anyOf") if name in node]
    if len(lists) != 1 or not isinstance(lists[0], list) or not 1 <= len(lists[0]) <= _MOST:
        raise BadReleasePolicy("Each entry of the release policy has 'allOf' or 'anyOf' with at least one claim.")
    for child in lists[0]:
        _check_node(child, depth=depth + 1)
