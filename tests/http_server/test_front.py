"""Requests in front of the applications: complete, bounded, and with a slot each."""

import io
import json
import threading
import time

import pytest

from apps.core import busy
from apps.core.busy import Busy, Places
from apps.core.password_hashing import QueuedPBKDF2PasswordHasher
from apps.domain.vaults.queries import find_vault
from apps.interfaces.http_server.pages_front import PagesFront
from apps.interfaces.http_server.request_body import Incomplete, LengthRequired, TooLarge, read_body
from apps.interfaces.http_server.vaults_front import VaultsFront
from tests.support.actors import make_vault, make_world
from tests.support.waiting import wait_until


class Answer:
    def __call__(self, status, headers):
        self.status, self.headers = int(status.partition(" ")[0]), dict(headers)


class Upload(io.RawIOBase):
    """A body of a length that nobody announced."""

    def __init__(self, length):
        self.left = length

    def read(self, size=-1):
        size = min(size, self.left)
        self.left -= size
        return b"x" * size


def ask(application, label, settings, *, path="/", body=b"", length=None, sender="192.0.2.1", token=""):
    host = f"{label}.{settings.VAULT_SUFFIX}:{settings.OWN_PORT}"
    environ = {"HTTP_AUTHORIZATION": token,
               "REQUEST_METHOD": "POST", "PATH_INFO": path, "HTTP_HOST": host, "REMOTE_ADDR": sender,
               "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body) if length is None else length)}  # fmt: skip
    answer = Answer()
    answer.body = b"".join(application(environ, answer))
    return answer


def echo(environ, start_response):
    start_response("200 OK", [])
    return [environ["wsgi.input"].read()]


@pytest.mark.parametrize(
    ("label", "shape"),
    [("payroll", "error"), ("login", "error"), ("auth", "error"), ("arm", "error"), ("portal", None)],
)
@pytest.mark.parametrize(("length", "status"), [(100, 408), (9_000_000, 413)])
def test_what_is_not_complete_or_too_large_never_reaches_the_application(settings, label, shape, length, status):
    answer = ask(VaultsFront(pytest.fail, portal=pytest.fail), label, settings, body=b"x" * 99, length=length)
    assert answer.status == status
    if shape:
        error = json.loads(answer.body)[shape]
        assert error == "invalid_request" if label in ("login", "auth") else error["message"]
    else:
        assert answer.headers["Content-Type"].startswith("text/plain")


def test_the_application_gets_the_whole_body(settings):
    assert (
        ask(VaultsFront(echo, portal=pytest.fail), "payroll", settings, path="/secrets/a", body=b"x" * 200_000).body
        == b"x" * 200_000
    )


def test_of_a_body_above_the_limit_of_its_route_only_a_surplus_byte_is_kept():
    body = read_body({"CONTENT_LENGTH": "3000000", "wsgi.input": io.BytesIO(b"x" * 3_000_000)}, largest=1000)
    assert len(body.getvalue()) == 1001


def test_a_chunked_body_is_refused_for_its_end_cannot_be_told_from_a_broken_connection(settings):
    chunked = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": "5", "wsgi.input": Upload(5)}
    with pytest.raises(LengthRequired):
        read_body(chunked, largest=1000)


@pytest.mark.parametrize("length", ["", "0", "-1", "x", "\u0663"])
def test_without_a_length_there_is_no_body(length):
    assert read_body({"CONTENT_LENGTH": length, "wsgi.input": Upload(5)}, largest=10).getvalue() == b""


@pytest.mark.parametrize(("length", "error"), [("99999999999999999999", TooLarge), ("6", Incomplete)])
def test_a_length_that_is_not_so(length, error):
    with pytest.raises(error):
        read_body({"CONTENT_LENGTH": length, "wsgi.input": io.BytesIO(b"12345")}, largest=10)


def test_pages_cannot_take_the_slots_of_the_data_plane(settings):
    """Sixty requests for pages that hang: some wait, the others get 503 at once, and a vault answers meanwhile."""
    release, statuses = threading.Event(), []

    def hang(environ, start_response):
        if environ["HTTP_HOST"].startswith("portal"):
            release.wait(20)
        return echo(environ, start_response)

    front = VaultsFront(hang, portal=PagesFront(hang))
    threads = [
        threading.Thread(target=lambda: statuses.append(ask(front, "portal", settings).status)) for _ in range(60)
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(statuses) == 44, "the surplus of this sender is refused", seconds=10, pause=0.01)
    assert ask(front, "payroll", settings, body=b"served").body == b"served"
    release.set()
    for thread in threads:
        thread.join()
    assert sorted(set(statuses)) == [200, 503]
    assert statuses.count(200) == 16
    assert ask(front, "portal", settings).status == 200


@pytest.mark.django_db
def test_no_world_waits_for_the_hsm_of_another(settings):
    """More requests than there are slots go to a world that does not answer; another world answers meanwhile."""
    settings.DATA_PLANE_SLOTS = 2
    release, hanging, statuses = threading.Event(), [], []

    def hang(environ, start_response):
        if environ["HTTP_HOST"].startswith("in-europe") and environ["PATH_INFO"] == "/keys/k/sign":
            hanging.append(environ["HTTP_HOST"])
            release.wait(20)
        return echo(environ, start_response)

    front = VaultsFront(hang, portal=pytest.fail)
    for world in ("europe", "america"):
        make_vault(make_world(world), f"in-{world}")
        find_vault(name=f"in-{world}")  # what a request does
        ask(front, f"in-{world}", settings, path="/keys", token="Bearer x")

    def request(world):
        return ask(front, f"in-{world}", settings, path="/keys/k/sign", body=b"digest", token="Bearer x")

    threads = [threading.Thread(target=lambda: statuses.append(request("europe").status)) for _ in range(5)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(hanging) == 2, "all slots of this world", seconds=10, pause=0.01)
    for _ in range(5):
        assert request("america").body == b"digest"
    assert (len(hanging), statuses) == (2, [])
    release.set()
    for thread in threads:
        thread.join()


def test_two_people_of_an_address_sign_in_at_once_and_leave_a_slot_for_another(settings):
    release, working = threading.Event(), []

    def hang(environ, start_response):
        working.append(environ["REMOTE_ADDR"])
        release.wait(20)
        return echo(environ, start_response)

    front, office, another = PagesFront(hang), "192.0.2.1", "198.51.100.1"
    senders = [office] * 3 + [another]
    threads = [
        threading.Thread(
            target=ask, args=(front, "portal", settings), kwargs={"path": "/account/login/", "sender": sender}
        )
        for sender in senders
    ]
    for thread in threads[:3]:
        thread.start()
    wait_until(lambda: len(working) == 2, "two of the office", seconds=10, pause=0.01)
    threads[3].start()
    wait_until(lambda: another in working, "a turn of the other address", seconds=10, pause=0.01)
    assert working == [office, office, another], "the third of the office waits"
    release.set()
    for thread in threads:
        thread.join()
    assert sorted(working) == sorted(senders)


@pytest.mark.parametrize("method", ["POST", "post", "Post"])
def test_a_sign_in_waits_for_its_own_slots_however_the_method_is_spelled(settings, method):
    """Django takes `post` for POST: in the slots of pages its hashes would delay people who are signed in."""
    front = PagesFront(echo)
    environ = {"REQUEST_METHOD": method, "PATH_INFO": "/account/login/"}
    assert front.route_of(environ) is front._sign_ins
    assert front.route_of({**environ, "PATH_INFO": "/vaults/"}) is front._pages


def test_invented_names_of_vaults_share_the_turns_of_one(settings):
    """A vault that serves a caller has turns of its own; whatever name a stranger invents, it waits with the others."""
    permits, served = threading.Semaphore(41), []

    def application(environ, start_response):
        label = environ["HTTP_HOST"].partition(".")[0]
        start_response("401 Unauthorized" if label.startswith("invented") else "200 OK", [])
        served.append(label)
        permits.acquire(timeout=20)
        return [b""]

    front = VaultsFront(application, portal=pytest.fail)
    names = [f"invented-{number}" for number in range(40)]
    for name in ("payroll", *names):
        ask(front, name, settings, token="Bearer x")
    served.clear()
    turns = front._slots[""]._turns
    threads = [
        threading.Thread(target=ask, args=(front, name, settings), kwargs={"token": "Bearer x"}) for name in names
    ]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(served) == 16 and turns._waiting, "a flood that has all slots")
    threads.append(threading.Thread(target=ask, args=(front, "payroll", settings), kwargs={"token": "Bearer x"}))
    threads[-1].start()
    wait_until(lambda: set(turns._waiting) == {"", "payroll"}, "one sender beside the vault", pause=0.005)
    permits.release()
    wait_until(lambda: len(served) == 17, "the next turn")
    assert served[-1] == "payroll"
    permits.release(100)
    for thread in threads:
        thread.join()
    assert not turns._turns


