"""Assertions of another issuer, over real TLS; and addresses that are never asked."""

import contextlib
import datetime as dt
import hashlib
import json
import os
import threading
import time
import uuid
from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from apps.core.clock import now
from apps.core.errors import VaultError
from apps.domain.access.permissions import Permission
from apps.domain.denials.credential_diagnosis import diagnose_credentials
from apps.domain.identity import attestation, client_assertions, credentials, document_fetch, operations, queries
from apps.domain.identity.assertion_diagnosis import diagnose
from apps.domain.identity.issuer_keys import readable_keys
from apps.domain.identity.models import AttestationAuthority
from apps.interfaces.token_service import views
from tests.support import actors
from tests.support.https_server import Handler, HttpsServer

pytestmark = [pytest.mark.django_db, pytest.mark.stack]
AUDIENCE = "api://AzureADTokenExchange"
SUBJECT = "system:serviceaccount:payroll:worker"


PUBLISHED = {}  # kid: key, beside that of the fixture


def published(kid):
    return {**jwt.algorithms.RSAAlgorithm.to_jwk(PUBLISHED[kid].public_key(), as_dict=True), "kid": kid}


@pytest.fixture(scope="module")
def issuer():
    """(address, key, what it was asked)."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    tls = Path(os.environ["TEST_STATE_DIR"]) / "tls"
    asked = []

    class Documents(Handler):
        protocol_version = "HTTP/1.0"  # the end of an answer is that of the connection

        def do_GET(self):
            asked.append(self.path)
            if self.path == "/trickle":
                self.trickle()
                return
            if self.path.startswith("/slow"):
                time.sleep(2)
                self.send_error(503)
                return
            jwk = jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key(), as_dict=True)
            documents = {
                "/.well-known/openid-configuration": {"issuer": url, "jwks_uri": f"{url}/keys"},
                "/keys": {"keys": [{**jwk, "kid": "one"}, *map(published, PUBLISHED)]},
            }
            self.answer(200, json.dumps(documents[self.path]).encode())

        def trickle(self):
            self.send_response(200)
            self.send_header("Content-Length", "100")
            self.end_headers()
            with contextlib.suppress(OSError):
                for _ in range(12):
                    self.wfile.write(b" ")
                    time.sleep(0.5)

    server = HttpsServer(Documents, tls / "server.pem", tls / "server.key")
    url = f"https://issuer.vault.localhost:{server.port}"
    yield url, key, asked
    server.close()


@pytest.fixture
def trusting(people, issuer, settings, stack):
    """An application that trusts the issuer, which is allowed to be inside."""
    settings.FEDERATION_INSIDE_HOSTS = frozenset({"issuer.vault.localhost"})
    settings.FEDERATION_CA_FILE = stack.ca
    client_assertions._failed_issuers.clear()
    grant = actors.grant_of(people.secops, Permission.APPLICATIONS_CREATE)
    made, _ = operations.create_application(grant=grant, name=f"app-{uuid.uuid4()}", now=now())
    credentials.add_trust(
        grant=grant, application=made, issuer=issuer[0], subject=SUBJECT, audience=AUDIENCE, now=now()
    )
    yield made
    client_assertions._running_fetches.clear()


def token(issuer, *, key=None, kid="one", algorithm="RS256", **changes):
    claims = {"iss": issuer[0], "sub": SUBJECT, "aud": AUDIENCE, "exp": int(time.time()) + 600} | changes
    return jwt.encode(claims, key or issuer[1], algorithm=algorithm, headers={"kid": kid})


def check(application, assertion, moment=None):
    return sign_in(application.client_id, assertion, moment or now())


def sign_in(client_id, assertion, moment, address="192.0.2.7"):
    """As the web process fetches the issuer's keys and the HSM worker verifies."""
    keys = client_assertions.fetch_issuer_keys(client_id=client_id, assertion=assertion)
    return client_assertions.verify_assertion(
        client_id=client_id, assertion=assertion, issuer_keys=keys, address=address, now=moment
    )


