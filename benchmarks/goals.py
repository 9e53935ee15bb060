"""The goals for two cores, and whether a run reached them."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.scenarios import SCENARIOS, Results


@dataclass(frozen=True)
class Goal:
    """One sentence, the figure that it is about, and where it must lie."""

    sentence: str
    figure: Callable[[Results], float]
    at_least: float | None = None
    at_most: float | None = None

    def verdict(self, results: Results) -> str:
        """`reached`, `not reached` or `not measured`, with the figure."""
        try:
            figure = self.figure(results)
        except (KeyError, AttributeError):
            return "not measured"
        low = self.at_least is not None and figure < self.at_least
        high = self.at_most is not None and figure > self.at_most
        shown = f"{figure:,.0f}" if figure >= 100 else f"{figure:.2f}"
        return f"**{'not reached' if low or high else 'reached'}** ({shown})"


def ratio(results: Results, scenario: str, other: str) -> float:
    """How many of the other's requests we answer. Raises `KeyError` if one was not measured."""
    row = results.table[scenario]
    return row["portal"].rate / row[other].rate


def kept(results: Results, scenario: str) -> float:
    """The share of the speed that is left with many rows. Raises `KeyError` if it was not measured."""
    return results.filled[scenario].rate / results.empty[scenario].rate


def tail(results: Results) -> float:
    """The largest p99 / p50 of our rows."""
    return max(row["portal"].p99 / row["portal"].p50 for row in results.table.values())


def _lone(scenario: str) -> Callable[[Results], float]:
    def p50(results: Results) -> float:
        lone = results.table[scenario]["portal"].lone
        if lone is None:
            raise KeyError(scenario)
        return lone.p50

    return p50


def _beside(scenario: str, at_least: float, other: str = "openbao") -> Goal:
    name = {"openbao": "OpenBao", "raw": "raw SoftHSM"}[other]
    sentence = f"{SCENARIOS[scenario]}: at least {at_least:.1f} x {name}"
    return Goal(sentence, lambda results: ratio(results, scenario, other), at_least=at_least)


GOALS = (
    _beside("rsa-sign-software", 1.5),
    _beside("rsa-sign", 1.2),
    _beside("rsa-sign", 0.5, "raw"),
    _beside("ec-sign", 1.1),
    _beside("ec-sign-many", 1.1),
    _beside("encrypt", 1.2),
    _beside("unwrap", 1.2),
    _beside("aes-encrypt", 1.0),
    _beside("secret-get", 1.2),
    _beside("secret-get-many", 1.0),
    _beside("secret-set", 1.6),
    Goal("p50 of a lone RSA-2048 sign at most 1.5 ms", _lone("rsa-sign"), at_most=1.5),
    Goal("p50 of a lone secret get at most 1.2 ms", _lone("secret-get"), at_most=1.2),
    Goal("p99 / p50 at most 4 on every row", tail, at_most=4.0),
    Goal("RSA-2048 sign with 100 000 keys at least 0.8 x empty", lambda r: kept(r, "rsa-sign"), at_least=0.8),
    Goal("secret get with 100 000 keys at least 0.8 x empty", lambda r: kept(r, "secret-get"), at_least=0.8),
)
