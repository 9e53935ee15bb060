"""The launcher: starts other processes, serves nothing, knows no database."""

SECRET_KEY = "the launcher signs nothing"  # noqa: S105  Django wants one
INSTALLED_APPS = ["apps.launcher"]
DATABASES: dict[str, object] = {}
USE_TZ = True
