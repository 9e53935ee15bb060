"""The data plane's table of contents: every operation, by address and method (azure-wire sections 8 and 12).

Segments may be empty (`/keys/NAME/`, `/keys/NAME//sign`) and end in a slash: that is how the SDKs write "newest".
"""

from django.urls import re_path
from django.urls.resolvers import URLPattern

from apps.dataplane.base import DataPlaneView, not_offered
from apps.dataplane.pipeline import Operation
from apps.dataplane.views import keys, secrets

NAME = r"(?P<name>[^/]+)"
VERSION = r"(?:/(?P<version>[^/]*))?"


def _at(pattern: str, **operations: Operation) -> URLPattern:
    return re_path(rf"^{pattern}/?\Z", DataPlaneView.as_view(operations=operations))


urlpatterns = [
    _at("keys", GET=keys.LIST),
    _at(f"keys/{NAME}/create", POST=keys.CREATE),
    _at(f"keys/{NAME}/rotate", POST=keys.ROTATE),
    _at(f"keys/{NAME}/versions", GET=keys.LIST_VERSIONS),
    _at(f"keys/{NAME}{VERSION}/sign", POST=keys.SIGN),
    _at(f"keys/{NAME}{VERSION}/verify", POST=keys.VERIFY),
    _at(f"keys/{NAME}{VERSION}/encrypt", POST=keys.ENCRYPT),
    _at(f"keys/{NAME}{VERSION}/decrypt", POST=keys.DECRYPT),
    _at(f"keys/{NAME}{VERSION}/wrapkey", POST=keys.WRAP),
    _at(f"keys/{NAME}{VERSION}/unwrapkey", POST=keys.UNWRAP),
    _at(f"keys/{NAME}{VERSION}", GET=keys.GET, PATCH=keys.UPDATE),
    _at("secrets", GET=secrets.LIST),
    _at(f"secrets/{NAME}/versions", GET=secrets.LIST_VERSIONS),
    _at(f"secrets/{NAME}", GET=secrets.GET, PUT=secrets.SET, PATCH=secrets.UPDATE),
    _at(f"secrets/{NAME}{VERSION}", GET=secrets.GET, PATCH=secrets.UPDATE),
    re_path(r"", not_offered),
]
