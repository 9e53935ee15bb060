"""Keys on the wire: request bodies, JSON Web Keys (RFC 7517), bundles and items (azure-wire section 8)."""

from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from apps.core.encoding import from_base64url, to_base64url
from apps.core.strict_json import loads_object
from apps.dataplane.serializers.common import attributes
from apps.dataplane.serializers.fields import (
    Attributes,
    BadBody,
    Body,
    Number,
    Tags,
    Text,
    Texts,
    changes_of,
    without_nulls,
)
from apps.keys.models import KeyVersion
from apps.keys.rules import BadKeyParameter, NewKey
from apps.vaults.models import Vault

_TYPES = {
    "rsa": ("RSA", False),
    "rsa-hsm": ("RSA", True),
    "ec": ("EC", False),
    "ec-hsm": ("EC", True),
}
_DEFAULT_CURVE, _DEFAULT_SIZE, _EXPONENT = "P-256", 2048, 65537


class NewKeyBody(Body):
    """POST /keys/{name}/create."""

    kty = Text(longest=16)
    key_size = Number(required=False, allow_null=True)
    public_exponent = Number(required=False, allow_null=True)
    crv = Text(longest=16, required=False, allow_null=True)
    key_ops = Texts(required=False, allow_null=True)
    attributes = Attributes(required=False, allow_null=True)
    tags = Tags(required=False, allow_null=True)


class UpdateKeyBody(Body):
    """PATCH /keys/{name}/{version}."""

    key_ops = Texts(required=False, allow_null=True)
    attributes = Attributes(required=False, allow_null=True)
    tags = Tags(required=False, allow_null=True)


def read_new_key(data: bytes) -> NewKey:
    """What to make. Raises `BadBody`, `BadKeyParameter`."""
    body = NewKeyBody.read(data)
    if body["kty"].lower() not in _TYPES:
        raise BadKeyParameter(f"The key type '{body['kty']}' is not supported. Use RSA, RSA-HSM, EC or EC-HSM.")
    key_type, hardware = _TYPES[body["kty"].lower()]
    if body.get("public_exponent", _EXPONENT) != _EXPONENT:
        raise BadKeyParameter("The property 'public_exponent' must be 65537.")
    given = without_nulls(body.get("attributes", {}))
    if given.get("exportable"):
        raise BadKeyParameter("AKV.SKR.1005: Exportable keys must have release policy, which is not offered yet.")
    size, curve = body.get("key_size", _DEFAULT_SIZE), body.get("crv", _DEFAULT_CURVE)
    return NewKey(
        key_type=key_type,
        hardware=hardware,
        parameter=str(size) if key_type == "RSA" else curve,
        operations=tuple(body["key_ops"]) if body.get("key_ops") else None,
        enabled=given.get("enabled", True),
        not_before=given.get("nbf"),
        expires=given.get("exp"),
        tags=body.get("tags"),
    )


def read_changes(data: bytes) -> dict[str, Any]:
    """What to change of a version. Raises `BadBody`."""
    return changes_of(UpdateKeyBody.read(data), tags="tags", key_ops="operations")


def read_use(data: bytes, *, digest: bool = False) -> tuple[str, bytes, bytes]:
    """(algorithm, value, digest) of a use; `digest` for verify, where `value` is the signature.

    By hand, not by a serializer: this is the hottest parse of the system. Raises `BadBody`, `BadEncoding`.
    """
    body = loads_object(data)
    fields = ("alg", "value", "digest") if digest else ("alg", "value")
    for field in fields:
        if not isinstance(body.get(field), str):
            raise BadBody(f"The property '{field}' is required and must be a text.")
    return (
        body["alg"],
        from_base64url(body["value"], field="value"),
        from_base64url(body["digest"], field="digest") if digest else b"",
    )


def bundle(version: KeyVersion, vault: Vault, *, origin: str) -> dict[str, Any]:
    """KeyBundle."""
    jwk = {"kid": f"{origin}/keys/{version.key.name}/{version.version}", **_public_jwk(version)}
    return _with_tags({"key": jwk, "attributes": _attributes(version, vault)}, version)


def item(version: KeyVersion, vault: Vault, *, kid: str) -> dict[str, Any]:
    """KeyItem of a list."""
    return _with_tags({"kid": kid, "attributes": _attributes(version, vault)}, version)


def _attributes(version: KeyVersion, vault: Vault) -> dict[str, Any]:
    hardware = version.custody == "wrapped"
    return {**attributes(version, vault), "exportable": False, "hsmPlatform": "1" if hardware else "0"}


def _with_tags(body: dict[str, Any], version: KeyVersion) -> dict[str, Any]:
    return {**body, "tags": version.tags} if version.tags else body


def _public_jwk(version: KeyVersion) -> dict[str, Any]:
    """RFC 7518 sections 6.2 and 6.3; coordinates have the fixed width of their curve."""
    if version.protected is None:
        raise TypeError("a ready version has its key")
    public = serialization.load_der_public_key(bytes(version.protected.public_key))
    suffix = "-HSM" if version.custody == "wrapped" else ""
    jwk: dict[str, Any] = {"kty": version.key_type + suffix, "key_ops": version.operations}
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        return {**jwk, "n": _number(numbers.n, public.key_size // 8), "e": _number(numbers.e, 3)}
    if isinstance(public, ec.EllipticCurvePublicKey):
        point, width = public.public_numbers(), (public.curve.key_size + 7) // 8
        return {**jwk, "crv": version.parameter, "x": _number(point.x, width), "y": _number(point.y, width)}
    raise TypeError("the public key is neither RSA nor EC")


def _number(value: int, width: int) -> str:
    return to_base64url(value.to_bytes(width))
