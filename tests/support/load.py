"""A load that keeps each answer with its request id, time and latency."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import urllib3

from tests.support.waiting import wait_until

# The guarantee is that service returns without manual action. How soon depends on the machine's load: this bound only
# tells a process that returns from one that stays away.
BACK_WITHIN = 40.0  # seconds


@dataclass(frozen=True)
class Answer:
    what: str
    status: int  # 0: the connection broke
    request_id: str
    at: float  # epoch seconds when the answer was there
    seconds: float
    body: bytes
    retry_after: str


class VaultClient:
    """Plain HTTPS with one bearer token; no retries, so that every failure is seen."""

    def __init__(self, stack):
        self.stack = stack
        self.http = urllib3.PoolManager(ca_certs=stack.ca, maxsize=64, retries=False, timeout=70)
        self.token = stack.token()

    def ask(self, what, method, path, body=None, *, vault_url=None):
        started = time.time()
        try:
            response = self.http.request(
                method,
                f"{vault_url or self.stack.vault_url}{path}?api-version=7.4",
                json=body,
                headers={"Authorization": f"Bearer {self.token}"},
            )
        except urllib3.exceptions.HTTPError as error:
            return Answer(what, 0, "", time.time(), time.time() - started, repr(error).encode(), "")
        now = time.time()
        headers = response.headers
        return Answer(
            what,
            response.status,
            headers.get("x-ms-request-id", ""),
            now,
            now - started,
            response.data,
            headers.get("Retry-After", ""),
        )

    def ask_patiently(self, *request):
        """The answer, asked for again while a restarted process is not ready yet."""
        return wait_until(lambda: (answer := self.ask(*request)).status not in (0, 503) and answer, "an answer")


@dataclass
class Load:
    """Runs `acts` in `threads` threads until stopped."""

    acts: list[Callable[[], Answer]]
    threads: int = 8
    answers: list[Answer] = field(default_factory=list)
    _stop: threading.Event = field(default_factory=threading.Event)
    _running: list[threading.Thread] = field(default_factory=list)

    def __enter__(self):
        for number in range(self.threads):
            thread = threading.Thread(target=self._run, args=(self.acts[number % len(self.acts)],), daemon=True)
            thread.start()
            self._running.append(thread)
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._running:
            thread.join(timeout=75)

    def _run(self, act):
        while not self._stop.is_set():
            answer = act()
            self.answers.append(answer)
            if answer.status != 200:
                time.sleep(0.02)

    def good(self):
        return [answer for answer in self.answers if answer.status in (200, 201)]

    def wait_good(self, count):
        """Until so many requests have succeeded."""
        wait_until(lambda: len(self.good()) >= count, f"{count} good answers")

    def wait_steady(self, since, *, seconds=4):
        """Until requests of each kind that began after `since` succeed and none has failed for `seconds`.

        A killed HSM worker answers 503 for a moment when it is back, before its token is open: the time covers that.

        The moment of the last failure, or `since` when there was none.
        """
        kinds = len(set(self.acts))

        def last_failure():
            later = [answer for answer in list(self.answers) if answer.at > since]
            failed = max((answer.at for answer in later if answer.status not in (200, 201)), default=since)
            good = [answer for answer in later if answer.at - answer.seconds > failed and answer.status in (200, 201)]
            steady = time.time() > failed + seconds and len({answer.what for answer in good}) == kinds
            return failed if steady and len(good) > 20 else None

        return wait_until(last_failure, "requests of each kind that succeed")
