"""Credentials of applications: secrets, certificates, trusts."""

import datetime as dt
import os
import time
import uuid
from abc import abstractmethod
from pathlib import Path
from typing import ClassVar

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from benchmarks.callers import (
    ASSERTION,
    Installation,
    Json,
)
from benchmarks.polling import Question
from benchmarks.withdrawals.kind import Row, Withdrawal


class _Credential(Withdrawal):
    """A credential of an application, which has no other one of this kind."""

    table: ClassVar[str]

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self.application = site.application()
        site.database.execute(
            "DELETE FROM identity_clientsecret WHERE application_id = %s", [self.application.principal_id]
        )
        self.row = Row(self.table, "application_id = %s", [self.application.principal_id])

    def add(self, kind: str, body: Json | None = None) -> Json:
        added: Json = self.site.manage("POST", f"applications/{self.application.name}/{kind}", body)
        return added

    def withdraw(self) -> None:
        query = f"SELECT id FROM {self.table} WHERE application_id = %s"
        credential = self.site.select(query, self.application.principal_id)
        self.site.manage("DELETE", f"applications/{self.application.name}/credentials/{credential}")

    @abstractmethod
    def form(self) -> Json:
        """The credential in a request for a token."""

    def questions(self) -> list[Question]:
        return self.site.tokens(self.application, self.form)


class SecretRemoved(_Credential):
    name, table = "client secret removed", "identity_clientsecret"

    def give(self) -> None:
        self._secret = self.add("secrets")["client_secret"]

    def form(self) -> Json:
        return {"client_secret": self._secret}


class CertificateRemoved(_Credential):
    name, table = "client certificate removed", "identity_clientcertificate"

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self._key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, self.application.name)])
        now = dt.datetime.now(dt.UTC)
        builder = x509.CertificateBuilder(subject, subject, self._key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
        self._certificate = builder.sign(self._key, hashes.SHA256())

    def give(self) -> None:
        self.add("certificates", {"certificate": self._certificate.public_bytes(serialization.Encoding.PEM).decode()})

    def form(self) -> Json:
        """An assertion of its own for each connection: only the first address that uses one may use it again."""
        site, client = self.site, str(self.application.client_id)
        audience = f"https://login.{site.suffix}:{site.port}/{site.tenant}/v2.0"
        times = {"exp": int(time.time()) + 600, "nbf": int(time.time()) - 60}
        claims = {"iss": client, "sub": client, "aud": audience, "jti": uuid.uuid4().hex, **times}
        thumbprint = self._certificate.fingerprint(hashes.SHA256())
        header = {"x5t#S256": jwt.utils.base64url_encode(thumbprint).decode()}
        signed = jwt.encode(claims, self._key, algorithm="RS256", headers=header)
        return {"client_assertion_type": ASSERTION, "client_assertion": signed}


class TrustRemoved(_Credential):
    """The other issuer is this installation: another application signs in with its access token."""

    name, table = "federated trust removed", "identity_federatedtrust"

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        Path(os.environ["FEDERATION_CA_FILE"]).write_bytes(site.authority.read_bytes())
        other = site.application()
        self._assertion = site.access_token(other.client_id, other.secret)
        claims = jwt.decode(self._assertion, options={"verify_signature": False})
        self._trust = {"issuer": claims["iss"], "subject": claims["sub"], "audience": claims["aud"]}

    def give(self) -> None:
        self.add("federated", self._trust)

    def form(self) -> Json:
        return {"client_assertion_type": ASSERTION, "client_assertion": self._assertion}

    def questions(self) -> list[Question]:
        """At the web processes: they fetch the issuer's keys, which a request to an HSM worker would bring along."""
        return [question for question in super().questions() if question.process.startswith("web")]
