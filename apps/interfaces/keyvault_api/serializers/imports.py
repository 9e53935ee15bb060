"""Imported keys on the wire: JSON Web Keys with their private parts (RFC 7518 section 6), and BYOK files."""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from typing import Any

from apps.core.encoding import from_base64url
from apps.domain.keys.key_material import parse_jwk
from apps.domain.keys.rules import BadKeyParameter, NewKey
from apps.interfaces.keyvault_api.serializers import keys as wire
from apps.interfaces.keyvault_api.serializers.fields import Attributes, BadBody, Body, Plain, StrictBoolean, Tags

LARGEST_BODY = 64 * 1024
_ENCRYPTION = "CKM_RSA_AES_KEY_WRAP"
_HYBRID_ENCRYPTION = "ML-KEM-768+CKM_RSA_AES_KEY_WRAP"  # docs/decisions/0034-key-types.md
_KID = re.compile(r"https://[^/]+/keys/([0-9a-zA-Z-]{1,127})/([0-9a-f]{32})\Z")


class ImportKeyBody(Body):
    """PUT /keys/{name}."""

    key = Plain(kind=dict)
    Hsm = StrictBoolean(required=False, allow_null=True)
    attributes = Attributes(required=False, allow_null=True)
    tags = Tags(required=False, allow_null=True)
    release_policy = Plain(kind=dict, required=False, allow_null=True)


@dataclass(frozen=True, slots=True)
class ClearKey:
    """A key in clear: PKCS#8 DER, or AES bytes."""

    spec: NewKey
    material: bytes


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A key in a BYOK file."""

    spec: NewKey
    kek: tuple[str, str]  # name, version
    pq_kek: tuple[str, str] | None  # the same of the ML-KEM key exchange key, if the file is hybrid
    ciphertext: bytes


def parse_import(data: bytes, *, api_version: str) -> ClearKey | WrappedKey:
    """Parse the imported key. Raises `BadBody`, `BadEncoding`, `BadKeyParameter`, `ExternalKeyRefused`."""
    body = ImportKeyBody.validate_object(wire.load_key_body(data, api_version=api_version))
    jwk: dict[str, Any] = {name: value for name, value in body["key"].items() if value is not None}
    key_type, hardware = wire.parse_type(_text(jwk, "kty"))
    operations = jwk.get("key_ops")
    if operations is not None and not (isinstance(operations, list) and all(isinstance(o, str) for o in operations)):
        raise BadBody("The property 'key.key_ops' must be a list of texts.")
    body["key_ops"] = operations
    hardware = hardware or bool(body.get("Hsm"))
    if "key_hsm" in jwk:
        return _parse_byok(body, jwk, key_type)
    parameter, material = parse_jwk(key_type, jwk)
    return ClearKey(wire.new_key(body, key_type, hardware=hardware, parameter=parameter), material)


def _parse_byok(body: dict[str, Any], jwk: dict[str, Any], key_type: str) -> WrappedKey:
    """Parse the file that `key_hsm` holds: base64url, or base64 as Azure's page says (wire-contract.md section 9)."""
    try:
        file = json.loads(_lenient_base64(_text(jwk, "key_hsm")))
        header, ciphertext = file["header"], from_base64url(file["ciphertext"], field="ciphertext")
        scheme, encryption = header["alg"], header["enc"]
        match = _KID.match(header["kid"])
        pq_match = _KID.match(header["pq_kid"]) if encryption == _HYBRID_ENCRYPTION else None
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadKeyParameter("The property 'key.key_hsm' does not hold a BYOK file.") from None
    wanted = _ENCRYPTION if pq_match is None else _HYBRID_ENCRYPTION
    if match is None or (scheme, encryption) != ("dir", wanted):
        raise BadKeyParameter(
            f"The BYOK file must name its key exchange key with version in 'kid', 'alg' dir, 'enc' {_ENCRYPTION}, "
            f"or 'enc' {_HYBRID_ENCRYPTION}, and its ML-KEM key exchange key in 'pq_kid'."
        )
    parameter = jwk.get("crv", "P-256") if key_type == "EC" else ""  # a size shows in the length of the transfer
    if not isinstance(parameter, str):
        raise BadBody("The property 'key.crv' must be a text.")
    spec = wire.new_key(body, key_type, hardware=True, parameter=parameter)
    return WrappedKey(spec, (match[1], match[2]), (pq_match[1], pq_match[2]) if pq_match else None, ciphertext)


def _lenient_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text.replace("-", "+").replace("_", "/") + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise BadKeyParameter("The property 'key.key_hsm' is not valid base64url.") from None


def _text(jwk: dict[str, Any], name: str) -> str:
    text = jwk.get(name)
    if not isinstance(text, str):
        raise BadBody(f"The property 'key.{name}' is required and must be a text.")
    return text
