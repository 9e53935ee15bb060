"""How far a new organisation is: each step is there or not, and the first use ends it."""

from apps.core.clock import now
from apps.domain.catalog.onboarding import OnboardingState, get_onboarding_state
from apps.domain.keys.models import Key
from apps.domain.vaults.models import Vault
from tests.support import actors


def test_an_empty_organisation_has_everything_before_it(db):
    assert get_onboarding_state() == OnboardingState(vault="", let_in=False, key="")


def test_a_vault_counts_when_it_is_ready(vault):
    assert get_onboarding_state() == OnboardingState(vault="payroll", let_in=False, key="")
    Vault.objects.filter(pk=vault.pk).update(state=Vault.State.PENDING)
    assert get_onboarding_state().vault == ""


def test_roles_and_keys_count_and_a_deleted_key_does_not(people, vault):
    assert get_onboarding_state() == OnboardingState(vault="payroll", let_in=True, key="")
    Key.objects.create(vault=vault, name="unfinished", folded_name="unfinished")
    assert get_onboarding_state().key == "", "it has no version yet"
    actors.make_key(vault, "signing")
    assert get_onboarding_state() == OnboardingState(vault="payroll", let_in=True, key="signing")
    Key.objects.update(deleted=now(), purge_after=now())
    assert get_onboarding_state().key == ""


def test_a_developers_test_vault_is_no_step(people, vault):
    tried = actors.make_vault(vault.world, "sandbox")
    Vault.objects.filter(pk=tried.pk).update(test=True, owner_id=people.dev.id)
    actors.make_key(tried, "tried")
    assert get_onboarding_state() == OnboardingState(vault="payroll", let_in=True, key="")
    Vault.objects.filter(pk=vault.pk).update(state=Vault.State.PENDING)
    assert get_onboarding_state().vault == ""


def test_what_was_refused_or_only_managed_is_no_use(people, vault):
    actors.count_use(people.app, vault, done=0)
    actors.count_use(people.app, vault, operation="KeyCreate")
    assert get_onboarding_state() is not None


def test_the_first_use_by_an_application_ends_it(people, vault):
    actors.count_use(people.app, vault)
    assert get_onboarding_state() is None
