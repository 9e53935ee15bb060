"""Policies whose names no certificate can hold are refused when they are written, not by the worker."""

import pytest

from apps.domain.certificates.policy import BadPolicy, Policy
from apps.domain.certificates.x509 import check_encodable


@pytest.mark.parametrize(
    "names",
    [{"ekus": ("0.99",)}, {"ekus": ("1.40",)}, {"emails": ("a@b@c",)}, {"emails": ("Ada <a@b.c>",)}, {"subject": "x"}],
)
def test_a_name_that_no_certificate_holds_is_refused(names):
    with pytest.raises(BadPolicy):
        check_encodable(Policy(**{"subject": "CN=a", **names}))


def test_each_kind_of_name_is_accepted():
    check_encodable(
        Policy(
            subject="CN=a, O=Example",
            dns_names=("*.example.com",),
            emails=("a@example.com",),
            upns=("a@example.com",),
            uris=("https://example.com",),
            ip_addresses=("192.0.2.1", "2001:db8::1"),
            ekus=("1.3.6.1.5.5.7.3.1", "2.999.1"),
        )
    )
