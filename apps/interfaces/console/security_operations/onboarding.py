"""The first steps of a new organisation, as the overview shows them."""

from dataclasses import dataclass

from django.urls import reverse
from django.utils.translation import gettext as _

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
            _("Make a vault"),
            _("Keys, secrets and certificates live in it. It has a host name of its own."),
            _("Create a vault"),
            reverse("secops:vault_new"),
            f"portal vault create VAULT --world {next((world.name for world in list_worlds()), 'WORLD')}",
        ),
        Step(
            at.let_in,
            _("Let an application in"),
            _("A program signs in with an identity and a secret of its own; a role says what it may do in the vault."),
            _("Create an application identity"),
            reverse("secops:application_new") + f"?vault={vault}" if at.vault else "",
            f"portal application create APPLICATION --vault {vault} --role key-vault-crypto-user",
        ),
        Step(
            bool(at.key),
            _("Make a key"),
            _("The HSM makes it and keeps it. Programs ask for signatures and never see it."),
            _("Create a key"),
            reverse("secops:key_new", args=[vault]) if at.vault else "",
            f"portal key create KEY --vault {vault} --type EC --curve P-256",
        ),
        Step(
            False,
            _("Use it"),
            _("Copy the program for your language, and run it where the application's secret is in the environment."),
            _("Open the program to copy"),
            reverse("secops:object", args=[vault, "keys", key]) + "?tab=use" if at.key and at.let_in else "",
        ),
    ]
