"""Policies whose names no certificate can hold are refused when they are written, not by the worker."""

from dataclasses import replace

import pytest

from apps.domain.certificates.policy import BadPolicy, Policy, validate_policy
from apps.domain.certificates.x509 import check_creatable


@pytest.mark.parametrize(
    "names",
    [
        {"ekus": ("0.99",)},
        {"ekus": ("1.40",)},
        {"ekus": ("1.40.1",)},
        {"emails": ("a@b@c",)},
        {"emails": ("Ada <a@b.c>",)},
        {"emails": ("Bob<a@b.c>",)},
        {"ip_addresses": ("fe80::1%eth0",)},
        {"ip_addresses": ("10.0.0.0/8",)},
        {"dns_names": ("old host",)},
        {"dns_names": ("ü.example",)},
        {"dns_names": ("x" * 1000,) * 250},
        {"dns_names": ("a",) * 251},
        {"subject": "x"},
        {"subject": "CN=" + "x" * 65},
        {"subject": "  "},
        {"validity_months": 1201},
    ],
    ids=lambda names: str(names)[:40],
)
def test_a_policy_by_which_no_certificate_can_be_made_is_refused(names):
    with pytest.raises(BadPolicy):
        check_creatable(validate_policy(Policy(**{"subject": "CN=a", **names})))


def test_what_exists_is_not_checked_and_what_a_caller_changes_is():
    described = Policy(subject="CN=" + "x" * 65, dns_names=("old host",) * 251, validity_months=95_712)
    assert validate_policy(described, described=described) == described
    renamed = replace(described, content_type="application/x-pem-file", exportable=False)
    assert validate_policy(renamed, described=described) == renamed
    for changes in ({"dns_names": ("other host",)}, {"validity_months": 1201}, {"key_usage": ("fly",)}):
        with pytest.raises(BadPolicy):
            validate_policy(replace(described, **changes), described=described)
    with pytest.raises(BadPolicy):
        validate_policy(described)


def test_each_kind_of_name_is_accepted():
    check_creatable(
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
