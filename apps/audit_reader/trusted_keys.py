"""The keys whose signatures on checkpoints are trusted: from the file that the ceremony wrote, not from a table."""

from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from apps.audit_log.auditverify import BadNote, Verifier


def vkeys() -> list[str]:
    """Read the verifier keys, one line each, the current one first. Raises `ImproperlyConfigured`."""
    try:
        text = Path(settings.AUDIT_VKEY_FILE).read_text(encoding="utf-8")
    except OSError as error:
        raise ImproperlyConfigured(f"AUDIT_VKEY_FILE cannot be read: {error}") from error
    return [line for line in text.splitlines() if line.strip()]


def trusted_verifiers() -> list[Verifier]:
    """Parse the verifier keys. Raises `ImproperlyConfigured`."""
    try:
        return [Verifier.parse(line) for line in vkeys()]
    except BadNote as error:
        raise ImproperlyConfigured(f"AUDIT_VKEY_FILE is invalid: {error}") from error
