"""People and applications of the running system, what they may ask for, and what security operations do to them.

Rows that only a browser could make (people, their sessions and tokens) are inserted as the owner of the tables.
"""

import base64
import contextlib
import hashlib
import json
import os
import secrets
import ssl
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import psycopg
from django.conf import settings
from django.contrib import auth
from django.contrib.sessions.serializers import JSONSerializer
from django.core import signing

from apps.core.ids import uuid7
from apps.core.principals import RequestContext, Scheme
from apps.domain.hsm_client.protocol import IssueToken, Request, UnsealSecret, UseKey, pack_request
from apps.domain.identity.models import User
from apps.domain.identity.rules import digest_of, session_key_of
from benchmarks.https import Https
from benchmarks.polling import HttpRequest, HttpTarget, LaneRequest, Question
from benchmarks.scenarios import WrongAnswer

_API = "?api-version=7.6"
_DIGEST = hashlib.sha256(b"what is signed").digest()
_SIGN = {"alg": "ES256", "value": base64.urlsafe_b64encode(_DIGEST).decode().rstrip("=")}
_PORTAL_SESSIONS = "django_session"
AUDITOR_SESSIONS = "identity_auditorsession"
ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
KEY_USE, SECRET_GET, METADATA = "key use", "secret get", "metadata"
MANAGEMENT, PAGES, TOKENS = "management API", "pages", "token endpoint"
WORLD = "europe"

Json = dict[str, Any]


def new_name(what: str) -> str:
    """A name that nothing else has; a vault's is at most 24 characters."""
    return f"{what}-{secrets.token_hex(4)}"


def portal_cookie(session: str) -> Json:
    """The header of a browser with this session."""
    return {"Cookie": f"{settings.SESSION_COOKIE_NAME}={session}"}


@dataclass(frozen=True)
class Application:
    name: str
    client_id: uuid.UUID
    principal_id: uuid.UUID
    secret: str = field(repr=False)


@dataclass(frozen=True)
class Person:
    id: uuid.UUID
    username: str


@dataclass(frozen=True)
class Objects:
    """A vault with one key and one secret, and the newest version of each."""

    vault: str
    key: str
    key_version: str
    secret: str
    secret_version: str