def test_one_sender_leaves_places_and_turns_for_others(monkeypatch):
    monkeypatch.setattr(busy, "_REFUSED_AFTER", 0.2)
    places, release, served = Places(most=5, most_of_a_sender=3, at_once=1), threading.Event(), []

    def work(sender):
        with places.taken(sender):
            served.append(sender)
            release.wait(20)

    flood = [threading.Thread(target=work, args=("flood",)) for _ in range(3)]
    for thread in flood:
        thread.start()
    wait_until(lambda: places._places["flood"] == 3, "all places of this sender", seconds=10, pause=0.01)
    asked_at = time.monotonic()
    with pytest.raises(Busy), places.taken("flood"):
        pass
    assert time.monotonic() - asked_at >= 0.2, "a program that repeats at once is slowed down"
    with places.taken("another"):
        assert served == ["flood"], "one has a turn, two wait behind it"
        with places.taken("a third"), pytest.raises(Busy), places.taken("a fourth"):
            pass
    release.set()
    for thread in flood:
        thread.join()
    assert served == ["flood"] * 3
    assert not places._places and not places._turns


def test_a_password_is_hashed_as_django_does_and_its_thread_has_low_priority():
    import os

    from apps.core import password_hashing

    hasher = QueuedPBKDF2PasswordHasher()
    encoded = hasher.encode("a password", "salt", 1000)
    assert encoded == super(QueuedPBKDF2PasswordHasher, hasher).encode("a password", "salt", 1000)
    assert hasher.verify("a password", encoded) and not hasher.verify("another", encoded)
    here = os.getpriority(os.PRIO_PROCESS, threading.get_native_id())
    there = (
        password_hashing._thread().submit(lambda: os.getpriority(os.PRIO_PROCESS, threading.get_native_id())).result()
    )
    assert there == here + 4
