"""The first steps of a new organisation, as the overview shows them."""

from dataclasses import dataclass

from django.urls import reverse

from apps.domain.catalog.onboarding import OnboardingState
from apps.domain.security_worlds.queries import list_worlds


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a new organisation towards the first use of a key."""

    done: bool
    title: str
    why: str
    verb: str
    url: str  # "": another step comes before it
    command: str = ""


def first_steps(at: OnboardingState | None) -> list[Step]:
    """The steps until a key was used; then none."""
    if at is None:
        return []
    vault, key = at.vault or "VAULT", at.key or "KEY"
    return [
        Step(
            bool(at.vault),
            "Create a vault",
            "Holds keys, secrets and certificates, and has its own host name.",
            "Create a vault",
            reverse("secops:vault_new"),
            f"portal vault create VAULT --world {next((world.name for world in list_worlds()), 'WORLD')}",
        ),
        Step(
            at.let_in,
            "Grant access to an application",
            "An application signs in with its own identity and secret. A role defines what it may do in the vault.",
            "Create an application identity",
            reverse("secops:application_new") + f"?vault={vault}" if at.vault else "",
            f"portal application create APPLICATION --vault {vault} --role key-vault-crypto-user",
        ),
        Step(
            bool(at.key),
            "Create a key",
            "Created and stored in the HSM. Applications request signatures and never see the key.",
            "Create a key",
            reverse("secops:key_new", args=[vault]) if at.vault else "",
            f"portal key create KEY --vault {vault} --type EC --curve P-256",
        ),
        Step(
            False,
            "Use the key",
            "Copy the code sample for your language and run it with the application's credentials.",
            "Open code samples",
            reverse("secops:object", args=[vault, "keys", key]) + "?tab=use" if at.key and at.let_in else "",
        ),
    ]
