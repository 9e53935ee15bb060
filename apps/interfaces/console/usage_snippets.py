"""The "Use it" tab of an object, the same in every portal that has one."""

from typing import Any

from django.conf import settings

from apps.domain.identity.queries import addresses, get_organisation
from apps.domain.keys.test_operation import TestOperation, default_test_operation
from apps.domain.vaults.models import Vault
from apps.interfaces.console.page_context import OWN_CA_NAME
from apps.interfaces.console.snippets.languages import LANGUAGES, find_language, snippet
from apps.interfaces.console.snippets.subject import SnippetSubject
from apps.interfaces.console.snippets.trust import trusting


def use_it(vault: Vault, kind: str, row: Any, language: str) -> dict[str, Any]:
    """The context of the template `parts/use_it.html`."""
    chosen, where = find_language(language), addresses()
    url = f"https://{vault.name.lower()}.{where.authority_part}"
    use = default_test_operation(row.current) if kind == "keys" else TestOperation("", "")
    used = SnippetSubject(
        kind=kind,
        name=row.name,
        vault=vault.name,
        url=url,
        tenant_id=get_organisation().tenant_id,
        authority=where.authority,
        portal=where.portal,
        resource=where.resource,
        operation=use.operation,
        algorithm=use.algorithm,
    )
    return {
        "languages": LANGUAGES,
        "language": chosen.word,
        "chosen": chosen,
        "snippet": snippet(chosen.word, used),
        "install": chosen.install.get(kind, ""),
        "trusting": trusting(chosen, OWN_CA_NAME) if settings.OWN_CA else "",
        "identifier": f"{url}/{kind}/{row.name}/{row.current.version}",
    }
