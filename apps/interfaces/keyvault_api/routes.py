"""The addresses of the data plane: every operation, by path and method (wire-contract.md sections 7 to 13).

Segments may be empty (`/keys/NAME/`, `/keys/NAME//sign`) and end in a slash: that is how the SDKs write "newest". The
clients of .NET also write `/keys//restore`, and `/wrapKey` where others write `/wrapkey`: the case of letters in a path
is not significant, as in Azure. azurerm (Terraform) puts `/keys` behind a vault's address, which ends in a slash.
"""

import re
from itertools import groupby
from typing import NamedTuple

from apps.interfaces.keyvault_api.pipeline import ApiOperation
from apps.interfaces.keyvault_api.views import certificates, events, issuers, keys, secrets

NAME = r"(?P<name>[^/]+)"
VERSION = r"(?:/(?P<version>[^/]*))?"
ISSUER = r"(?P<issuer>[^/]+)"


class Route(NamedTuple):
    """A path without its first slash, and its operations by method."""

    path: "re.Pattern[str]"
    operations: dict[str, ApiOperation]


def find_route(path: str) -> "tuple[Route, re.Match[str]] | None":
    """The first route whose path this is ("/keys/..."), with the parts of the path."""
    start = 2 if path.startswith("//") else 1
    for route in _BY_FIRST_SEGMENT.get(path[start:].partition("/")[0].lower(), ()):
        if match := route.path.match(path, start):
            return route, match
    return None


def _route(path: str, **operations: ApiOperation) -> Route:
    return Route(re.compile(rf"{path}/?\Z", re.IGNORECASE), operations)


ROUTES = (
    _route("keys", GET=keys.LIST),
    _route("keys/restore", POST=keys.RESTORE),
    _route("keys//restore", POST=keys.RESTORE),
    _route(f"keys/{NAME}/create", POST=keys.CREATE),
    _route(f"keys/{NAME}/rotate", POST=keys.ROTATE),
    _route(f"keys/{NAME}/backup", POST=keys.BACK_UP),
    _route(f"keys/{NAME}/versions", GET=keys.LIST_VERSIONS),
    _route(f"keys/{NAME}/rotationpolicy", GET=keys.GET_POLICY, PUT=keys.SET_POLICY),
    _route(f"keys/{NAME}{VERSION}/sign", POST=keys.SIGN),
    _route(f"keys/{NAME}{VERSION}/verify", POST=keys.VERIFY),
    _route(f"keys/{NAME}{VERSION}/encrypt", POST=keys.ENCRYPT),
    _route(f"keys/{NAME}{VERSION}/decrypt", POST=keys.DECRYPT),
    _route(f"keys/{NAME}{VERSION}/wrapkey", POST=keys.WRAP),
    _route(f"keys/{NAME}{VERSION}/unwrapkey", POST=keys.UNWRAP),
    _route(f"keys/{NAME}{VERSION}/release", POST=keys.RELEASE),
    _route(f"keys/{NAME}{VERSION}/attestation", GET=keys.GET_ATTESTATION),
    _route(f"keys/{NAME}{VERSION}/securewrapkey", POST=keys.SECURE_WRAP_KEY),
    _route(f"keys/{NAME}{VERSION}/secureunwrapkey", POST=keys.SECURE_UNWRAP_KEY),
    _route(f"keys/{NAME}", GET=keys.GET, PUT=keys.IMPORT, PATCH=keys.UPDATE, DELETE=keys.DELETE),
    _route(f"keys/{NAME}{VERSION}", GET=keys.GET, PATCH=keys.UPDATE),
    _route(f"keys/{NAME}{VERSION}/acknowledge", POST=keys.ACKNOWLEDGE),
    _route("deletedkeys", GET=keys.LIST_DELETED),
    _route(f"deletedkeys/{NAME}/recover", POST=keys.RECOVER),
    _route(f"deletedkeys/{NAME}", GET=keys.GET_DELETED, DELETE=keys.PURGE),
    _route("secrets", GET=secrets.LIST),
    _route("secrets/restore", POST=secrets.RESTORE),
    _route(f"secrets/{NAME}/backup", POST=secrets.BACK_UP),
    _route(f"secrets/{NAME}/versions", GET=secrets.LIST_VERSIONS),
    _route(f"secrets/{NAME}", GET=secrets.GET, PUT=secrets.SET, PATCH=secrets.UPDATE, DELETE=secrets.DELETE),
    _route(f"secrets/{NAME}{VERSION}", GET=secrets.GET, PATCH=secrets.UPDATE),
    _route(f"secrets/{NAME}{VERSION}/acknowledge", POST=secrets.ACKNOWLEDGE),
    _route("deletedsecrets", GET=secrets.LIST_DELETED),
    _route(f"deletedsecrets/{NAME}/recover", POST=secrets.RECOVER),
    _route(f"deletedsecrets/{NAME}", GET=secrets.GET_DELETED, DELETE=secrets.PURGE),
    _route("certificates", GET=certificates.LIST),
    _route("certificates/restore", POST=certificates.RESTORE),
    _route("certificates//restore", POST=certificates.RESTORE),
    _route("certificates/contacts", GET=issuers.GET_CONTACTS, PUT=issuers.SET_CONTACTS, DELETE=issuers.DELETE_CONTACTS),
    _route("certificates/issuers", GET=issuers.LIST),
    _route(
        f"certificates/issuers/{ISSUER}",
        GET=issuers.GET,
        PUT=issuers.SET,
        PATCH=issuers.UPDATE,
        DELETE=issuers.DELETE,
    ),
    _route(f"certificates/{NAME}/create", POST=certificates.CREATE),
    _route(f"certificates/{NAME}/import", POST=certificates.IMPORT),
    _route(f"certificates/{NAME}/backup", POST=certificates.BACK_UP),
    _route(f"certificates/{NAME}/versions", GET=certificates.LIST_VERSIONS),
    _route(f"certificates/{NAME}/policy", GET=certificates.GET_POLICY, PATCH=certificates.SET_POLICY),
    _route(
        f"certificates/{NAME}/pending",
        GET=certificates.GET_OPERATION,
        PATCH=certificates.CANCEL,
        DELETE=certificates.DELETE_OPERATION,
    ),
    _route(f"certificates/{NAME}/pending/merge", POST=certificates.MERGE),
    _route(f"certificates/{NAME}", GET=certificates.GET, PATCH=certificates.UPDATE, DELETE=certificates.DELETE),
    _route(f"certificates/{NAME}{VERSION}", GET=certificates.GET, PATCH=certificates.UPDATE),
    _route(f"certificates/{NAME}{VERSION}/acknowledge", POST=certificates.ACKNOWLEDGE),
    _route("deletedcertificates", GET=certificates.LIST_DELETED),
    _route(f"deletedcertificates/{NAME}/recover", POST=certificates.RECOVER),
    _route(f"deletedcertificates/{NAME}", GET=certificates.GET_DELETED, DELETE=certificates.PURGE),
    _route("events", GET=events.LIST),
    _route("rng", POST=keys.RANDOM),
)
_SEGMENT = re.compile(r"[a-z]+")
_BY_FIRST_SEGMENT = {
    segment: tuple(routes)
    for segment, routes in groupby(ROUTES, key=lambda route: _SEGMENT.match(route.path.pattern)[0])  # type: ignore[index]
}
