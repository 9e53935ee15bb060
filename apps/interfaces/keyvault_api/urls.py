"""The URL table of the data plane: every operation, by address and method (wire-contract.md sections 7 to 13).

Segments may be empty (`/keys/NAME/`, `/keys/NAME//sign`) and end in a slash: that is how the SDKs write "newest".
The paths of frequent operations are also in `fast_path.py`.
"""

from django.urls import re_path
from django.urls.resolvers import URLPattern

from apps.interfaces.keyvault_api.base import DataPlaneView, not_offered
from apps.interfaces.keyvault_api.pipeline import ApiOperation
from apps.interfaces.keyvault_api.views import certificates, issuers, keys, secrets

NAME = r"(?P<name>[^/]+)"
VERSION = r"(?:/(?P<version>[^/]*))?"


def _at(pattern: str, **operations: ApiOperation) -> URLPattern:
    return re_path(rf"^{pattern}/?\Z", DataPlaneView.as_view(operations=operations))


ISSUER = r"(?P<issuer>[^/]+)"

urlpatterns = [
    _at("keys", GET=keys.LIST),
    _at("keys/restore", POST=keys.RESTORE),
    _at("rng", POST=keys.RANDOM),
    _at(f"keys/{NAME}/create", POST=keys.CREATE),
    _at(f"keys/{NAME}/rotate", POST=keys.ROTATE),
    _at(f"keys/{NAME}/backup", POST=keys.BACK_UP),
    _at(f"keys/{NAME}/versions", GET=keys.LIST_VERSIONS),
    _at(f"keys/{NAME}/rotationpolicy", GET=keys.GET_POLICY, PUT=keys.SET_POLICY),
    _at(f"keys/{NAME}{VERSION}/sign", POST=keys.SIGN),
    _at(f"keys/{NAME}{VERSION}/verify", POST=keys.VERIFY),
    _at(f"keys/{NAME}{VERSION}/encrypt", POST=keys.ENCRYPT),
    _at(f"keys/{NAME}{VERSION}/decrypt", POST=keys.DECRYPT),
    _at(f"keys/{NAME}{VERSION}/wrapkey", POST=keys.WRAP),
    _at(f"keys/{NAME}{VERSION}/unwrapkey", POST=keys.UNWRAP),
    _at(f"keys/{NAME}{VERSION}/release", POST=keys.RELEASE),
    _at(f"keys/{NAME}", GET=keys.GET, PUT=keys.IMPORT, PATCH=keys.UPDATE, DELETE=keys.DELETE),
    _at(f"keys/{NAME}{VERSION}", GET=keys.GET, PATCH=keys.UPDATE),
    _at("deletedkeys", GET=keys.LIST_DELETED),
    _at(f"deletedkeys/{NAME}/recover", POST=keys.RECOVER),
    _at(f"deletedkeys/{NAME}", GET=keys.GET_DELETED, DELETE=keys.PURGE),
    _at("secrets", GET=secrets.LIST),
    _at("secrets/restore", POST=secrets.RESTORE),
    _at(f"secrets/{NAME}/backup", POST=secrets.BACK_UP),
    _at(f"secrets/{NAME}/versions", GET=secrets.LIST_VERSIONS),
    _at(f"secrets/{NAME}", GET=secrets.GET, PUT=secrets.SET, PATCH=secrets.UPDATE, DELETE=secrets.DELETE),
    _at(f"secrets/{NAME}{VERSION}", GET=secrets.GET, PATCH=secrets.UPDATE),
    _at("deletedsecrets", GET=secrets.LIST_DELETED),
    _at(f"deletedsecrets/{NAME}/recover", POST=secrets.RECOVER),
    _at(f"deletedsecrets/{NAME}", GET=secrets.GET_DELETED, DELETE=secrets.PURGE),
    _at("certificates", GET=certificates.LIST),
    _at("certificates/restore", POST=certificates.RESTORE),
    _at("certificates/contacts", GET=issuers.GET_CONTACTS, PUT=issuers.SET_CONTACTS, DELETE=issuers.DELETE_CONTACTS),
    _at("certificates/issuers", GET=issuers.LIST),
    _at(
        f"certificates/issuers/{ISSUER}",
        GET=issuers.GET,
        PUT=issuers.SET,
        PATCH=issuers.UPDATE,
        DELETE=issuers.DELETE,
    ),
    _at(f"certificates/{NAME}/create", POST=certificates.CREATE),
    _at(f"certificates/{NAME}/import", POST=certificates.IMPORT),
    _at(f"certificates/{NAME}/backup", POST=certificates.BACK_UP),
    _at(f"certificates/{NAME}/versions", GET=certificates.LIST_VERSIONS),
    _at(f"certificates/{NAME}/policy", GET=certificates.GET_POLICY, PATCH=certificates.SET_POLICY),
    _at(
        f"certificates/{NAME}/pending",
        GET=certificates.GET_OPERATION,
        PATCH=certificates.CANCEL,
        DELETE=certificates.DELETE_OPERATION,
    ),
    _at(f"certificates/{NAME}/pending/merge", POST=certificates.MERGE),
    _at(f"certificates/{NAME}", GET=certificates.GET, PATCH=certificates.UPDATE, DELETE=certificates.DELETE),
    _at(f"certificates/{NAME}{VERSION}", GET=certificates.GET, PATCH=certificates.UPDATE),
    _at("deletedcertificates", GET=certificates.LIST_DELETED),
    _at(f"deletedcertificates/{NAME}/recover", POST=certificates.RECOVER),
    _at(f"deletedcertificates/{NAME}", GET=certificates.GET_DELETED, DELETE=certificates.PURGE),
    re_path(r"", not_offered),
]
