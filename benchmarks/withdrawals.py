"""The kinds of withdrawal: what is given, how the product takes it away, and the same by SQL alone.

By SQL the process that serves security operations does not know of the change before the others do.
"""

import datetime as dt
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from apps.core.ids import uuid7
from apps.core.principals import Scheme
from apps.domain.identity.rules import session_key_of
from benchmarks.callers import (
    ASSERTION,
    AUDITOR_SESSIONS,
    MANAGEMENT,
    PAGES,
    WORLD,
    Installation,
    Json,
    Objects,
    new_name,
    portal_cookie,
)
from benchmarks.polling import Question, Sql

_ROOT = Path(__file__).parents[1]
_REFUSALS = frozenset({302, 401, 403, 404, 429})
_ADMINISTRATOR = "key-vault-administrator"


@dataclass(frozen=True)
class Row:
    """The row that gives something: it is deleted, or with `change` updated, while `until` is true of it."""

    table: str
    where: str
    values: Sequence[Any]
    change: str = ""
    until: str = "true"

    @property
    def still(self) -> Sql:
        """Tell whether it gives that still."""
        return f"SELECT EXISTS (SELECT FROM {self.table} WHERE {self.where} AND {self.until})", self.values

    @property
    def removal(self) -> Sql:
        head = f"UPDATE {self.table} SET {self.change}" if self.change else f"DELETE FROM {self.table}"
        return f"{head} WHERE {self.where}", self.values


class Withdrawal:
    """Something that somebody may do until it is withdrawn. `refusals`: the statuses of refusals."""

    name: ClassVar[str]
    refusals: ClassVar[frozenset[int]] = _REFUSALS
    commit_seconds: ClassVar[float] = 10.0  # in which the product commits a withdrawal
    row: Row

    def __init__(self, site: Installation) -> None:
        self.site = site

    def give(self) -> None:
        """Give it, again after it was withdrawn."""
        raise NotImplementedError

    def withdraw(self) -> None:
        """Withdraw it as people do."""
        raise NotImplementedError

    def withdraw_by_sql(self) -> None:
        """Commit the same change as the owner of the tables."""
        self.site.database.execute(*self.row.removal)

    def questions(self) -> list[Question]:
        """The requests that succeed until then, one for each place and process."""
        raise NotImplementedError


# Access of an application to a vault.


class _RoleAssignment(Withdrawal):
    """A role of an application at a vault or at an object in it."""

    role, level = _ADMINISTRATOR, ""

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self.held, self.application = site.shared, site.application()
        self.token = site.access_token(self.application.client_id, self.application.secret)
        self._path = f"vaults/{self.held.vault}/role-assignments"
        self._assignment: Json = {"application": self.application.name, "role": self.role}
        if self.level:
            self._assignment[self.level] = getattr(self.held, self.level)
        self.row = Row("guardian_userobjectpermission", "user_id = %s", [self.application.principal_id])

    def give(self) -> None:
        self.site.manage("POST", self._path, self._assignment)

    def withdraw(self) -> None:
        self.site.manage("DELETE", self._path, self._assignment)

    def questions(self) -> list[Question]:
        return self.site.of_application(self.token, self.held)


class VaultRole(_RoleAssignment):
    name = "role at a vault removed"


class KeyRole(_RoleAssignment):
    name, role, level = "role at a key removed", "key-vault-crypto-user", "key"

    def questions(self) -> list[Question]:
        return [
            *self.site.key_use(self.token, self.held),
            *self.site.metadata(self.token, self.held, lists=False),
        ]


class SecretRole(_RoleAssignment):
    name, role, level = "role at a secret removed", "key-vault-secrets-user", "secret"

    def questions(self) -> list[Question]:
        return self.site.secret_get(self.token, self.held)


