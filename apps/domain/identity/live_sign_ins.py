"""Live sign-ins of people, as the HSM worker looks them up: without password hashes and without session data."""

from datetime import datetime

from apps.core.principals import PersonRole, Principal, PrincipalKind
from apps.core.sql import select
from apps.domain.identity.queries import get_organisation
from apps.domain.identity.rules import digest_of, session_key_of

_PERSON = "SELECT u.id, u.username, u.duty FROM {} WHERE u.is_active AND u.kind = 'person' AND u.duty <> '' AND "
_BY_SESSION = (
    _PERSON.format(
        "usersessions_usersession s JOIN django_session d USING (session_key) JOIN identity_user u ON u.id = s.user_id"
    )
    + "d.session_key = %s AND d.expire_date > %s"
)
_BY_TOKEN = (
    _PERSON.format("identity_managementtoken t JOIN identity_user u ON u.id = t.person_id")
    + "t.digest = %s AND t.expires > %s AND t.ended IS NULL"
)


def find_by_session(*, cookie: str, now: datetime) -> Principal | None:
    """The person of a browser session that has not ended, by the value of its cookie: a stored key opens nothing."""
    return _find(_BY_SESSION, session_key_of(cookie), now)


def find_by_token(*, token: str, now: datetime) -> Principal | None:
    """The person of a management token that has not ended."""
    return _find(_BY_TOKEN, digest_of(token), now)


def _find(sql: str, secret: str | bytes, now: datetime) -> Principal | None:
    rows = select(sql, [secret, now])
    if not rows:
        return None
    person_id, name, role = rows[0]
    tenant_id = get_organisation().tenant_id
    return Principal(person_id, PrincipalKind.PERSON, name, tenant_id, role=PersonRole(role))
