"""Two vaults in memory that answer the calls of the library's steps as the Key Vault API does, for tests of decisions."""

import base64
import json
import os

from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap, aes_key_wrap

from vaultportal_client.errors import VaultUnreachable
from vaultportal_client.vault_calls import VaultReply

EUROPE, AMERICA = "https://europe.test/keys/documents", "https://america.test/keys/documents"


class LocalVaults:
    """AES keys by vault, version and state; `down`: vaults that do not answer. `calls`: what was asked."""

    def __init__(self, *identifiers):
        self.versions = {identifier: {} for identifier in identifiers}
        self.disabled, self.down, self.calls = set(), set(), []
        for identifier in identifiers:
            self.rotate(identifier)

    def rotate(self, identifier):
        version = f"v{len(self.versions[identifier]) + 1}"
        self.versions[identifier][version] = os.urandom(32)
        return f"{identifier}/{version}"

    def run(self, steps):
        """Run steps to their end, as a client does; what they return."""
        try:
            call = next(steps)
            while True:
                try:
                    reply = self.send(call)
                except VaultUnreachable as error:
                    call = steps.throw(error)
                else:
                    call = steps.send(reply)
        except StopIteration as stop:
            return stop.value

    def send(self, call):
        identifier = str(call.key)
        self.calls.append((identifier, call.path.rpartition("/")[2] if call.method == "POST" else "get"))
        if identifier in self.down:
            raise VaultUnreachable(f"{identifier} did not answer")
        _, _, version, operation = [*call.path.split("/"), "", ""][:4]
        versions = self.versions[identifier]
        version = version or list(versions)[-1]
        key_id = f"{identifier}/{version}"
        if version not in versions:
            return _refusal(404, "KeyNotFound")
        if not operation:
            key = {"kid": key_id, "kty": "oct-HSM", "key_ops": ["wrapKey", "unwrapKey"]}
            return VaultReply(200, {"key": key, "attributes": {"enabled": key_id not in self.disabled}})
        if key_id in self.disabled:
            return _refusal(403, "KeyDisabled")
        return self._use(operation, key_id, versions[version], call)

    def _use(self, operation, key_id, key, call):
        value = _decode(json.loads(json.dumps(call.body()))["value"])
        try:
            done = aes_key_wrap(key, value) if operation == "wrapkey" else aes_key_unwrap(key, value)
        except (InvalidUnwrap, ValueError):
            return _refusal(400, "BadParameter")
        return VaultReply(200, {"kid": key_id, "value": base64.urlsafe_b64encode(done).decode().rstrip("=")})


def _decode(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _refusal(status, code):
    return VaultReply(status, {"error": {"message": code, "innererror": {"code": code}}})
