"""Keys on the wire: request bodies, JSON Web Keys (RFC 7517), bundles and items (wire-contract.md section 8)."""

from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from apps.core.encoding import from_base64url, to_base64url
from apps.core.errors import BadRequest
from apps.core.strict_json import loads_object
from apps.domain.keys import keyverify
from apps.domain.keys.key_use import Attestation, UseInput
from apps.domain.keys.kind import KeyItem
from apps.domain.keys.queries import KeyFacts
from apps.domain.keys.release_policy import validate_release_policy
from apps.domain.keys.rules import PARAMETERS, USUAL_EXPONENT, BadKeyParameter, NewKey
from apps.domain.vaults.models import Vault
from apps.interfaces.keyvault_api.api_versions import EXTERNAL_KEYS, KEY_SIZE, has_feature
from apps.interfaces.keyvault_api.serializers.common import attributes
from apps.interfaces.keyvault_api.serializers.fields import (
    Attributes,
    BadBody,
    Body,
    Plain,
    StrictInteger,
    StrictString,
    StringList,
    Tags,
    changes_of,
    without_nulls,
)

_TYPES = {
    "rsa": ("RSA", False),
    "rsa-hsm": ("RSA", True),
    "ec": ("EC", False),
    "ec-hsm": ("EC", True),
    "oct": ("oct", False),
    "oct-hsm": ("oct", True),
    "okp": ("OKP", False),
    "okp-hsm": ("OKP", True),
    "akp": ("AKP", False),
    "akp-hsm": ("AKP", True),
}
_DEFAULTS = {"RSA": "2048", "EC": "P-256", "oct": "256", "OKP": "Ed25519"}
# The property that has the parameter of a key type; key_size for the others.
_PARAMETER = {"EC": "crv", "OKP": "crv", "AKP": "alg"}


class ExternalKeyRefused(BadRequest):
    """A key whose material would be in an external HSM."""


class NewKeyBody(Body):
    """POST /keys/{name}/create."""

    kty = StrictString(longest=16)
    key_size = StrictInteger(required=False, allow_null=True)
    public_exponent = StrictInteger(required=False, allow_null=True)
    crv = StrictString(longest=16, required=False, allow_null=True)
    alg = StrictString(longest=16, required=False, allow_null=True)
    key_ops = StringList(required=False, allow_null=True)
    attributes = Attributes(required=False, allow_null=True)
    tags = Tags(required=False, allow_null=True)
    release_policy = Plain(kind=dict, required=False, allow_null=True)


class UpdateKeyBody(Body):
    """PATCH /keys/{name}/{version}."""

    key_ops = StringList(required=False, allow_null=True)
    attributes = Attributes(required=False, allow_null=True)
    tags = Tags(required=False, allow_null=True)
    release_policy = Plain(kind=dict, required=False, allow_null=True)


def parse_new_key(data: bytes, *, api_version: str) -> NewKey:
    """Parse the key to create. Raises `BadBody`, `BadKeyParameter`, `BadReleasePolicy`, `ExternalKeyRefused`."""
    body = NewKeyBody.validate_object(load_key_body(data, api_version=api_version))
    key_type, hardware = parse_type(body["kty"])
    parameter = body.get(_PARAMETER.get(key_type, "key_size"))
    if not parameter and key_type not in _DEFAULTS:
        raise BadKeyParameter(
            f"The property 'alg' is required for a key of type {key_type}: one of {', '.join(PARAMETERS[key_type])}."
        )
    return new_key(body, key_type, hardware=hardware, parameter=str(parameter or _DEFAULTS[key_type]))


def load_key_body(data: bytes, *, api_version: str) -> dict[str, Any]:
    """Load the body of a request that describes a key. Raises `BadBody`, `ExternalKeyRefused`.

    An external key has no `kty`, so this comes before the other properties. Older versions ignore `external_key`, as
    everything that they do not know.
    """
    body = loads_object(data)
    given = body.get("attributes")
    if isinstance(given, dict) and given.get("external_key") is not None and has_feature(api_version, EXTERNAL_KEYS):
        raise ExternalKeyRefused(
            "External keys are not supported: no external HSM is connected to this vault. Omit 'external_key', and "
            "specify a 'kty'."
        )
    return body


def parse_type(text: str) -> tuple[str, bool]:
    """Parse a `kty` into key type and "in the HSM". Raises `BadKeyParameter`."""
    if text.lower() not in _TYPES:
        raise BadKeyParameter(
            f"The key type '{text[:16]}' is not supported. Use RSA, EC, oct, OKP or AKP, or the same with '-HSM'."
        )
    return _TYPES[text.lower()]


def new_key(body: dict[str, Any], key_type: str, *, hardware: bool, parameter: str) -> NewKey:
    """Build a new key from the properties that create and import share."""
    given = without_nulls(body.get("attributes", {}))
    policy = body.get("release_policy")
    return NewKey(
        key_type=key_type,
        hardware=hardware,
        parameter=parameter,
        operations=tuple(body["key_ops"]) if body.get("key_ops") else None,
        enabled=given.get("enabled", True),
        not_before=given.get("nbf"),
        expires=given.get("exp"),
        tags=body.get("tags"),
        public_exponent=body.get("public_exponent") or USUAL_EXPONENT,  # Java's client sends 0 for "as usual"
        exportable=given.get("exportable", False),
        release_policy=validate_release_policy(policy) if policy else None,
    )