class Installation:
    """The running system that the environment of `./portal bench` names."""

    def __init__(self) -> None:
        self.authority = Path(os.environ["PORTAL_CA"])
        self.portal = urlsplit(os.environ["PORTAL_URL"]).hostname or ""
        self.suffix = self.portal.partition(".")[2]
        self.port = int(os.environ["PUBLIC_PORT"])
        self.tenant = os.environ["AZURE_TENANT_ID"]
        self.database = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)
        self._tls = ssl.create_default_context(cafile=str(self.authority))
        self._making = threading.Lock()

    def close(self) -> None:
        self.database.close()

    def select(self, statement: str, *values: Any) -> Any:
        """The first column of the first row."""
        row = self.database.execute(statement, values).fetchone()
        return row[0] if row else None

    @contextlib.contextmanager
    def unread_notes(self) -> Iterator[None]:
        """In the block no process can read the notes of changes (apps/core/change_feed.py): as if each was lost."""
        self.database.execute("REVOKE SELECT ON core_change FROM vault_web, vault_hsm")
        try:
            yield
        finally:
            self.database.execute("GRANT SELECT ON core_change TO vault_web, vault_hsm")

    # What security operations do, and what applications make for themselves.

    def manage(self, method: str, path: str, body: Json | None = None) -> Any:
        """Call the management API as the demo's security operations. Raises `WrongAnswer`."""
        return self._admin.call(method, f"/api/v1/{path}", body)

    def manage_as(self, token: str, method: str, path: str, body: Json | None = None) -> Any:
        """Call the management API with another person's token. Raises `WrongAnswer`."""
        return self._client(self.portal, token).call(method, f"/api/v1/{path}", body)

    @cached_property
    def _admin(self) -> Https:
        person = self.select("SELECT id FROM identity_user WHERE username = %s", os.environ["PORTAL_USER_SECOPS"])
        _, token = self.management_token(Person(person, os.environ["PORTAL_USER_SECOPS"]))
        return self._client(self.portal, token)

    def _client(self, host: str, token: str) -> Https:
        client = Https(f"https://{host}:{self.port}", authority=self.authority)
        client.headers["Authorization"] = f"Bearer {token}"
        return client

    def application(self) -> Application:
        """A new application without a role."""
        made = self.manage("POST", "applications", {"name": new_name("revoked")})
        client, principal = uuid.UUID(made["client_id"]), uuid.UUID(made["principal_id"])
        return Application(made["name"], client, principal, made["client_secret"])

    def access_token(self, client_id: object, secret: str) -> str:
        form = {"client_id": str(client_id), "client_secret": secret, **self._token_form()}
        login = Https(os.environ["PORTAL_AUTHORITY"], authority=self.authority)
        return str(login.post_form(self._token_path(), form)["access_token"])

    def vault(self) -> str:
        """A new vault, in which the demo's application may do everything."""
        name = new_name("rv")
        self.manage("POST", "vaults", {"name": name, "world": WORLD})
        administrator = {"application": "demo-application", "role": "key-vault-administrator"}
        self.manage("POST", f"vaults/{name}/role-assignments", administrator)
        return name

    def objects(self, vault: str) -> Objects:
        """A new key and a new secret in a vault."""
        key, secret = new_name("key"), new_name("secret")
        token = self.access_token(os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"])
        client = self._client(f"{vault}.{self.suffix}", token)
        made = client.call("POST", f"/keys/{key}/create{_API}", {"kty": "EC-HSM", "crv": "P-256"})
        put = client.call("PUT", f"/secrets/{secret}{_API}", {"value": "v" * 100})
        return Objects(vault, key, made["key"]["kid"].rpartition("/")[2], secret, put["id"].rpartition("/")[2])

    @property
    def shared(self) -> Objects:
        """A key and a secret that nothing is done to, in one vault for all."""
        with self._making:
            return self._shared

    @cached_property
    def _shared(self) -> Objects:
        return self.objects(self.vault())

    def vault_id(self, name: str) -> uuid.UUID:
        found: uuid.UUID = self.select("SELECT id FROM vaults_vault WHERE name = %s", name)
        return found

    # People.

    def person(self, duty: str) -> Person:
        """A new person, who has a password that nobody knows."""
        person = Person(uuid7(), new_name(duty.partition("-")[0]))
        self.database.execute(
            "INSERT INTO identity_user (id, username, email, password, kind, duty, is_active, is_staff, is_superuser, "
            "created) VALUES (%s, %s, '', %s, 'person', %s, true, false, false, now())",
            [person.id, person.username, f"!{secrets.token_hex(16)}", duty],
        )
        return person

    def management_token(self, person: Person) -> tuple[uuid.UUID, str]:
        """(id, token) of a command line, whose owner has just confirmed who they are, for a day."""
        token, pk = f"vpm_{secrets.token_urlsafe(32)}", uuid7()
        mark = hashlib.sha256(self._session_hash(person).encode()).digest()
        self.database.execute(
            "INSERT INTO identity_managementtoken (id, digest, person_id, password_mark, label, address, created, "
            "proven, expires) VALUES (%s, %s, %s, %s, '', '', now(), now() + interval '1 day', now() + interval '8h')",
            [pk, digest_of(token), person.id, mark],
        )
        return pk, token

    def session(self, person: Person, table: str = _PORTAL_SESSIONS) -> str:
        """The cookie of a new session in a browser, with a second factor."""
        cookie = secrets.token_urlsafe(32)
        kept = {
            auth.SESSION_KEY: str(person.id),
            auth.BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[-1],
            auth.HASH_SESSION_KEY: self._session_hash(person),
            "second_factor": True,
        }
        salt = "django.contrib.sessions.SessionStore"
        data = signing.dumps(kept, key=settings.SECRET_KEY, salt=salt, serializer=JSONSerializer, compress=True)
        self.database.execute(
            f"INSERT INTO {table} VALUES (%s, %s, now() + interval '8 hours')", [session_key_of(cookie), data]
        )
        return cookie

    def sign_out(self, session: str) -> None:
        """End a session as the form on its pages does."""
        csrf = secrets.token_hex(16)
        headers = {
            "Cookie": f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={csrf}",
            "X-CSRFToken": csrf,
            "Referer": f"https://{self.portal}:{self.port}/",
        }
        ask = self._http(self._webs(self.portal)[0], "/account/logout/", headers, "")
        status = ask()
        ask.close()
        if status != 302:
            raise WrongAnswer(f"signing out answered {status}")

    def _session_hash(self, person: Person) -> str:
        query = "SELECT password, era FROM identity_user WHERE id = %s"
        row = self.database.execute(query, [person.id]).fetchone()
        assert row is not None  # the caller has made the person
        return str(User(password=row[0], era=row[1]).get_session_auth_hash())

    # Questions.

    def of_application(self, token: str, held: Objects) -> list[Question]:
        """All that an application may ask of a vault."""
        return [*self.key_use(token, held), *self.secret_get(token, held), *self.metadata(token, held)]

    def key_use(self, token: str, held: Objects, *, version: str = "") -> list[Question]:
        path = f"/keys/{held.key}/{version}/sign" if version else f"/keys/{held.key}/sign"
        return [
            *self._of_vault(KEY_USE, token, held, path, _SIGN),
            *self.lanes(KEY_USE, lambda: self._use_key(held, version, Scheme.BEARER, token)),
        ]

    def secret_get(self, token: str, held: Objects) -> list[Question]:
        def unseal() -> Request:
            return UnsealSecret(0.0, _context(Scheme.BEARER, token), held.vault, held.secret, "")

        return [
            *self._of_vault(SECRET_GET, token, held, f"/secrets/{held.secret}"),
            *self.lanes(SECRET_GET, unseal),
        ]

    def metadata(self, token: str, held: Objects, *, lists: bool = True) -> list[Question]:
        """The attributes of the key, and the list of keys."""
        paths = [f"/keys/{held.key}", *(["/keys"] if lists else [])]
        return [question for path in paths for question in self._of_vault(METADATA, token, held, path)]

    def tokens(self, application: Application, form: Callable[[], Json]) -> list[Question]:
        """Ask for access tokens; the form has the credential, for each connection another where it must."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        asked: list[Question] = []
        for target in self._webs(urlsplit(os.environ["PORTAL_AUTHORITY"]).hostname or ""):
            fields = urlencode({"client_id": str(application.client_id), **self._token_form(), **form()})
            asked += self._questions(TOKENS, [target], self._token_path(), headers=headers, body=fields)
        credential = form()
        secret, assertion = credential.get("client_secret", ""), credential.get("client_assertion", "")

        def issue() -> Request:
            return IssueToken(0.0, _context(Scheme.NONE, ""), application.client_id.hex, secret, assertion)

        world = self.select("SELECT world_name FROM identity_signingkey WHERE retired IS NULL LIMIT 1")
        return [*asked, *self.lanes(TOKENS, issue, world=world)]

    def person_uses_key(self, held: Objects, scheme: Scheme, credential: str) -> list[Question]:
        """A test call as the web process sends it to the HSM workers."""
        return self.lanes(KEY_USE, lambda: self._use_key(held, "", scheme, credential))

    def management(self, headers: Json, path: str, *, post: bool = False) -> list[Question]:
        asked, body = {"Content-Type": "application/json", **headers}, "" if post else None
        return self._questions(MANAGEMENT, self._webs(self.portal), f"/api/v1/{path}", headers=asked, body=body)

    def pages(self, headers: Json, path: str) -> list[Question]:
        return self._questions(PAGES, self._webs(self.portal), path, headers=headers)

    def auditors_host(self, place: str, headers: Json, path: str) -> list[Question]:
        url = urlsplit(os.environ["PORTAL_AUDIT_URL"])
        target = HttpTarget("auditor-web", "127.0.0.1", url.port or 443, url.hostname or "")
        return self._questions(place, [target], path, headers=headers)

    def lanes(self, place: str, request: Callable[[], Request], *, world: str = WORLD) -> list[Question]:
        """The request to each HSM worker of a world, as a web process sends it."""
        sockets = sorted((Path(os.environ["LANE_DIR"]) / world / "web").glob("*.sock"))
        return [
            Question(place, f"HSM worker {path.stem}", LaneRequest(str(path), lambda: pack_request(request())))
            for path in sockets
        ]

    def processes(self) -> dict[str, int]:
        """The ids of the processes that the supervisor started, by name."""
        status = json.loads((Path(os.environ["TEST_STATE_DIR"]) / "status.json").read_text(encoding="utf-8"))
        return {name: int(process["pid"]) for name, process in status["processes"].items()}

    @cached_property
    def _web_addresses(self) -> dict[str, str]:
        listening = {"web": "127.0.0.1", "web6": "::1"}
        return {name: listening[name] for name in self.processes() if name in listening}

    def _webs(self, host: str) -> list[HttpTarget]:
        return [HttpTarget(name, address, self.port, host) for name, address in self._web_addresses.items()]

    def _of_vault(self, place: str, token: str, held: Objects, path: str, body: Json | None = None) -> list[Question]:
        """With a body a POST."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        text = None if body is None else json.dumps(body)
        targets = self._webs(f"{held.vault}.{self.suffix}")
        return self._questions(place, targets, path + _API, headers=headers, body=text)

    def _questions(
        self, place: str, targets: Sequence[HttpTarget], path: str, *, headers: Json, body: str | None = None
    ) -> list[Question]:
        """With a body, also an empty one, a POST."""
        return [Question(place, target.process, self._http(target, path, headers, body)) for target in targets]

    def _http(self, target: HttpTarget, path: str, headers: Json, body: str | None) -> HttpRequest:
        return HttpRequest(target, self._tls, "GET" if body is None else "POST", path, body=body, headers=headers)

    def _use_key(self, held: Objects, version: str, scheme: Scheme, credential: str) -> Request:
        context = _context(scheme, credential)
        return UseKey(0.0, context, held.vault, held.key, version, "keys/sign", "ES256", _DIGEST)

    def _token_path(self) -> str:
        return f"/{self.tenant}/oauth2/v2.0/token"

    def _token_form(self) -> Json:
        return {"grant_type": "client_credentials", "scope": f"https://{self.suffix}:{self.port}/.default"}


def _context(scheme: Scheme, credential: str) -> RequestContext:
    return RequestContext(request_id=uuid7(), address="127.0.0.1", scheme=scheme, credential=credential)
