"""The processes of Vault Portal: settings, URL roots and the Celery app. Wiring only, no logic."""

__version__ = "0.4.0"