class _Group(Withdrawal):
    """A role that an application has through a group."""

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self.held, self.application, self.group = site.shared, site.application(), new_name("group")
        self.token = site.access_token(self.application.client_id, self.application.secret)
        self.member = f"groups/{self.group}/members/{self.application.name}"
        self.roles = f"vaults/{self.held.vault}/role-assignments"
        self.assignment = {"group": self.group, "role": _ADMINISTRATOR}
        site.manage("POST", "groups", {"name": self.group})
        self.group_id = site.select("SELECT id FROM auth_group WHERE name = %s", self.group)

    def give(self) -> None:
        self.site.manage("PUT", self.member)
        self.site.manage("POST", self.roles, self.assignment)

    def questions(self) -> list[Question]:
        return self.site.of_application(self.token, self.held)


class GroupMember(_Group):
    name = "member removed from a group"

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self.row = Row("identity_user_groups", "group_id = %s", [self.group_id])

    def withdraw(self) -> None:
        self.site.manage("DELETE", self.member)


class GroupRole(_Group):
    name = "role of a group removed"

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self.row = Row("guardian_groupobjectpermission", "group_id = %s", [self.group_id])

    def withdraw(self) -> None:
        self.site.manage("DELETE", self.roles, self.assignment)


class ApplicationDisabled(VaultRole):
    name = "application disabled"

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        super().give()
        self.row = Row("identity_user", "id = %s", [self.application.principal_id], "is_active = false", "is_active")

    def give(self) -> None:
        self._switch(enabled=True)

    def withdraw(self) -> None:
        self._switch(enabled=False)

    def questions(self) -> list[Question]:
        credential = {"client_secret": self.application.secret}
        return [*super().questions(), *self.site.tokens(self.application, lambda: credential)]

    def _switch(self, *, enabled: bool) -> None:
        self.site.manage("POST", f"applications/{self.application.name}/switch", {"enabled": enabled})


# Credentials of applications.


class _Credential(Withdrawal):
    """A credential of an application, which has no other one of this kind."""

    table: ClassVar[str]

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self.application = site.application()
        site.database.execute(
            "DELETE FROM identity_clientsecret WHERE application_id = %s", [self.application.principal_id]
        )
        self.row = Row(self.table, "application_id = %s", [self.application.principal_id])

    def add(self, kind: str, body: Json | None = None) -> Json:
        added: Json = self.site.manage("POST", f"applications/{self.application.name}/{kind}", body)
        return added

    def withdraw(self) -> None:
        query = f"SELECT id FROM {self.table} WHERE application_id = %s"
        credential = self.site.select(query, self.application.principal_id)
        self.site.manage("DELETE", f"applications/{self.application.name}/credentials/{credential}")

    def form(self) -> Json:
        """The credential in a request for a token."""
        raise NotImplementedError

    def questions(self) -> list[Question]:
        return self.site.tokens(self.application, self.form)


class SecretRemoved(_Credential):
    name, table = "client secret removed", "identity_clientsecret"

    def give(self) -> None:
        self._secret = self.add("secrets")["client_secret"]

    def form(self) -> Json:
        return {"client_secret": self._secret}


