"""Sessions of the auditors' host (SESSION_ENGINE): in a table of their own, which the web's role cannot write.

A process that writes sessions can open one for every person, whatever second factor they have.
"""

from django.contrib.sessions.backends.db import SessionStore as DatabaseSessions

from apps.domain.identity.models import AuditorSession


class SessionStore(DatabaseSessions):
    """Django's sessions in the database, in `identity_auditorsession`."""

    @classmethod
    def get_model_class(cls) -> type[AuditorSession]:
        """The table."""
        return AuditorSession
