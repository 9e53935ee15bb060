"""Sign-in of applications, with a client secret or an assertion (RFC 6749 section 4.4, RFC 7523)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from apps.core.principals import Principal
from apps.domain.identity import client_assertions, queries
from apps.domain.identity.models import UsedAssertion


def authenticate_application(
    *, client_id: UUID, secret: str, assertion: str, issuer_keys: dict[str, Any], address: str, now: datetime
) -> Principal | None:
    """Return the application that proves who it is; None for a wrong or missing credential. `address`: the caller's."""
    if assertion:
        return client_assertions.verify_assertion(
            client_id=client_id, assertion=assertion, issuer_keys=issuer_keys, address=address, now=now
        )
    return queries.check_client_secret(client_id=client_id, secret=secret, now=now) if secret else None


def delete_expired_assertions(*, now: datetime) -> int:
    """Delete assertions that have ended. Returns how many. The caller (the scheduler) demands the grant."""
    deleted, _ = UsedAssertion.objects.filter(expires__lt=now).delete()
    return deleted