def test_the_trusted_subject_signs_in(issuer, trusting):
    principal = check(trusting, token(issuer))
    assert principal.client_id == str(trusting.client_id)
    assert check(trusting, token(issuer, aud=["x", AUDIENCE])) is not None


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": "system:serviceaccount:payroll:other"},
        {"sub": SUBJECT.upper()},
        {"aud": "api://other"},
        {"aud": [AUDIENCE, 5]},
        {"exp": 1},
        {"nbf": 9_999_999_999},
        {"exp": "soon"},
        {"kid": "two"},
        {"iss": "https://elsewhere.example.org"},
        {"iss": "https://elsewhere.example.org/\0"},
        {"sub": f"{SUBJECT}\0"},
        {"sub": "\ud800"},
    ],
    ids=str,
)
def test_nothing_else_does(issuer, trusting, changes):
    assert check(trusting, token(issuer, **changes)) is None


def test_a_new_key_of_the_issuer_is_asked_for_at_once_and_seldom(issuer, trusting):
    asked = issuer[2]
    assert check(trusting, token(issuer)) is not None
    newer = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    PUBLISHED["two"] = newer
    try:
        client_assertions._refetches.clear()
        assert check(trusting, token(issuer, key=newer, kid="two")) is not None
        before = len(asked)
        for number in range(5):
            assert check(trusting, token(issuer, key=newer, kid=f"unknown-{number}")) is None
        assert len(asked) == before, "anybody can name a key"
        assert check(trusting, token(issuer)) is not None
    finally:
        del PUBLISHED["two"]
        client_assertions._keys.clear()


@pytest.mark.parametrize("entry", [5, None, "text", [], {}, {"kid": None}, {"kid": "x", "kty": "RSA", "n": 5, "e": []}])
def test_a_broken_entry_among_the_keys_does_not_break_the_others(issuer, entry):
    jwk = jwt.algorithms.RSAAlgorithm.to_jwk(issuer[1].public_key(), as_dict=True)
    document = {"keys": [entry, {**jwk, "kid": "one"}, entry]}
    assert list(readable_keys(document)) == ["one"]
    for keys in (entry, {"keys": entry}):
        assert readable_keys(keys if isinstance(keys, dict) else {}) == {}


@pytest.mark.parametrize(
    ("changes", "code", "named"),
    [
        ({"sub": "system:serviceaccount:payroll:other"}, "AADSTS70021", "payroll:other"),
        ({"aud": "api://other"}, "AADSTS70021", "'api://other'"),
        ({"iss": "https://elsewhere.example.org"}, "AADSTS70021", "'https://elsewhere.example.org'"),
        ({"exp": 1}, "AADSTS700024", "1970-01-01T00:00:01Z"),
        ({"exp": "soon"}, "AADSTS700024", "'soon'"),
        ({"nbf": 9_999_999_999}, "AADSTS700024", "2286-11-20"),
        ({"kid": "nine"}, "AADSTS700027", "the key 'nine'"),
        ({"key": rsa.generate_private_key(public_exponent=65537, key_size=2048)}, "AADSTS700027", "does not verify"),
    ],
    ids=["subject", "audience", "issuer", "expired", "no time", "too early", "kid", "signature"],
)
def test_the_denial_names_what_was_presented(issuer, trusting, changes, code, named):
    client_assertions._refetches.clear()
    assertion = token(issuer, **changes)
    assert check(trusting, assertion) is None
    keys = client_assertions.fetch_issuer_keys(client_id=trusting.client_id, assertion=assertion)
    denial = diagnose(client_id=trusting.client_id, assertion=assertion, issuer_keys=keys, now=now())
    assert denial.code == code
    assert named in denial.sentence
    assert str(denial).startswith(f"{code}: ")