def parse_changes(data: bytes, *, api_version: str) -> dict[str, Any]:
    """Parse the changes of a version. Raises `BadBody`, `BadReleasePolicy`, `ExternalKeyRefused`."""
    body = UpdateKeyBody.validate_object(load_key_body(data, api_version=api_version))
    changes = changes_of(body, tags="tags", key_ops="operations")
    if body.get("release_policy"):
        changes["release_policy"] = validate_release_policy(body["release_policy"])
    return changes


def parse_use(data: bytes) -> UseInput:
    """Parse the input of encrypt, decrypt, wrap or unwrap.

    By hand, as the next two: these are the hottest parses of the system. Raises `BadBody`, `BadEncoding`.
    """
    body = loads_object(data)
    algorithm = _required(body, "alg")
    if algorithm[0:3] == "ML-":  # wrapping makes a fresh key
        return UseInput(algorithm, _bytes(body, "value"))
    value = from_base64url(_required(body, "value"), field="value")
    if algorithm[0:1] != "A":
        return UseInput(algorithm, value)
    return UseInput(algorithm, value, b"", _bytes(body, "iv"), _bytes(body, "aad"), _bytes(body, "tag"))


def parse_signing(data: bytes) -> UseInput:
    """Parse what is to be signed. Raises `BadBody`, `BadEncoding`."""
    return _signed(loads_object(data), "value", b"")


def parse_verification(data: bytes) -> UseInput:
    """Parse a signature (`value`) and what it signs (`digest`). Raises `BadBody`, `BadEncoding`."""
    body = loads_object(data)
    return _signed(body, "digest", from_base64url(_required(body, "value"), field="value"))


def _signed(body: dict[str, Any], field: str, signature: bytes) -> UseInput:
    """The message, digest or external mu, with the algorithm, which an AKP key does not need (Azure, 2026-07-01)."""
    algorithm = "" if body.get("alg") is None else _required(body, "alg")
    if body.get("external_mu") is not None:
        if algorithm or body.get(field) is not None:
            raise BadBody(f"The properties 'alg' and '{field}' must not be set with 'external_mu'.")
        return UseInput("", _bytes(body, "external_mu"), signature, context=_bytes(body, "context"), external_mu=True)
    value = from_base64url(_required(body, field), field=field)
    return UseInput(algorithm, value, signature, context=_bytes(body, "context"))


def _required(body: dict[str, Any], field: str) -> str:
    text = body.get(field)
    if not isinstance(text, str):
        raise BadBody(f"The property '{field}' is required and must be a text.")
    return text


def _bytes(body: dict[str, Any], field: str) -> bytes:
    text = body.get(field)
    if text is None:
        return b""
    if not isinstance(text, str):
        raise BadBody(f"The property '{field}' must be a text.")
    return from_base64url(text, field=field)


def bundle(facts: KeyFacts, vault: Vault, *, origin: str, api_version: str) -> dict[str, Any]:
    """Build a KeyBundle as a known version of the API shows it."""
    kty = facts.key_type + ("-HSM" if facts.hardware else "")
    kid = f"{origin}/keys/{facts.name}/{facts.version}"
    public = {} if facts.key_type == "oct" else _public_members(facts.public_key, facts.parameter)
    jwk = {"kid": kid, "kty": kty, "key_ops": facts.operations, **public}
    body = {"key": jwk, "attributes": _attributes(facts, vault, api_version)}
    if facts.release_policy is not None:
        body["release_policy"] = facts.release_policy
    return _with_extras(body, facts)


def attestation(made: Attestation, *, key_type: str) -> dict[str, Any]:
    """Build the `attestation` of a bundle's attributes. One statement covers both halves of a key pair."""
    statement = to_base64url(made.statement)
    shown = {
        "certificatePemFile": to_base64url(made.chain),
        "privateKeyAttestation": statement,
        "version": keyverify.VERSION,
    }
    return shown if key_type.startswith("oct") else shown | {"publicKeyAttestation": statement}


def item(item: KeyItem, vault: Vault, *, kid: str, api_version: str) -> dict[str, Any]:
    """Build a KeyItem of a list."""
    return _with_extras({"kid": kid, "attributes": _attributes(item, vault, api_version)}, item)


def _attributes(item: KeyItem, vault: Vault, api_version: str) -> dict[str, Any]:
    shown = attributes(item, vault)
    shown["exportable"] = item.exportable
    shown["hsmPlatform"] = "1" if item.hardware else "0"
    if item.key_type == "oct" and has_feature(api_version, KEY_SIZE):
        shown["key_size"] = int(item.parameter)
    return shown


def _with_extras(body: dict[str, Any], item: KeyItem) -> dict[str, Any]:
    if item.tags:
        body["tags"] = item.tags
    if item.managed:
        body["managed"] = True
    return body


@lru_cache(maxsize=10_000)
def _public_members(spki: bytes, parameter: str) -> dict[str, str]:
    """RFC 7518 sections 6.2 and 6.3 (coordinates have the fixed width of their curve), RFC 8037, RFC 9964."""
    public = serialization.load_der_public_key(spki)
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        return {
            "n": _number(numbers.n, public.key_size // 8),
            "e": _number(numbers.e, (numbers.e.bit_length() + 7) // 8),
        }
    if isinstance(public, ec.EllipticCurvePublicKey):
        point, width = public.public_numbers(), (public.curve.key_size + 7) // 8
        return {"crv": parameter, "x": _number(point.x, width), "y": _number(point.y, width)}
    raw = to_base64url(public.public_bytes(Encoding.Raw, PublicFormat.Raw))
    return {"crv": parameter, "x": raw} if parameter == "Ed25519" else {"alg": parameter, "pub": raw}


def _number(value: int, width: int) -> str:
    return to_base64url(value.to_bytes(width))
