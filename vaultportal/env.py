"""Typed environment variables. A missing or bad value stops the start with a message."""

import os
from pathlib import Path
from typing import Any

from cryptography import x509
from django.core.exceptions import ImproperlyConfigured
from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict


def env_str(name: str, default: str | None = None) -> str:
    """Read a variable, or the default. Raises `ImproperlyConfigured` when there is neither."""
    value = os.environ.get(name, default)
    if value is None:
        raise ImproperlyConfigured(f"Set {name}: this process cannot start without it.")
    return value


def env_int(name: str, default: int, *, least: int | None = None) -> int:
    """Read a number, or the default. Raises `ImproperlyConfigured`, also for one below `least`."""
    text = os.environ.get(name, str(default))
    try:
        number = int(text)
    except ValueError:
        raise ImproperlyConfigured(f"{name} is '{text}'; it must be a whole number.") from None
    if least is not None and number < least:
        raise ImproperlyConfigured(f"{name} is {number}; it must be at least {least}.")
    return number


def env_secret(name: str) -> str:
    """Read a secret from the file that `<name>_FILE` names, never from the variable: environments are readable."""
    path = Path(env_str(f"{name}_FILE"))
    try:
        secret = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE names {path}, which cannot be read: {error.strerror}.") from error
    if not secret:
        raise ImproperlyConfigured(f"{path} ({name}_FILE) is empty.")
    return secret


def env_certificates(name: str) -> bytes:
    """Read PEM certificates from the file that `<name>_FILE` names; "" without one.

    They are given to anybody, so a file with anything else in it, a key above all, stops the start.
    """
    named = env_str(f"{name}_FILE", "")
    if not named:
        return b""
    try:
        pem = Path(named).read_bytes()
        found = x509.load_pem_x509_certificates(pem)
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE names {named}, which cannot be read: {error.strerror}.") from error
    except ValueError:
        raise ImproperlyConfigured(f"{named} ({name}_FILE) has no certificate in PEM.") from None
    if pem.count(b"-----BEGIN ") != len(found):
        raise ImproperlyConfigured(f"{named} ({name}_FILE) has more than certificates in it. Everybody may read it.")
    return pem


def env_database(name: str) -> dict[str, Any]:
    """Parse a PostgreSQL address (libpq URI or key=value) into Django's settings. No other database is supported.

    The password is in the file that DATABASE_PASSWORD_FILE names. One in the address counts too, as in version 0.4.
    """
    try:
        parts = conninfo_to_dict(env_str(name))
    except ProgrammingError:
        raise ImproperlyConfigured(f"{name} is not a PostgreSQL address (postgresql://user@host/name).") from None
    fields = {"dbname": "NAME", "user": "USER", "password": "PASSWORD", "host": "HOST", "port": "PORT"}
    settings: dict[str, Any] = {django: str(parts.pop(libpq, "")) for libpq, django in fields.items()}
    if not settings["PASSWORD"] and "DATABASE_PASSWORD_FILE" in os.environ:
        settings["PASSWORD"] = env_secret("DATABASE_PASSWORD")
    return {
        "ENGINE": "django.db.backends.postgresql",
        **settings,
        # Prepared statements: the server parses and plans each once.
        "OPTIONS": {**parts, "connect_timeout": 2, "server_side_binding": True, "prepare_threshold": 1},
        "CONN_MAX_AGE": None,
        "DISABLE_SERVER_SIDE_CURSORS": True,
    }