def test_a_stranger_learns_no_trust_from_the_denial(issuer, trusting):
    """Which of the three differs, and whether the application exists, is for its owner only."""
    sentences = set()
    for client_id, changes in (
        (trusting.client_id, {"sub": "x"}),
        (uuid.uuid4(), {"sub": "x"}),
    ):
        assertion = token(issuer, **changes)
        sentences.add(diagnose(client_id=client_id, assertion=assertion, issuer_keys={}, now=now()))
    assert len(sentences) == 1
    assert SUBJECT not in str(sentences)


def test_the_owner_is_told_what_is_required(trusting):
    result = diagnose_credentials(trusting, reason="AADSTS70021", at=now())
    assert f"subject '{SUBJECT}'" in result
    assert f"audience '{AUDIENCE}'" in result


def test_another_key_another_algorithm_and_another_application_do_not(issuer, trusting, people):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    assert check(trusting, token(issuer, key=other)) is None
    assert check(trusting, token(issuer, key="0" * 64, algorithm="HS256")) is None
    assert check(trusting, token(issuer) + "x") is None
    assert check(trusting, "x" * 20_000) is None
    assert sign_in(uuid.UUID(people.app.client_id), token(issuer), now()) is None


def test_an_expired_assertion_is_refused_at_its_second(issuer, trusting):
    assertion = token(issuer)
    assert check(trusting, assertion) is not None
    assert check(trusting, assertion, now() + dt.timedelta(seconds=601)) is None


def test_an_issuer_inside_the_network_is_not_asked(issuer, trusting, settings):
    settings.FEDERATION_INSIDE_HOSTS = frozenset()
    client_assertions._keys.clear()
    before = len(issuer[2])
    assert check(trusting, token(issuer)) is None
    assert len(issuer[2]) == before


def test_an_issuer_that_nobody_named_is_not_asked(issuer, trusting):
    client_assertions._keys.clear()
    before = len(issuer[2])
    assert check(trusting, token(issuer, sub="another")) is None
    assert len(issuer[2]) == before


def test_an_issuer_that_trickles_is_left(issuer, trusting, settings, monkeypatch):
    """A byte now and then keeps no thread of ours for longer than the whole answer may take."""
    settings.FEDERATION_INSIDE_HOSTS = frozenset({"issuer.vault.localhost"})
    monkeypatch.setattr(document_fetch, "_SECONDS", 1.0)
    began = time.monotonic()
    with pytest.raises(document_fetch.NoDocument):
        document_fetch.fetch_json(f"{issuer[0]}/trickle")
    assert time.monotonic() - began < 3


@pytest.fixture
def authority(people, issuer, stack):
    """The issuer as an attestation authority: an address that a person has entered, as any other."""
    return AttestationAuthority(url=issuer[0], ca_pem=Path(stack.ca).read_text())


def test_an_attestation_authority_inside_the_network_is_not_asked(authority, issuer, settings):
    settings.FEDERATION_INSIDE_HOSTS = frozenset()
    before = len(issuer[2])
    with pytest.raises(attestation.AttestationUnavailable):
        attestation._fetch_keys(authority)
    assert len(issuer[2]) == before
    settings.FEDERATION_INSIDE_HOSTS = frozenset({"issuer.vault.localhost"})
    assert list(attestation._fetch_keys(authority)) == ["one"]


def test_a_new_key_of_an_attestation_authority_is_asked_for_at_once(authority, issuer, settings):
    settings.FEDERATION_INSIDE_HOSTS = frozenset({"issuer.vault.localhost"})
    attestation._keys.clear()
    attestation._refetches.clear()
    assert attestation._find_key(authority, "one") is not None
    PUBLISHED["two"] = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    try:
        assert attestation._find_key(authority, "two") is not None
        before = len(issuer[2])
        assert attestation._find_key(authority, "three") is None
        assert len(issuer[2]) == before, "anybody can name a key"
    finally:
        del PUBLISHED["two"]
        attestation._keys.clear()


def test_an_attestation_authority_that_trickles_is_left(authority, issuer, settings, monkeypatch):
    settings.FEDERATION_INSIDE_HOSTS = frozenset({"issuer.vault.localhost"})
    monkeypatch.setattr(document_fetch, "_SECONDS", 1.0)
    began = time.monotonic()
    with pytest.raises(attestation.AttestationUnavailable):
        attestation._get(authority, f"{issuer[0]}/trickle")
    assert time.monotonic() - began < 3


