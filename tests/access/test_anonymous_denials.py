"""Denials of unknown callers: nobody makes the log grow at will, and nobody hides another's denials."""

import uuid

import pytest
from django.db import connection

from apps.core.address_blocks import address_block
from apps.domain.access.anonymous_denials import FOLD_SECONDS, MOST, MOST_PER_SENDER, AnonymousDenials, Kind, Recorded
from apps.interfaces.keyvault_api.messages import ApiRequest
from apps.interfaces.keyvault_api.pipeline import serve
from apps.interfaces.keyvault_api.routes import ROUTES
from tests.support.actors import make_organisation

VAULT = uuid.UUID(int=1)
SIGN = next(operation for route in ROUTES for operation in route.operations.values() if operation.name == "KeySign")


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def denials(clock):
    return AnonymousDenials(timer=clock)


def test_equal_denials_are_one_record_a_minute_with_their_number(denials, clock):
    kind = Kind("192.0.2.1", VAULT, "AKV10000")
    assert [denials.count(kind) for _ in range(50)] == [Recorded(0, 0), *[None] * 49]
    clock.now += FOLD_SECONDS + 1
    assert denials.count(kind) == Recorded(49, 0)


def test_a_sender_has_a_ceiling_and_the_next_record_has_the_number_left_out(denials, clock):
    made = [denials.count(Kind("192.0.2.1", uuid.uuid4(), "AKV10000")) for _ in range(100)]
    assert sum(record is not None for record in made) == MOST_PER_SENDER
    assert denials.count(Kind("192.0.2.2", VAULT, "AKV10000")) == Recorded(0, 100 - MOST_PER_SENDER)
    clock.now += FOLD_SECONDS + 1
    assert denials.count(Kind("192.0.2.1", VAULT, "AKV10000")) == Recorded(0, 0)


def test_many_senders_have_a_ceiling_in_total(denials):
    made = [denials.count(Kind(f"192.0.{n // 256}.{n % 256}", VAULT, "AKV10000")) for n in range(3 * MOST)]
    assert sum(record is not None for record in made) == MOST


@pytest.mark.parametrize(
    ("address", "block"),
    [("192.0.2.1", "192.0.2.1"), ("::ffff:192.0.2.1", "192.0.2.1"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
     ("2001:db8:1:2::9", "2001:db8:1:2::/64"), ("fe80::1%eth0", "fe80::/64"), ("nonsense", ""), ("", "")],
)  # fmt: skip
def test_an_ipv6_network_is_one_sender(address, block):
    assert address_block(address) == block


@pytest.mark.slow
@pytest.mark.django_db
def test_names_of_vaults_that_do_not_exist_are_one_kind(vault):
    """A caller chooses the host: with the name in the key, each request would be a record of its own."""
    make_organisation()
    environ = {"REQUEST_METHOD": "POST", "REMOTE_ADDR": "2001:db8:77::1"}
    for name in [f"made-up-{number}" for number in range(30)] + [vault.name] * 3:
        answer = serve(SIGN, ApiRequest(environ, name, f"https://{name}.x", "k", "", query={"api-version": "7.4"}))
        assert answer.status == 401
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_event WHERE operation = 'Authentication'")
        assert cursor.fetchone() == (2,)
