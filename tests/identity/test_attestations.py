"""Attestation tokens that nobody's issuer makes: refused with a reason that an answer can hold."""

import json

import orjson
import pytest

from apps.core.clock import now
from apps.core.encoding import to_base64url
from apps.core.errors import VaultError
from apps.domain.identity import attestation
from apps.interfaces.keyvault_api.error_response import to_response

ISSUER = "https://attester.example"


@pytest.mark.django_db
@pytest.mark.parametrize("kid", ["\ud800", "a\nb", "\0", None])
def test_a_key_without_a_printable_name_is_refused_before_it_is_looked_for(kid):
    attestation.AttestationAuthority.objects.create(url=ISSUER, created=now())
    parts = ({"alg": "RS256", "kid": kid} if kid else {"alg": "RS256"}, {"iss": ISSUER})
    token = ".".join([*(to_base64url(json.dumps(part).encode()) for part in parts), "AAAA"])
    with pytest.raises(VaultError, match="printable") as caught:
        attestation.verify_attestation(token, trusted=[ISSUER], now=now())
    answer = to_response(caught.value)
    assert answer.status == 403
    assert orjson.dumps(answer.body)
