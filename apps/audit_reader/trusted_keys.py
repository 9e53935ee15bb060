"""Whose signatures on checkpoints are believed: the keys in the file that the ceremony wrote, not those in a table."""

from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from apps.audit_log.auditverify import BadNote, Verifier


def vkeys() -> list[str]:
    """The verifier keys, one line each, the one in use first. Raises `ImproperlyConfigured`."""
    try:
        text = Path(settings.AUDIT_VKEY_FILE).read_text(encoding="utf-8")
    except OSError as error:
        raise ImproperlyConfigured(f"AUDIT_VKEY_FILE cannot be read: {error}") from error
    return [line for line in text.splitlines() if line.strip()]


def trusted_verifiers() -> list[Verifier]:
    """The keys, parsed. Raises `ImproperlyConfigured`."""
    try:
        return [Verifier.parse(line) for line in vkeys()]
    except BadNote as error:
        raise ImproperlyConfigured(f"AUDIT_VKEY_FILE is not as it must be: {error}") from error