def timed(ask):
    """(seconds, what was raised)"""
    began = time.monotonic()
    with pytest.raises(VaultError) as raised:
        ask()
    return time.monotonic() - began, raised.type


def test_a_slow_issuer_holds_one_thread_alone(issuer, trusting):
    """Requests during the fetch get Retry-After at once, so threads stay free for other callers."""
    found, slow = [], f"{issuer[0]}/slow"
    threads = [
        threading.Thread(target=lambda: found.append(timed(lambda: client_assertions._keys_of(slow, trusting.pk))))
        for _ in range(20)
    ]
    before = len(issuer[2])
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    quick = [kind for seconds, kind in found if seconds < 0.5]
    assert quick == [client_assertions.IssuerBusy] * 19
    assert len(issuer[2]) == before + 1
    assert (
        timed(lambda: client_assertions._keys_of(slow, trusting.pk))[1] is document_fetch.NoDocument
    )  # left alone now


def test_slow_issuers_of_one_owner_leave_room_for_anothers(issuer, trusting):
    owners = [uuid.uuid4() for _ in range(3)]
    asking = [
        threading.Thread(target=timed, args=[lambda i=i, o=o: client_assertions._keys_of(f"{issuer[0]}/slow/{i}", o)])
        for i, o in enumerate(owners[:2])
    ]
    asking[0].start()
    wait_until(lambda: len(client_assertions._running_fetches) == 1)
    assert (
        timed(lambda: client_assertions._keys_of(f"{issuer[0]}/slow/more", owners[0]))[1]
        is client_assertions.IssuerBusy
    )
    asking[1].start()
    wait_until(lambda: len(client_assertions._running_fetches) == 2)
    assert (
        timed(lambda: client_assertions._keys_of(issuer[0], owners[2]))[1] is client_assertions.IssuerBusy
    )  # two in all
    for thread in asking:
        thread.join()
    assert client_assertions._keys_of(issuer[0], owners[2])


def test_keys_that_are_fetched_anew_stay_good_meanwhile(issuer, trusting):
    assert check(trusting, token(issuer)) is not None
    client_assertions._keys.clear()  # as after five minutes
    client_assertions._running_fetches[hashlib.sha256(issuer[0].encode()).hexdigest()] = (
        trusting.pk
    )  # somebody asks now
    assert check(trusting, token(issuer)) is not None
    client_assertions._stale_keys.clear()  # as after ten
    with pytest.raises(client_assertions.IssuerBusy):
        check(trusting, token(issuer))


def test_a_client_is_told_to_come_again_while_an_issuer_is_asked(issuer, trusting, rf):
    client_assertions._running_fetches[hashlib.sha256(issuer[0].encode()).hexdigest()] = trusting.pk
    client_assertions._keys.clear()
    client_assertions._stale_keys.clear()
    form = {
        "grant_type": "client_credentials",
        "scope": f"{queries.addresses().resource}/.default",
        "client_id": str(trusting.client_id),
        "client_assertion_type": client_assertions.ASSERTION_TYPE,
        "client_assertion": token(issuer),
    }
    answer = views.token(rf.post("/", form), str(queries.get_organisation().tenant_id))
    assert (answer.status_code, answer["Retry-After"]) == (503, "1")


def wait_until(true):
    until = time.monotonic() + 5
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


@pytest.mark.parametrize(
    "url",
    ["http://a.example", "https://", "https://u@a.example", "https://a.example?x", "https://a.example#x", "ftp://a.example",
     "https://a.example:0", "https://a.example:99999", "https://[::1", "https://a example", "https://a\\b.example", "file:///etc/passwd"],
)  # fmt: skip
def test_an_address_has_its_form(url):
    with pytest.raises(document_fetch.BadAddress):
        document_fetch.check_address(url)
