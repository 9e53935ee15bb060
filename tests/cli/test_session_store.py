"""Stored sessions of earlier releases remain valid."""

import json
import time

from apps.cli import session_store

STORED_BY_0_4 = {
    "kind": "person",
    "portal": "https://portal.vault.example",
    "name": "anna",
    "token": "secret",
    "ca": "/etc/ca.pem",
    "audit": "https://audit.vault.example",
    "tenant": "",
    "client_id": "",
    "duty": "auditor",
    "token_id": "019e2f6c-8d5a-7cc2-9e43-0d6a52f1b0c7",
    "scheme": "Bearer",
}


def test_session_of_release_0_4_is_loaded(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "vaultportal").mkdir()
    path = tmp_path / "vaultportal" / "default.json"
    path.write_text(json.dumps({**STORED_BY_0_4, "expires": time.time() + 3600}))
    path.chmod(0o600)
    session = session_store.load("default")
    assert session.is_valid
    assert {name: getattr(session, name) for name in STORED_BY_0_4} == STORED_BY_0_4
