"""The goals for two cores, and whether a run reached them."""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.scenarios import Results


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


def _lone_p50(results: Results) -> float:
    lone = results.table["rsa-sign"]["portal"].lone
    if lone is None:
        raise KeyError("rsa-sign")
    return lone.p50


FIRST = (
    Goal("RSA-2048 sign at least 1.0 x OpenBao", lambda r: ratio(r, "rsa-sign", "openbao"), at_least=1.0),
    Goal("RSA-2048 sign at least 0.4 x raw SoftHSM", lambda r: ratio(r, "rsa-sign", "raw"), at_least=0.4),
    Goal("secret get at least 0.5 x OpenBao's kv get", lambda r: ratio(r, "secret-get", "openbao"), at_least=0.5),
    Goal("secret get at least 1 500 /s", lambda r: r.table["secret-get"]["portal"].rate, at_least=1500),
    Goal("p50 of a lone sign at most 3 ms", _lone_p50, at_most=3.0),
    Goal("RSA-2048 sign with 100 000 keys at least 0.8 x empty", lambda r: kept(r, "rsa-sign"), at_least=0.8),
    Goal("secret get with 100 000 keys at least 0.8 x empty", lambda r: kept(r, "secret-get"), at_least=0.8),
)
LATER = (
    Goal("RSA-2048 sign at least 1.5 x OpenBao", lambda r: ratio(r, "rsa-sign", "openbao"), at_least=1.5),
    Goal("EC P-256 sign at least 1.5 x OpenBao", lambda r: ratio(r, "ec-sign", "openbao"), at_least=1.5),
    Goal("RSA-OAEP-256 unwrap at least 1.0 x OpenBao", lambda r: ratio(r, "unwrap", "openbao"), at_least=1.0),
    Goal("RSA-OAEP-256 encrypt at least 1.0 x OpenBao", lambda r: ratio(r, "encrypt", "openbao"), at_least=1.0),
    Goal("secret get at least 1.0 x OpenBao", lambda r: ratio(r, "secret-get", "openbao"), at_least=1.0),
    Goal("secret set at least 1.0 x OpenBao", lambda r: ratio(r, "secret-set", "openbao"), at_least=1.0),
)
