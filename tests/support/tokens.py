"""Tokens of a token authority whose key these tests hold: for what needs no HSM."""

import time

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from apps.core.clock import now
from apps.domain.identity.models import SigningKey
from apps.domain.identity.queries import addresses
from tests.support import actors


class Authority:
    """Signs tokens that the data plane believes."""

    def __init__(self, vault):
        self._key = ec.generate_private_key(ec.SECP256R1())
        protected = actors.make_protected(vault.world, vault, name="token-authority")
        protected.public_key = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        protected.save()
        self.row = SigningKey.objects.create(protected=protected, world_name=vault.world.name, created=now())

    def token(self, principal, **changes):
        moment = int(time.time())
        claims = {
            "aud": addresses().resource,
            "iss": addresses().issuer(actors.TENANT),
            "iat": moment,
            "nbf": moment,
            "exp": moment + 600,
            "appid": principal.client_id,
            "tid": str(actors.TENANT),
            **changes,
        }
        claims = {name: value for name, value in claims.items() if value is not None}
        return jwt.encode(claims, self._key, algorithm="ES256", headers={"kid": self.row.pk.hex})
