"""Names that people know for what records and counters name otherwise."""

from apps.domain.identity.queries import list_applications


def caller_names() -> dict[str, str]:
    """Records and counters name an application by its client id; people know its name."""
    return {str(application.client_id): application.name for application in list_applications()}
