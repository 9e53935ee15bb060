"""Progress of a new organisation towards the first use of a key, derived from existing rows."""

from dataclasses import dataclass

from apps.audit_log.operation_names import USES
from apps.domain.access.queries import has_role
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.keys.models import Key
from apps.domain.vaults.models import Vault
from apps.usage.queries import has_uses


@dataclass(frozen=True, slots=True)
class OnboardingState:
    """Progress so far. `vault`: the one to continue in, "" when there is none; `key`: a key in it."""

    vault: str
    let_in: bool  # some application has a role somewhere
    key: str


def get_onboarding_state() -> OnboardingState | None:
    """Return the progress; None once an application has used an object, which ends onboarding."""
    applications = ApplicationIdentity.objects.values("user_id")
    if has_uses(caller_ids=applications, operations=USES):
        return None
    vaults = Vault.objects.filter(
        state=Vault.State.READY, deleted__isnull=True, test=False
    )  # developers' test vaults do not count
    keys = Key.objects.select_related("vault").filter(vault__in=vaults, deleted__isnull=True, current__isnull=False)
    key = keys.order_by("pk").first()
    vault = key.vault if key else vaults.order_by("created").first()
    return OnboardingState(
        vault=vault.name if vault else "", let_in=has_role(principal_ids=applications), key=key.name if key else ""
    )
