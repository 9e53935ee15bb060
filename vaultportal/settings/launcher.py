"""The launcher: starts other processes, serves nothing, uses no database."""

SECRET_KEY = "the launcher signs nothing"  # noqa: S105  Django requires one
INSTALLED_APPS = ["apps.launcher"]
DATABASES: dict[str, object] = {}
USE_TZ = True
