"""Sessions of the auditors' host (SESSION_ENGINE): in a table of their own, which the web's role cannot write.

A process that writes sessions can open one for every person, whatever second factor they have.
"""

from apps.domain.identity.models import AuditorSession
from apps.domain.identity.portal_sessions import SessionStore as PortalSessions


class SessionStore(PortalSessions):
    """Sessions in `identity_auditorsession`."""

    @classmethod
    def get_model_class(cls) -> type[AuditorSession]:
        """The table."""
        return AuditorSession
