"""Vaults that are frozen or suspended, and signing keys that are retired."""

import os
import subprocess
import sys
import uuid

import jwt

from apps.core.ids import uuid7
from benchmarks.callers import (
    Installation,
)
from benchmarks.polling import Question
from benchmarks.withdrawals.access import VaultRole
from benchmarks.withdrawals.kind import ROOT, Row, Withdrawal


class _VaultState(Withdrawal):
    """A vault of one's own, which a caller with all rights asks."""

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self.token = site.access_token(os.environ["AZURE_CLIENT_ID"], os.environ["AZURE_CLIENT_SECRET"])
        self.held = site.objects(site.vault())
        self.vault_id = site.vault_id(self.held.vault)

    def questions(self) -> list[Question]:
        return self.site.of_application(self.token, self.held)


class VaultFrozen(_VaultState):
    name = "vault frozen"

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self.row = Row("vaults_vault", "id = %s", [self.vault_id], "frozen = true", "NOT frozen")

    def give(self) -> None:
        self.site.manage("POST", f"vaults/{self.held.vault}/freeze", {"enabled": True})

    def withdraw(self) -> None:
        self.site.manage("POST", f"vaults/{self.held.vault}/freeze", {"enabled": False})


class VaultSuspended(_VaultState):
    """Log delivery suspends it: its records have not been delivered for a month, and its owner requires that."""

    name = "vault suspended"
    refusals = frozenset({403, 503})
    _STUCK = """
        WITH destination AS (
            INSERT INTO delivery_logdestination (id, vault_id, kind, config, sealed, sealed_secret, credential_names,
                public_key, on_full, created, changed, test_error)
            VALUES (%s, %s, 'directory', '{"path": "revoked"}', '', '', '[]', '', 'fail-closed',
                now() - interval '30 days', now(), '')
            RETURNING id),
        state AS (
            INSERT INTO delivery_deliverystate (destination_id, first, delivered, previous, state, last_object,
                waiting_since, error, failing_since, attempts, next_try)
            SELECT id, 0, 0, '', 'failing', '', now() - interval '30 days', '', now(), 1, now() + interval '1 hour'
            FROM destination RETURNING destination_id)
    """
    _DELIVERED = """
        WITH destination AS (DELETE FROM delivery_logdestination WHERE vault_id = %s),
        state AS (DELETE FROM delivery_deliverystate WHERE destination_id IN (
            SELECT id FROM delivery_logdestination WHERE vault_id = %s))
        UPDATE vaults_vault SET held = false WHERE id = %s
    """
    commit_seconds = 30.0  # log delivery looks every five seconds

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        self.row = Row("vaults_vault", "id = %s", [self.vault_id], "held = true", "NOT held")

    def give(self) -> None:
        self.site.database.execute(self._DELIVERED, [self.vault_id] * 3)

    def withdraw(self) -> None:
        self.site.database.execute(f"{self._STUCK} SELECT * FROM state", [uuid7(), self.vault_id])

    def withdraw_by_sql(self) -> None:
        """With the state that makes log delivery leave it so."""
        statement, values = self.row.removal
        self.site.database.execute(f"{self._STUCK} {statement}", [uuid7(), self.vault_id, *values])


class SigningKeyRetired(VaultRole):
    name = "token signing key retired"
    commit_seconds = 60.0  # a command starts, and the HSM makes a key

    def __init__(self, site: Installation) -> None:
        super().__init__(site)
        super().give()
        key = uuid.UUID(jwt.get_unverified_header(self.token)["kid"])
        self.row = Row("identity_signingkey", "id = %s", [key], "retired = now()", "retired IS NULL")
        self._command("rotate_token_key")  # so that there is another one when this one is retired by SQL

    def give(self) -> None:
        self.site.database.execute("UPDATE identity_signingkey SET retired = NULL WHERE id = %s", self.row.values)

    def withdraw(self) -> None:
        self._command("retire_token_key")

    @staticmethod
    def _command(name: str) -> None:
        subprocess.run([sys.executable, "manage.py", name], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
