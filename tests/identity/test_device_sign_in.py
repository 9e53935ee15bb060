"""Sign-ins of command lines that wait to be confirmed: bounded, and a flood displaces itself."""

from datetime import timedelta

import pytest

from apps.core.clock import now
from apps.core.ids import uuid7
from apps.core.principals import RequestContext
from apps.domain.identity import device_sign_in
from apps.domain.identity.models import DeviceRequest

pytestmark = pytest.mark.django_db


def start(address):
    context = RequestContext(request_id=uuid7(), address=address)
    return device_sign_in.start_sign_in(label="portal", request=context, now=now()).user_code


def wait_from(addresses, **columns):
    """Rows of requests that wait, as if they had come from these addresses one after another."""
    moment = now()
    DeviceRequest.objects.bulk_create(
        DeviceRequest(device_digest=uuid7().bytes, user_code_mac=uuid7().bytes, address=address, expires=moment + timedelta(minutes=9),
                      **{"created": moment + timedelta(microseconds=number), **columns})
        for number, address in enumerate(addresses)
    )  # fmt: skip


def is_waiting(code):
    return DeviceRequest.objects.filter(user_code_mac=device_sign_in._user_code_mac(code.replace("-", ""))).exists()


def test_a_flood_from_many_addresses_keeps_nobody_from_signing_in():
    mine = start("192.0.2.1")
    wait_from(f"198.51.{number // 200}.{number % 200}" for number in range(400))
    wait_from(["203.0.113.9"] * 700)
    another = start("192.0.2.2")
    assert is_waiting(mine) and is_waiting(another)
    assert DeviceRequest.objects.filter(address="203.0.113.9").count() == 699


def test_an_ipv6_network_has_one_share_and_displaces_its_own_oldest():
    mine = start("192.0.2.1")
    wait_from(f"2001:db8:1:2::{number:x}" for number in range(50))
    start("2001:db8:1:2:ffff::1")
    assert DeviceRequest.objects.filter(address__startswith="2001:db8:1:2").count() == 50
    assert not DeviceRequest.objects.filter(address="2001:db8:1:2::0").exists()
    assert is_waiting(mine)


def test_what_a_person_has_confirmed_is_not_displaced():
    wait_from(["192.0.2.1"] * 3, state=DeviceRequest.State.CONFIRMED)
    wait_from(["192.0.2.1"] * 60)
    start("192.0.2.1")
    assert DeviceRequest.objects.filter(state=DeviceRequest.State.CONFIRMED).count() == 3
    assert DeviceRequest.objects.filter(state=DeviceRequest.State.WAITING).count() == 50