class CertificateRemoved(_Credential):
    name, table = "client certificate removed", "identity_clientcertificate"

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, self.application.name)])
        now = dt.datetime.now(dt.UTC)
        builder = x509.CertificateBuilder(subject, subject, self._key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        self._certificate = builder.sign(self._key, hashes.SHA256())

    def give(self) -> None:
        self.add("certificates", {"certificate": self._certificate.public_bytes(serialization.Encoding.PEM).decode()})

    def form(self) -> Json:
        """An assertion of its own for each connection: only the first address that uses one may use it again."""
        site, client = self.site, str(self.application.client_id)
        audience = f"https://login.{site.suffix}:{site.port}/{site.tenant}/v2.0"
        times = {"exp": int(time.time()) + 600, "nbf": int(time.time()) - 60}
        claims = {"iss": client, "sub": client, "aud": audience, "jti": uuid.uuid4().hex, **times}
        thumbprint = self._certificate.fingerprint(hashes.SHA256())
        header = {"x5t#S256": jwt.utils.base64url_encode(thumbprint).decode()}
        signed = jwt.encode(claims, self._key, algorithm="RS256", headers=header)
        return {"client_assertion_type": ASSERTION, "client_assertion": signed}


class TrustRemoved(_Credential):
    """The other issuer is this installation: another application signs in with its access token."""

    name, table = "federated trust removed", "identity_federatedtrust"

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        Path(os.environ["FEDERATION_CA_FILE"]).write_bytes(site.authority.read_bytes())
        other = site.application()
        self._assertion = site.access_token(other.client_id, other.secret)
        claims = jwt.decode(self._assertion, options={"verify_signature": False})
        self._trust = {"issuer": claims["iss"], "subject": claims["sub"], "audience": claims["aud"]}

    def give(self) -> None:
        self.add("federated", self._trust)

    def form(self) -> Json:
        return {"client_assertion_type": ASSERTION, "client_assertion": self._assertion}

    def questions(self) -> list[Question]:
        """At the web processes: they fetch the issuer's keys, which a request to an HSM worker would bring along."""
        return [question for question in super().questions() if question.process.startswith("web")]


# Objects.


class _ObjectChange(Withdrawal):
    """A key or a secret of one's own, which a caller with all rights asks for."""

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self.token = site.access_token(os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"])
        self.held: Objects = site.objects(site.shared.vault)
        self.path = f"vaults/{self.held.vault}/objects"

    def id_of(self, table: str, name: str) -> uuid.UUID:
        found: uuid.UUID = self.site.select(f"SELECT id FROM {table} WHERE name = %s", name)
        return found


class KeyVersionDisabled(_ObjectChange):
    name = "key version disabled"

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        version = self.held.key_version
        self.row = Row("keys_keyversion", "version = %s", [version], "enabled = false", "enabled")
        self._version = f"{self.path}/keys/{self.held.key}/versions/{version}"

    def give(self) -> None:
        self.site.manage("POST", self._version, {"enabled": True})

    def withdraw(self) -> None:
        self.site.manage("POST", self._version, {"enabled": False})

    def questions(self) -> list[Question]:
        """With and without the version's name."""
        site, version = self.site, self.held.key_version
        return [*site.key_use(self.token, self.held), *site.key_use(self.token, self.held, version=version)]


class SecretVersionDisabled(_ObjectChange):
    name = "secret version disabled"

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        version = self.held.secret_version
        self.row = Row("secrets_secretversion", "version = %s", [version], "enabled = false", "enabled")
        self._version = f"{self.path}/secrets/{self.held.secret}/versions/{version}"

    def give(self) -> None:
        self.site.manage("POST", self._version, {"enabled": True})

    def withdraw(self) -> None:
        self.site.manage("POST", self._version, {"enabled": False})

    def questions(self) -> list[Question]:
        return self.site.secret_get(self.token, self.held)


class _ObjectDeleted(_ObjectChange):
    kind: ClassVar[str]

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        item = getattr(self.held, self.kind)
        change = "deleted = now(), purge_after = now() + interval '90 days'"
        table = f"{self.kind}s_{self.kind}"
        self.row = Row(table, "id = %s", [self.id_of(table, item)], change, "deleted IS NULL")
        self._object = f"{self.path}/{self.kind}s/{item}"

    def give(self) -> None:
        if not self.site.database.execute(*self.row.still).fetchone()[0]:  # type: ignore[index]  # it has one row
            self.site.manage("POST", f"{self._object}/recover")

    def withdraw(self) -> None:
        self.site.manage("DELETE", self._object)


class KeyDeleted(_ObjectDeleted):
    name, kind = "key deleted", "key"

    def questions(self) -> list[Question]:
        site = self.site
        return [*site.key_use(self.token, self.held), *site.metadata(self.token, self.held, lists=False)]


class SecretDeleted(_ObjectDeleted):
    name, kind = "secret deleted", "secret"

    def questions(self) -> list[Question]:
        return self.site.secret_get(self.token, self.held)


# Vaults.


class _VaultState(Withdrawal):
    """A vault of one's own, which a caller with all rights asks."""

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self.token = site.access_token(os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"])
        self.held = site.objects(site.vault())
        self.vault_id = site.vault_id(self.held.vault)

    def questions(self) -> list[Question]:
        return self.site.of_application(self.token, self.held)


class VaultFrozen(_VaultState):
    name = "vault frozen"

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self.row = Row("vaults_vault", "id = %s", [self.vault_id], "frozen = true", "NOT frozen")

    def give(self) -> None:
        self.site.manage("POST", f"vaults/{self.held.vault}/freeze", {"enabled": True})

    def withdraw(self) -> None:
        self.site.manage("POST", f"vaults/{self.held.vault}/freeze", {"enabled": False})


class VaultSuspended(_VaultState):
    """Log delivery suspends it: its records have not been delivered for a month, and its owner requires that."""

    name = "vault suspended"
    refusals = frozenset({403, 503})
    _STUCK = """
        WITH destination AS (
            INSERT INTO delivery_logdestination (id, vault_id, kind, config, sealed, sealed_secret, credential_names,
                public_key, on_full, created, changed, test_error)
            VALUES (%s, %s, 'directory', '{"path": "revoked"}', '', '', '[]', '', 'fail-closed',
                now() - interval '30 days', now(), '')
            RETURNING id),
        state AS (
            INSERT INTO delivery_deliverystate (destination_id, first, delivered, previous, state, last_object,
                waiting_since, error, failing_since, attempts, next_try)
            SELECT id, 0, 0, '', 'failing', '', now() - interval '30 days', '', now(), 1, now() + interval '1 hour'
            FROM destination RETURNING destination_id)
    """
    _DELIVERED = """
        WITH destination AS (DELETE FROM delivery_logdestination WHERE vault_id = %s),
        state AS (DELETE FROM delivery_deliverystate WHERE destination_id IN (
            SELECT id FROM delivery_logdestination WHERE vault_id = %s))
        UPDATE vaults_vault SET held = false WHERE id = %s
    """
    commit_seconds = 30.0  # log delivery looks every five seconds

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self.row = Row("vaults_vault", "id = %s", [self.vault_id], "held = true", "NOT held")

    def give(self) -> None:
        self.site.database.execute(self._DELIVERED, [self.vault_id] * 3)

    def withdraw(self) -> None:
        self.site.database.execute(f"{self._STUCK} SELECT * FROM state", [uuid7(), self.vault_id])

    def withdraw_by_sql(self) -> None:
        """With the state that makes log delivery leave it so."""
        statement, values = self.row.removal
        self.site.database.execute(f"{self._STUCK} {statement}", [uuid7(), self.vault_id, *values])


class SigningKeyRetired(VaultRole):
    name = "token signing key retired"
    commit_seconds = 60.0  # a command starts, and the HSM makes a key

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        super().give()
        key = uuid.UUID(jwt.get_unverified_header(self.token)["kid"])
        self.row = Row("identity_signingkey", "id = %s", [key], "retired = now()", "retired IS NULL")
        self._command("rotate_token_key")  # so that there is another one when this one is retired by SQL

    def give(self) -> None:
        self.site.database.execute("UPDATE identity_signingkey SET retired = NULL WHERE id = %s", self.row.values)

    def withdraw(self) -> None:
        self._command("retire_token_key")

    @staticmethod
    def _command(name: str) -> None:
        subprocess.run([sys.executable, "manage.py", name], cwd=_ROOT, check=True, stdout=subprocess.DEVNULL)


# People.


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


KINDS: tuple[type[Withdrawal], ...] = (
    *(VaultRole, KeyRole, SecretRole, GroupMember, GroupRole, ApplicationDisabled),
    *(SecretRemoved, CertificateRemoved, TrustRemoved),
    *(KeyVersionDisabled, KeyDeleted, SecretVersionDisabled, SecretDeleted, VaultFrozen, VaultSuspended),
    *(PersonSuspended, DeveloperRole, AuditorSuspended, TokenEnded, SessionEnded),
    SigningKeyRetired,  # the last: the tokens of the others end with its key
)
