"""`manage.py create_test_clock`: the clock of a test installation, before anything else is in it."""

from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from apps.core.clock import now
from apps.core.domain_command import DomainCommand
from apps.core.models import MovableClock
from apps.domain.identity.models import Organisation


class Command(DomainCommand):
    help = (
        "Give an installation that was not initialised yet a clock that moves, for tests. It gets no production vault."
    )

    def handle(self, *_args: Any, **_options: Any) -> None:
        with transaction.atomic():
            if MovableClock.objects.exists():
                return
            if Organisation.objects.exists():
                raise CommandError("This installation was initialised without a clock that moves.")
            MovableClock.objects.create(moved=now())
