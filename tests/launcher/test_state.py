"""The state directory and its certificates."""

import os
import shlex
import ssl
import subprocess
import tempfile
from pathlib import Path

import pytest

from apps.launcher import certificates, client_environment
from apps.launcher.account import Account
from apps.launcher.errors import LaunchError
from apps.launcher.state import StateDirectory

ROOT = Path(__file__).parents[2]


def test_everything_in_it_is_private(state):
    state.secret("pin-europe")
    for path in (state.directory, *state.directory.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


def test_a_directory_that_was_there_keeps_its_mode(tmp_path):
    outer = tmp_path / "outer"
    outer.mkdir(mode=0o700)
    before = {path: path.stat().st_mode for path in (outer, tmp_path)}
    inner = StateDirectory(outer / "state", Account())
    inner.prepare()
    inner.clean_up()
    assert {path: path.stat().st_mode for path in before} == before


def test_a_secret_is_made_once(state):
    assert state.secret("x") == state.secret("x")
    assert len(state.secret("x")) >= 32
    assert state.secret("x") != state.secret("y")


def test_sockets_of_a_deep_directory_go_where_their_path_fits(tmp_path):
    deep = StateDirectory(tmp_path / ("d" * 120), Account())
    assert len(str(deep.run / "lane" / "europe" / "1.sock")) < 108


def test_sockets_in_the_temporary_directory_are_private_and_do_not_stay(tmp_path):
    deep = StateDirectory(tmp_path / ("d" * 120), Account())
    deep.prepare()
    assert (deep.run / "lane").is_dir()
    assert not deep.run.is_relative_to(tmp_path)
    deep.clean_up()
    assert not deep.run.exists()
    deep.run.mkdir(mode=0o755)  # somebody was faster, and looks in
    try:
        with pytest.raises(LaunchError, match="not private"):
            deep.prepare()
        deep.run.rmdir()
        deep.run.symlink_to(tmp_path)
        with pytest.raises(LaunchError, match="not private"):
            deep.prepare()
    finally:
        deep.run.unlink()


def test_sockets_beside_the_state_stay_where_they_are():
    with tempfile.TemporaryDirectory() as short:
        state = StateDirectory(Path(short), Account())
        state.prepare()
        state.clean_up()
        assert (state.run / "lane").is_dir()


def test_one_instance_at_a_time(state):
    state.lock()
    with pytest.raises(LaunchError, match=str(os.getpid())):
        StateDirectory(state.directory, Account()).lock()


def test_the_certificate_is_believed_by_ssl_and_openssl(state):
    certificates.ensure_certificates(state)
    tls = state.directory / "tls"
    ssl.create_default_context(cafile=str(tls / "ca.pem"))
    verify = [
        "openssl",
        "verify",
        "-x509_strict",
        "-verify_hostname",
        "demo.vault.localhost",
        "-CAfile",
        tls / "ca.pem",
        tls / "server.pem",
    ]
    result = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr
    before = (tls / "server.pem").read_bytes(), (tls / "ca.pem").read_bytes()
    certificates.ensure_certificates(state)
    assert ((tls / "server.pem").read_bytes(), (tls / "ca.pem").read_bytes()) == before


def test_exports_survive_a_shell(state):
    state.write(state.directory / "settings.json", '{"port": 8443, "demo": true}')
    nasty = "a'b\"c $(id) `id` \\ \u00e9"
    demo = (
        '{"tenant_id": "t", "vaults": [{"name": "a"}, {"name": "b"}], "application": {"client_id": "c", "client_secret": %s},'
        ' "stranger": {"client_id": "d", "client_secret": "e"}, "people": []}'
    )
    import json

    state.write(state.directory / "demo.json", demo % json.dumps(nasty))
    script = client_environment.format_exports(state) + '\nprintf %s "$AZURE_CLIENT_SECRET"'
    assert subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True).stdout == nasty
    assert shlex.quote(nasty) in client_environment.format_exports(state)


def test_before_the_first_up_env_says_what_to_do(tmp_path):
    with pytest.raises(LaunchError, match=r"\./portal up"):
        client_environment.get_variables(StateDirectory(tmp_path / "none", Account()))


def test_the_shell_script_is_small_and_posix(tmp_path):
    assert subprocess.run(["sh", "-n", ROOT / "portal"], check=False).returncode == 0
    help_text = subprocess.run([ROOT / "portal", "help"], capture_output=True, text=True, check=True).stdout
    for name in ("up", "env", "status", "doctor", "down", "manage", "test", "bench"):
        assert f"./portal {name}" in help_text
