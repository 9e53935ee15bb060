"""`./portal bench revocation`: how long after a withdrawal was committed a request still succeeds, in each process.

Each kind of withdrawal is made again and again while each place that it ends is asked on connections of its own: every
web process and every HSM worker of the world. It is made as people make it, by SQL alone, and by SQL while no process
can read the notes that tell of changes. What counts is the last request that began after the commit and succeeded.
Exit 1 above the limit.
"""

import argparse
import contextlib
import random
import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import django
import psutil  # type: ignore[import-untyped]  # it has no types

django.setup()

from apps.core.change_feed import TRUST_SECONDS  # noqa: E402  models exist only now
from benchmarks.callers import Installation  # noqa: E402
from benchmarks.polling import HttpRequest, Poller, Watch, polling  # noqa: E402
from benchmarks.withdrawals import KINDS, Withdrawal  # noqa: E402

LIMIT = 1.0
_AFTER = 0.4  # requests go on for so long after the limit
_PATIENCE = 20.0  # until each request succeeds, and until each is refused
PRODUCT, BY_SQL, UNREAD = "product", "SQL", "SQL, notes unread"
WAYS = {"product": PRODUCT, "sql": BY_SQL, "unread": UNREAD}


@dataclass
class Figures:
    """Seconds after the commit, one of each round."""

    last_success: list[float] = field(default_factory=list)
    first_refusal: list[float] = field(default_factory=list)
    places: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))  # largest last success

    def add(self, pollers: Sequence[Poller], committed: float) -> None:
        for poller in pollers:
            place = (poller.question.place, poller.question.process)
            self.places[place] = max(self.places[place], poller.last_success(committed))
        self.last_success.append(max(poller.last_success(committed) for poller in pollers))
        self.first_refusal.append(min(poller.first_refusal(committed) for poller in pollers))


def measure(kind: Withdrawal, way: str, figures: Figures, *, serving: "Serving") -> None:
    """One round: give, ask until everything succeeds, withdraw, and ask until everything is refused."""
    kind.give()
    with polling(kind.questions(), kind.refusals) as pollers:
        _wait(lambda: all(poller.is_allowed() for poller in pollers), _PATIENCE)
        _demand(pollers, Poller.is_allowed, f"{kind.name}: was not given")
        serving.note(pollers)
        time.sleep(random.uniform(0, TRUST_SECONDS))  # the caches are of any age
        with kind.site.unread_notes() if way == UNREAD else contextlib.nullcontext():
            with Watch(kind.row.still) as watch:
                (kind.withdraw if way == PRODUCT else kind.withdraw_by_sql)()
                committed = watch.wait(kind.commit_seconds)
            time.sleep(max(0.0, committed + LIMIT + _AFTER - time.monotonic()))
            _wait(lambda: all(poller.is_refused(committed) for poller in pollers), _PATIENCE)
    figures.add(pollers, committed)
    _demand(pollers, lambda poller: poller.is_refused(committed), f"{kind.name}: never took effect")


class Serving:
    """Which web processes have answered, found by the connections of this machine."""

    def __init__(self, site: Installation) -> None:
        self._mains = {name: pid for name, pid in site.processes().items() if name in ("web", "web6", "auditor-web")}
        self.expected = {worker: name for name, pid in self._mains.items() for worker in _workers_of(pid)}
        self.seen: set[int] = set()

    def note(self, pollers: Sequence[Poller]) -> None:
        asks = [poller.question.ask for poller in pollers]
        ports = {ask.local_port() for ask in asks if isinstance(ask, HttpRequest)}
        for connection in psutil.net_connections("tcp"):
            if connection.raddr and connection.raddr.port in ports and connection.pid in self.expected:
                self.seen.add(connection.pid)

    def __str__(self) -> str:
        names = ", ".join(sorted(f"{name} (process {pid})" for pid, name in self.expected.items() if pid in self.seen))
        missing = sorted(name for pid, name in self.expected.items() if pid not in self.seen)
        return f"Asked: {names}" + (
            f"; NOT asked: {', '.join(missing)}" if missing else "; no web process was left out"
        )


def _workers_of(pid: int) -> set[int]:
    """The processes below a web process that listen; without any, the process itself."""
    children = psutil.Process(pid).children(recursive=True)
    return {child.pid for child in children if any(c.status == "LISTEN" for c in child.net_connections("tcp"))} or {pid}


def _wait(condition: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)


def _demand(pollers: Sequence[Poller], condition: Callable[[Poller], bool], what: str) -> None:
    """Raise `SystemExit` with the places of which the condition is not true."""
    missing = [poller for poller in pollers if not condition(poller)]
    if missing:
        places = "; ".join(f"{poller.question}: {[a.status for a in poller.answers[-3:]]}" for poller in missing)
        raise SystemExit(f"{what}: {places}")


def run(kinds: Sequence[type[Withdrawal]], ways: Sequence[str], rounds: int) -> float:
    """Print the tables, and return the longest last success."""
    site = Installation()
    serving, places, worst = Serving(site), dict[tuple[str, str], float](), 0.0
    columns = " | ".join(f"{way}: last success, s" for way in ways)
    print(f"| withdrawn | places | first refusal, s | {columns} | largest / {LIMIT} s |")
    print("|---|" + "---:|" * (len(ways) + 3))
    for make in kinds:
        kind, figures = make(site), {way: Figures() for way in ways}
        for way in ways:
            for _ in range(rounds):
                measure(kind, way, figures[way], serving=serving)
        kind.give()
        largest = max(max(found.last_success) for found in figures.values())
        worst = max(worst, largest)
        print(_row(kind.name, figures, largest), flush=True)
        for where, seconds in (item for found in figures.values() for item in found.places.items()):
            places[where] = max(places.get(where, 0.0), seconds)
    print("\n| place | process | largest last success, s |\n|---|---|---:|")
    for (place, process), seconds in sorted(places.items()):
        print(f"| {place} | {process} | {seconds:.2f} |")
    print(f"\n{serving}")
    site.close()
    return worst


def _row(name: str, figures: Mapping[str, Figures], largest: float) -> str:
    """Medians; of the last success also the largest."""
    all_figures = list(figures.values())
    first = statistics.median(seconds for found in all_figures for seconds in found.first_refusal)
    cells = [f"{statistics.median(found.last_success):.2f} ({max(found.last_success):.2f})" for found in all_figures]
    return f"| {name} | {len(all_figures[0].places)} | {first:.2f} | {' | '.join(cells)} | {largest / LIMIT:.2f} |"


def main() -> int:
    parser = argparse.ArgumentParser(prog="./portal bench revocation", description=__doc__)
    parser.add_argument("name", nargs="?", help="revocation, as `./portal bench` passes it on")
    names = {kind.__name__: kind for kind in KINDS}
    parser.add_argument("--only", choices=names, action="append", help="only these kinds")
    parser.add_argument("--way", choices=WAYS, action="append", help="only these ways")
    parser.add_argument("--rounds", type=int, default=10)
    options = parser.parse_args()
    kinds = [names[name] for name in options.only] if options.only else KINDS
    return int(run(kinds, [WAYS[way] for way in options.way or WAYS], options.rounds) > LIMIT)


if __name__ == "__main__":
    sys.exit(main())
