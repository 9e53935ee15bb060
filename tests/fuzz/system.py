"""A vault with its HSM, a database and every door for requests, all in this process: no socket, no waiting.

Requests enter the WSGI applications of the data plane and the token service. The requests of these to the HSM worker are
packed, decided on and carried out by the worker's own code, with SoftHSM.
"""

import hashlib
import io
import json
import time
import uuid
from datetime import timedelta
from urllib.parse import urlencode

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.test import RequestFactory

from apps.core.clock import now
from apps.core.encoding import to_base64url
from apps.domain.access.permissions import Permission
from apps.domain.identity import attestation, client_assertions, credentials, operations, queries
from apps.domain.identity.models import SigningKey
from apps.domain.vaults.models import Vault
from apps.interfaces.keyvault_api.fast_path import FastPath
from apps.workers.hsm_runtime.translation import save_protected_key
from apps.workers.hsm_worker import stored_keys
from tests.support import actors
from tests.support.foreign import certificate, pem
from tests.support.mutated_inputs import RSA_KEY

WORLD, VAULT = "tests", "payroll"
ISSUER, SUBJECT, AUDIENCE = "https://issuer.example", "system:worker", "api://AzureADTokenExchange"
ATTESTER = "https://attester.example"
API = "api-version=2026-04-01"


class System:
    """The vault, and an application with every right on it that signs in in every way."""

    def __init__(self, hsm):
        self._hsm, self._requests, self._django = hsm, RequestFactory(), WSGIHandler()
        self._fast_path = FastPath(self._django)
        actors.make_organisation()
        world = actors.make_world(WORLD)
        vault = Vault.objects.create(name=VAULT, world=world, created=now())
        vault.key = save_protected_key(
            hsm.generate(stored_keys.vault_key_binding(vault)), world=world, vault_id=vault.pk
        )
        vault.state = Vault.State.READY
        vault.save()
        key = save_protected_key(hsm.generate(stored_keys.signing_key_binding(world)), world=world, vault_id=None)
        self.signing_key = SigningKey.objects.create(
            protected=key, world_name=WORLD, created=now() - timedelta(hours=1)
        )
        self._add_application(vault)
        self.bearer = self._sign_in()

    def _add_application(self, vault):
        grant = actors.grant_of(
            actors.make_person("secops", actors.PersonRole.SECURITY_OPERATIONS), Permission.APPLICATIONS_CREATE
        )
        application, _ = operations.create_application(grant=grant, name="fuzzed", now=now())
        signer = certificate("app", key=RSA_KEY)
        credentials.add_certificate(grant=grant, application=application, pem=pem(signer).decode(), now=now())
        trust = {"issuer": ISSUER, "subject": SUBJECT, "audience": AUDIENCE}
        credentials.add_trust(grant=grant, application=application, now=now(), **trust)
        attestation.AttestationAuthority.objects.create(url=ATTESTER, created=now())
        self.client_id = str(application.client_id)
        self.thumbprint = to_base64url(signer.fingerprint(hashes.SHA1()))
        principal = queries.find_application(client_id=uuid.UUID(self.client_id))
        actors.give(principal, "key-vault-administrator", vault)

    def _sign_in(self):
        header, claims = self.assertion()
        status, answer = self.request_token(jws(header, claims, sign_rs256))
        assert status == 200, answer
        return json.loads(answer)["access_token"]

    def assertion(self):
        """(header, claims) of an assertion that the application signs with the key of its certificate."""
        moment = int(time.time())
        claims = {"iss": self.client_id, "sub": self.client_id, "aud": client_assertions.own_audiences()[0]}
        claims |= {"jti": str(uuid.uuid4()), "exp": moment + 600, "nbf": moment}
        return {"alg": "RS256", "typ": "JWT", "x5t": self.thumbprint}, claims

    def access_token(self):
        """(header, claims) of an access token of the application."""
        moment, addresses = int(time.time()), queries.addresses()
        claims = {"aud": addresses.resource, "iss": addresses.issuer(actors.TENANT), "tid": str(actors.TENANT)}
        claims |= {"iat": moment, "nbf": moment, "exp": moment + 600, "appid": self.client_id}
        return {"alg": "ES256", "typ": "JWT", "kid": self.signing_key.pk.hex}, claims

    def sign_as_authority(self, data):
        """A signature of the token service, ES256 (RFC 7518 section 3.4)."""
        key = stored_keys.key_of_signing_key(self.signing_key)
        return self._hsm.sign(key, algorithm="ES256", digest=hashlib.sha256(data).digest())

    def request_token(self, assertion):
        """(status, body) of a request for a token with a client assertion."""
        fields = {
            "grant_type": "client_credentials",
            "client_id": self.client_id,
            "client_assertion": assertion,
            "client_assertion_type": client_assertions.ASSERTION_TYPE,
            "scope": f"{queries.addresses().resource}/.default",
        }
        form = "application/x-www-form-urlencoded"
        path = f"/{actors.TENANT}/oauth2/v2.0/token"
        return self._send(self._django, "POST", path, urlencode(fields, errors="replace").encode(), form, "login")

    def call(self, method, path, body=b"", *, token=None):
        """(status, body) of a request to the vault. `body`: bytes, or what becomes JSON."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        token = self.bearer if token is None else token
        headers = {"QUERY_STRING": API, "HTTP_AUTHORIZATION": f"Bearer {token}"}
        return self._send(self._fast_path, method, path, content, "application/json", VAULT, **headers)

    def _send(self, door, method, path, content, content_type, label, **headers):
        host = f"{label}.{settings.VAULT_SUFFIX}"
        request = self._requests.generic(method, path, content, content_type, HTTP_HOST=host, **headers)
        request.environ["wsgi.input"] = io.BytesIO(content)  # that of Django for tests gives no more than is announced
        status = []
        answer = door(request.environ, lambda line, _headers: status.append(int(line.split()[0])))
        body = b"".join(answer)
        if hasattr(answer, "close"):
            answer.close()
        return status[0], body


def jws(header, claims, sign):
    """A compact JWS (RFC 7515 section 7.1). `sign`: makes the signature of bytes."""
    signed = ".".join(to_base64url(json.dumps(part).encode()) for part in (header, claims))
    return f"{signed}.{to_base64url(sign(signed.encode()))}"


def sign_rs256(data):
    """RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 section 3.3), by the key of the application's certificate."""
    return RSA_KEY.sign(data, padding.PKCS1v15(), hashes.SHA256())
