"""`./portal bench [--quick] [--seconds N] [--only NAME] [--no-peer] [--write]`: the table of README.md, in one run.

Runs beside a system of its own (`apps/launcher/isolated_system.py`). It stops everything that it starts, also on
Ctrl-C. Exit 1 if a system gave a wrong answer; a goal that is not reached is
reported and ends with 0: a slow machine is no error.
"""

import argparse
import contextlib
import signal
import sys
from types import FrameType

from benchmarks import cpu, fill, machine, openbao_server, raw, report
from benchmarks.openbao import OpenBao
from benchmarks.portal import Portal
from benchmarks.scenarios import (
    CONNECTIONS,
    CROWDED,
    FEW_AND_MANY,
    QUICK,
    SCENARIOS,
    Results,
    Round,
    Series,
    System,
    WrongAnswer,
)

_FILLED = ("rsa-sign", "secret-get")
_RECORDS = 100_000  # of the log before the first round: its verification goes on while the system is measured
_DISTURBED = 0.1  # of the CPU used by programs that do not belong to the measurement


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        results = _measure(options)
    except WrongAnswer as error:
        _say(f"stopped: {error}")
        return 1
    except KeyboardInterrupt:
        _say("stopped")
        return 130
    text = report.markdown(results)
    print(text)
    if options.write:
        report.write(text)
        report.write_chart(results)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./portal bench", description="Measure Vault Portal beside its peers.")
    parser.add_argument("--quick", action="store_true", help="one round of 2 seconds of the main rows")
    parser.add_argument("--seconds", type=int, default=8, help="length of each of the three rounds (8)")
    parser.add_argument("--only", choices=SCENARIOS, action="append", metavar="NAME", help=", ".join(SCENARIOS))
    parser.add_argument("--no-peer", action="store_true", help="without OpenBao")
    parser.add_argument("--write", action="store_true", help="put the table into benchmarks/README.md")
    options = parser.parse_args()
    options.rounds = 1 if options.quick else 3
    options.seconds = 2 if options.quick else options.seconds
    options.warm_up = max(1, min(3, options.seconds // 3))
    options.lone = 1 if options.quick else min(3, options.seconds)
    # On a busy machine a quick run is less exact, and not longer.
    options.tries, options.patience = (1, 1) if options.quick else (3, 20)
    options.only = [name for name in SCENARIOS if name in (options.only or (QUICK if options.quick else SCENARIOS))]
    return options


def _measure(options: argparse.Namespace) -> Results:
    results = Results(machine=machine.describe(), rounds=options.rounds, seconds=options.seconds)
    with contextlib.ExitStack() as stack:
        _say("starting the raw processes and OpenBao, making keys")
        portal = Portal(options.only)
        systems: dict[str, System] = {"portal": portal, "raw": stack.enter_context(raw.running())}
        if not options.no_peer:
            peer = OpenBao(stack.enter_context(openbao_server.running()), options.only)
            systems["openbao"] = peer
            results.machine["OpenBao"] = peer.version
        if not options.quick:
            _say(f"filling the audit log with {_RECORDS:,} records")
            _fill_log(portal)
        theft = cpu.Theft()
        for scenario in options.only:
            results.table[scenario] = _compare(systems, scenario, options)
        results.stolen = theft.share()
        chosen = [scenario for scenario in _FILLED if scenario in options.only]
        if chosen:
            results.empty = {scenario: _alone(portal, scenario, options) for scenario in chosen}
            _say(f"inserting {fill.ROWS:,} keys and {fill.ROWS:,} secrets")
            fill.fill()
            results.filled = {scenario: _alone(portal, scenario, options) for scenario in chosen}
    return results


def _fill_log(portal: Portal) -> None:
    """Genuine records, by as many uses."""
    done = 0
    while done < _RECORDS:
        done += portal.measure("warm-up", seconds=10, connections=CONNECTIONS).requests


def _compare(systems: dict[str, System], scenario: str, options: argparse.Namespace) -> dict[str, Series]:
    """All systems in turn, round by round, so that what disturbs the machine disturbs all of them."""
    offering = {key: system for key, system in systems.items() if system.offers(scenario)}
    series = {key: Series() for key in offering}
    for system in offering.values():
        system.measure(scenario, seconds=options.warm_up, connections=CONNECTIONS)
    for number in range(options.rounds):
        for key, system in offering.items():
            done = _round(system, scenario, options)
            series[key].rounds.append(done)
            _say(f"{SCENARIOS[scenario]:<26} round {number + 1}  {system.name:<13} {done.rate:10,.0f} /s")
    for key, system in offering.items():
        series[key].lone = system.measure(scenario, seconds=options.lone, connections=1)
        if scenario in CROWDED and not options.quick:
            for connections in FEW_AND_MANY:
                round_ = system.measure(scenario, seconds=options.seconds, connections=connections)
                series[key].crowded[connections] = round_
    return series


def _alone(portal: Portal, scenario: str, options: argparse.Namespace) -> Series:
    portal.measure(scenario, seconds=options.warm_up, connections=CONNECTIONS)
    series = Series([_round(portal, scenario, options) for _ in range(options.rounds)])
    _say(f"{SCENARIOS[scenario]:<26} {portal.name:<22} {series.rate:10,.0f} /s")
    return series


def _round(system: System, scenario: str, options: argparse.Namespace) -> Round:
    """One round that other programs did not disturb, or the least disturbed of several."""
    tries: list[Round] = []
    while len(tries) < options.tries and not any(each.foreign < _DISTURBED for each in tries):
        cpu.wait_for_quiet(below=_DISTURBED, at_most=options.patience)
        tries.append(system.measure(scenario, seconds=options.seconds, connections=CONNECTIONS))
    return min(tries, key=lambda each: each.foreign)


def _say(line: str) -> None:
    """Progress goes beside the table, which alone is standard output."""
    print(f"  {line}", file=sys.stderr, flush=True)


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
