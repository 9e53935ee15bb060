"""All kinds of vault objects, by what callers call them."""

from typing import Any

from apps.domain.certificates.kind import CERTIFICATES
from apps.domain.keys.kind import KEYS
from apps.domain.objects.kinds import ObjectKind
from apps.domain.secrets.kind import SECRETS

BY_NAME: dict[str, ObjectKind[Any, Any]] = {kind.name: kind for kind in (KEYS, SECRETS, CERTIFICATES)}
BY_COLLECTION: dict[str, ObjectKind[Any, Any]] = {kind.collection: kind for kind in BY_NAME.values()}
