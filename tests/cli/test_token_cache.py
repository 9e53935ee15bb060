"""The token of `portal agent`: when it is fetched again, and what happens while the authority does not answer."""

import threading
import time

import pytest

from apps.cli.errors import CliError, ExitCode, not_signed_in
from apps.cli.managed_identity import Token, TokenCache


class Authority:
    """Gives what is next in line, and counts."""

    def __init__(self, *answers):
        self.answers, self.asked = list(answers), 0

    def __call__(self):
        self.asked += 1
        answer = self.answers.pop(0)
        if isinstance(answer, CliError):
            raise answer
        return Token(answer, time.time() + float(answer))


AWAY = CliError("cannot be reached", ExitCode.UNAVAILABLE)


def test_a_fresh_token_is_fetched_once():
    authority = Authority("3599")
    cache = TokenCache(authority)
    threads = [threading.Thread(target=cache.get) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (cache.get().value, authority.asked) == ("3599", 1)


def test_a_token_that_ends_soon_is_replaced():
    cache = TokenCache(Authority("359", "3599"))
    assert [cache.get().value for _ in range(3)] == ["359", "3599", "3599"]


def test_while_the_authority_is_away_the_last_token_is_given_until_it_ends():
    authority = Authority("300", AWAY)
    cache = TokenCache(authority)
    assert [cache.get().value for _ in range(5)] == ["300"] * 5
    assert authority.asked == 2, "a failure is not repeated at once"
    ended = TokenCache(Authority("50", AWAY))
    assert ended.get().value == "50"
    with pytest.raises(CliError, match="cannot be reached"):
        ended.get()


def test_a_credential_that_is_refused_ends_at_once():
    cache = TokenCache(Authority("300", not_signed_in("AADSTS700027")))
    cache.get()
    with pytest.raises(CliError, match="AADSTS700027"):
        cache.get()


def test_after_a_failure_the_authority_is_asked_again():
    cache = TokenCache(Authority(AWAY, "3599"))
    with pytest.raises(CliError):
        cache.get()
    cache._failed -= 6  # seconds
    assert cache.get().value == "3599"


def test_a_token_has_no_text():
    assert "s3cret" not in repr(Token("s3cret", 1.0))
