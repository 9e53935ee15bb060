"""Base of management commands that call the domain."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from apps.core.errors import VaultError


class DomainCommand(BaseCommand):
    """A command that reports an error of the domain by its message."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        try:
            return super().execute(*args, **options)
        except VaultError as error:
            raise CommandError(error.message) from error
