"""The "Use it" tab of an object, the same in every portal that has one."""

from typing import Any

from django.conf import settings

from apps.identity.queries import addresses, get_organisation
from apps.portal.frame import OWN_CA_NAME
from apps.portal.snippets import INSTALL, LANGUAGES, RUN, TRUST, Used, snippet, trusting
from apps.vaults.models import Vault


def use_it(vault: Vault, kind: str, row: Any, language: str) -> dict[str, Any]:
    """What the template `parts/use_it.html` shows."""
    known = dict(LANGUAGES)
    language = language if language in known else "python"
    where = addresses()
    url = f"https://{vault.name.lower()}.{where.authority_part}"
    used = Used(
        kind=kind,
        name=row.name,
        vault=vault.name,
        url=url,
        tenant_id=get_organisation().tenant_id,
        authority=where.authority,
        resource=where.resource,
        key_type=row.current.key_type if kind == "keys" else "",
        parameter=row.current.parameter if kind == "keys" else "",
    )
    return {
        "languages": LANGUAGES,
        "language": language,
        "snippet": snippet(language, used),
        "install": INSTALL.get(language, {}).get(kind, ""),
        "run": RUN.get(language),
        "trust": TRUST.get(language, ""),
        "trusting": trusting(language, OWN_CA_NAME) if settings.OWN_CA else "",
        "identifier": f"{url}/{kind}/{row.name}/{row.current.version}",
    }
