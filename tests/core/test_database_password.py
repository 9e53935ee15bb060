"""Where a process finds the password of its database role."""

import pytest
from django.core.exceptions import ImproperlyConfigured

from vaultportal.env import env_database

ADDRESS = "postgresql://vault_web{}@/vaultportal?host=/run/x"


def password(monkeypatch, address, file=None):
    monkeypatch.setenv("DATABASE_URL", address)
    monkeypatch.delenv("DATABASE_PASSWORD_FILE", raising=False)
    if file is not None:
        monkeypatch.setenv("DATABASE_PASSWORD_FILE", str(file))
    return env_database("DATABASE_URL")["PASSWORD"]


def test_it_is_in_a_file(monkeypatch, tmp_path):
    (tmp_path / "password").write_text("from-a-file\n")
    assert password(monkeypatch, ADDRESS.format(""), tmp_path / "password") == "from-a-file"


def test_one_in_the_address_counts_as_in_an_earlier_version(monkeypatch, tmp_path):
    assert password(monkeypatch, ADDRESS.format(":old")) == "old"
    (tmp_path / "password").write_text("from-a-file")
    assert password(monkeypatch, ADDRESS.format(":old"), tmp_path / "password") == "old"


def test_without_one_the_database_decides(monkeypatch):
    assert password(monkeypatch, ADDRESS.format("")) == ""


def test_a_file_that_cannot_be_read_stops_the_start(monkeypatch, tmp_path):
    with pytest.raises(ImproperlyConfigured, match="DATABASE_PASSWORD_FILE"):
        password(monkeypatch, ADDRESS.format(""), tmp_path / "missing")
