"""Secure key release on the wire (docs/reference/wire-contract.md sections 8 and 11)."""

import json
from typing import Any

from apps.core.encoding import to_base64url
from apps.domain.keys.queries import KeyFacts
from apps.domain.vaults.models import Vault
from apps.interfaces.keyvault_api.api_versions import API_VERSIONS, find_version
from apps.interfaces.keyvault_api.serializers import keys as wire
from apps.interfaces.keyvault_api.serializers.fields import Body, StrictString

LARGEST_BODY = 128 * 1024
DEFAULT_ENCRYPTION = "CKM_RSA_AES_KEY_WRAP"


class ReleaseBody(Body):
    """POST /keys/{name}/{version}/release."""

    target = StrictString()
    nonce = StrictString(longest=1024, required=False, allow_null=True)
    enc = StrictString(longest=64, required=False, allow_null=True)


def parse_release(data: bytes) -> dict[str, Any]:
    """Parse target, enc and perhaps nonce. Raises `BadBody`."""
    body = ReleaseBody.read(data)
    return {"enc": DEFAULT_ENCRYPTION, **body}


def statement(
    facts: KeyFacts,
    vault: Vault,
    *,
    origin: str,
    request: dict[str, Any],
    kid: str,
    ciphertext: bytes,
    api_version: str,
) -> dict[str, Any]:
    """Build the payload of the JWS: the request, and the key bundle with the released key in `key_hsm`."""
    bundle = wire.bundle(facts, vault, origin=origin, api_version=find_version(api_version) or API_VERSIONS[0])
    released = {
        "schema_version": "1.0",
        "header": {"kid": kid, "alg": "dir", "enc": request["enc"]},
        "ciphertext": to_base64url(ciphertext),
    }
    bundle["key"]["key_hsm"] = to_base64url(json.dumps(released).encode())
    shown = {"api-version": api_version, "enc": request["enc"], "kid": bundle["key"]["kid"]}
    if "nonce" in request:
        shown["nonce"] = request["nonce"]
    return {"request": shown, "response": {"key": bundle}}
