"""Access of people: sign-ins, sessions, tokens, duties of auditors."""

from apps.core.principals import Scheme
from apps.domain.identity.rules import session_key_of
from benchmarks.callers import (
    AUDITOR_SESSIONS,
    MANAGEMENT,
    PAGES,
    WORLD,
    Installation,
    Objects,
    new_name,
    portal_cookie,
)
from benchmarks.polling import Question
from benchmarks.withdrawals.kind import Row, Withdrawal


class DeveloperRole(Withdrawal):
    name = "role of a developer removed"

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self._vault, person = site.shared.vault, site.person("developer")
        _, token = site.management_token(person)
        self._bearer, self._cookie = {"Authorization": f"Bearer {token}"}, portal_cookie(site.session(person))
        self._assignment = {"application": f"person:{person.username}", "role": "key-vault-reader"}
        self.row = Row("guardian_userobjectpermission", "user_id = %s", [person.id])

    def give(self) -> None:
        self.site.manage("POST", f"vaults/{self._vault}/role-assignments", self._assignment)

    def withdraw(self) -> None:
        self.site.manage("DELETE", f"vaults/{self._vault}/role-assignments", self._assignment)

    def questions(self) -> list[Question]:
        return [
            *self.site.pages(self._cookie, f"/dev/vaults/{self._vault}"),
            *self.site.management(self._bearer, f"vaults/{self._vault}"),
            *self.site.management(self._bearer, f"vaults/{self._vault}/objects/keys"),
        ]


class _DeveloperSignIn(Withdrawal):
    """A developer with a browser and a command line, who uses the key of a test vault of their own."""

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self.person = site.person("developer")
        _, self.other_token = site.management_token(self.person)
        vault, key = new_name("tv"), new_name("key")
        site.manage_as(self.other_token, "POST", "test-vaults", {"name": vault, "world": WORLD})
        asked = {"name": key, "type": "EC", "parameter": "P-256", "hardware": False}
        site.manage_as(self.other_token, "POST", f"vaults/{vault}/new-key", asked)
        self._key, self._held = f"vaults/{vault}/objects/keys/{key}", Objects(vault, key, "", "", "")

    def of_session(self, session: str) -> list[Question]:
        cookie = portal_cookie(session)
        return [
            *self.site.pages(cookie, "/dev/vaults"),
            *self.site.management(cookie, "whoami"),
            *self.site.person_uses_key(self._held, Scheme.SESSION, session),
        ]

    def of_token(self, token: str) -> list[Question]:
        bearer = {"Authorization": f"Bearer {token}"}
        return [
            *self.site.management(bearer, "whoami"),
            *self.site.management(bearer, f"{self._key}/try", post=True),
            *self.site.person_uses_key(self._held, Scheme.MANAGEMENT, token),
        ]


class PersonSuspended(_DeveloperSignIn):
    name = "person suspended"

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self.row = Row("identity_user", "id = %s", [self.person.id], "is_active = false", "is_active")

    def give(self) -> None:
        """With new sign-ins: those from before a suspension stay over."""
        self.site.manage("POST", f"people/{self.person.username}/switch", {"enabled": True})
        self._session, (_, self._token) = self.site.session(self.person), self.site.management_token(self.person)

    def withdraw(self) -> None:
        self.site.manage("POST", f"people/{self.person.username}/switch", {"enabled": False})

    def questions(self) -> list[Question]:
        return [*self.of_session(self._session), *self.of_token(self._token)]


class TokenEnded(_DeveloperSignIn):
    name = "command line signed out"

    def give(self) -> None:
        self._id, self._token = self.site.management_token(self.person)
        self.row = Row("identity_managementtoken", "id = %s", [self._id], "ended = now()", "ended IS NULL")

    def withdraw(self) -> None:
        self.site.manage_as(self.other_token, "DELETE", f"tokens/{self._id}")

    def questions(self) -> list[Question]:
        return self.of_token(self._token)


class SessionEnded(_DeveloperSignIn):
    name = "browser signed out"

    def give(self) -> None:
        self._session = self.site.session(self.person)
        self.row = Row("django_session", "session_key = %s", [session_key_of(self._session)])

    def withdraw(self) -> None:
        self.site.sign_out(self._session)

    def questions(self) -> list[Question]:
        return self.of_session(self._session)


class AuditorSuspended(Withdrawal):
    name = "auditor suspended"

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self.person = site.person("auditor")
        self.row = Row("identity_user", "id = %s", [self.person.id], "is_active = false", "is_active")

    def give(self) -> None:
        self.site.manage("POST", f"people/{self.person.username}/switch", {"enabled": True})
        _, token = self.site.management_token(self.person)
        self._bearer = {"Authorization": f"Bearer {token}"}
        self._cookie = {"Cookie": f"__Host-audit-session={self.site.session(self.person, AUDITOR_SESSIONS)}"}

    def withdraw(self) -> None:
        self.site.manage("POST", f"people/{self.person.username}/switch", {"enabled": False})

    def questions(self) -> list[Question]:
        return [
            *self.site.auditors_host(PAGES, self._cookie, "/evidence"),
            *self.site.auditors_host(MANAGEMENT, self._bearer, "/api/v1/audit/logs"),
        ]
