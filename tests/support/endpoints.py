"""The actions of the management API, by method and address."""

from django.urls import get_resolver


def endpoints():
    """(method, address, name, declaration) of each action."""
    for pattern in get_resolver("apps.interfaces.management_api.urls").url_patterns:
        for method, action in list(getattr(pattern.callback, "actions", {}).items()):
            view = pattern.callback.cls
            if method != "head":  # the framework adds it to "get"
                yield method, str(pattern.pattern), f"{view.__name__}.{action}", getattr(view, action).declaration
