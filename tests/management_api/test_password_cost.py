"""A name cannot be found out by time: each attempt with a password costs one hash, whether the name exists or not."""

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher, get_hashers, get_hashers_by_algorithm

from apps.interfaces.management_api import authentication


class CountingHasher(MD5PasswordHasher):
    algorithm = "counting"
    verified = 0

    def verify(self, password, encoded):
        type(self).verified += 1
        return super().verify(password, encoded)


@pytest.fixture
def _counting(settings):
    settings.PASSWORD_HASHERS = [f"{__name__}.CountingHasher", *settings.PASSWORD_HASHERS]
    caches = (get_hashers, get_hashers_by_algorithm, authentication._nobody)
    for cached in caches:
        cached.cache_clear()
    yield
    for cached in caches:
        cached.cache_clear()


@pytest.mark.usefixtures("_counting")
def test_each_unknown_name_costs_a_hash_also_with_a_password_that_was_tried_before():
    authentication._nobody()
    before = CountingHasher.verified
    for name in ("anna", "bert", "carl"):
        assert not authentication._is_right(name, "the same password", authentication._nobody())
    assert CountingHasher.verified - before == 3
