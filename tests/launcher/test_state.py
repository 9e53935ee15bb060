"""The state directory and its certificates."""

import datetime as dt
import os
import shlex
import ssl
import subprocess
import tempfile
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from apps.launcher import certificates, client_environment, doctor
from apps.launcher.account import Account
from apps.launcher.errors import LaunchError
from apps.launcher.setup import write_settings
from apps.launcher.state import StateDirectory
from tests.support.self_signed import pem_of, self_signed

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


def test_a_state_has_a_clock_that_moves_from_its_first_start_or_never(state, tmp_path):
    ports = {"port": 1, "auditors_port": 2, "demo": False}
    write_settings(state, **ports)
    with pytest.raises(LaunchError, match="without a clock that moves"):
        write_settings(state, **ports, clock=True)
    assert not state.settings()["clock"]
    other = StateDirectory(tmp_path / "other", Account())
    other.prepare()
    write_settings(other, **ports, clock=True)
    write_settings(other, **ports)
    assert other.settings()["clock"]
    other.clean_up()


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


def _issued_by_the_authority_before_0_5(state):
    """What 0.4 left behind: an authority without constraints, and its key."""
    tls, key = state.directory / "tls", ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Vault Portal local authority")])
    begins = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(1).not_valid_before(begins).not_valid_after(begins + dt.timedelta(days=3650))
    made = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).sign(
        key, hashes.SHA256()
    )
    state.write(tls / "ca.pem", made.public_bytes(serialization.Encoding.PEM).decode())
    for file in ("ca.key", "server.key"):
        state.write(tls / file, certificates._pem(key))
    state.write(tls / "server.pem", made.public_bytes(serialization.Encoding.PEM).decode())
    return made


def _certificate(path):
    return x509.load_pem_x509_certificate(path.read_bytes())


def test_the_authority_speaks_for_this_installation_alone_and_has_no_key(state):
    certificates.ensure_certificates(state)
    tls = state.directory / "tls"
    authority = _certificate(tls / "ca.pem")
    basic = authority.extensions.get_extension_for_class(x509.BasicConstraints)
    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    named = authority.extensions.get_extension_for_class(x509.NameConstraints)
    assert named.critical and named.value.excluded_subtrees is None
    assert {str(subtree.value) for subtree in named.value.permitted_subtrees} == {
        "vault.localhost", "127.0.0.1/32", "::1/128",
    }  # fmt: skip
    keys = [path.name for path in state.directory.rglob("*") if path.is_file() and b"PRIVATE KEY" in path.read_bytes()]
    assert keys == ["server.key"]
    server = serialization.load_pem_private_key((tls / "server.key").read_bytes(), None)
    assert server.public_key() == _certificate(tls / "server.pem").public_key() != authority.public_key()


@pytest.mark.parametrize(
    ("name", "good"),
    [("payroll.vault.localhost", True), ("vault.localhost", True), ("bank.example", False), ("localhost", False),
     ("vault.localhost.evil.example", False), ("evilvault.localhost", False)],
)  # fmt: skip
def test_openssl_refuses_other_names_of_the_authority(state, tmp_path, monkeypatch, name, good):
    """Even with the authority's key, which only this function sees: the certificate it makes here is for `name`."""
    monkeypatch.setattr(certificates, "_DNS", (name,))
    monkeypatch.setattr(certificates, "_ADDRESSES", ("127.0.0.1", "::1"))
    certificates._make(state, state.directory / "tls")
    files = [state.directory / "tls" / file for file in ("ca.pem", "server.pem")]
    done = subprocess.run(["openssl", "verify", "-CAfile", *files], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == good, done.stdout + done.stderr
    assert good or "permitted subtree violation" in done.stdout + done.stderr


def test_an_authority_of_0_4_is_replaced_with_a_message(state):
    old, tls = _issued_by_the_authority_before_0_5(state), state.directory / "tls"
    note = "\n".join(certificates.ensure_certificates(state))
    assert "new certificate authority" in note and "every name" in note and "ca.pem" in note
    assert not (tls / "ca.key").exists()
    assert _certificate(tls / "ca.pem").subject != old.subject
    before = {path: path.read_bytes() for path in tls.iterdir()}
    assert certificates.ensure_certificates(state) == ()
    assert {path: path.read_bytes() for path in tls.iterdir()} == before


@pytest.mark.parametrize("file", ["server.pem", "server.key", "ca.pem"])
def test_a_start_that_was_interrupted_between_two_files_is_made_good(state, file):
    certificates.ensure_certificates(state)
    tls = state.directory / "tls"
    kept = (tls / file).read_bytes()
    (tls / "ca.pem").unlink()
    certificates.ensure_certificates(state)
    (tls / file).write_bytes(kept)  # of another pair
    assert certificates.ensure_certificates(state)
    _certificate(tls / "server.pem").verify_directly_issued_by(_certificate(tls / "ca.pem"))


def test_an_authority_that_ends_soon_is_replaced(state, monkeypatch):
    monkeypatch.setattr(certificates, "_DAYS", 20)
    certificates.ensure_certificates(state)
    monkeypatch.setattr(certificates, "_DAYS", 820)
    assert "ends on" in certificates.ensure_certificates(state)[0]


def test_certificates_of_the_operator_are_left_alone(state):
    tls, key = state.directory / "tls", ec.generate_private_key(ec.SECP256R1())
    pem = pem_of(self_signed(key, "Example CA", ends=5)).decode()
    for file in ("ca.pem", "server.pem"):
        state.write(tls / file, pem)
    assert certificates.ensure_certificates(state) == ()
    assert (tls / "ca.pem").read_text() == (tls / "server.pem").read_text() == pem


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


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("DATABASE_URL=postgresql://vault_web:abc@127.0.0.1/vaultportal", True),
        ("DATABASE_URL=postgresql://vault_web@127.0.0.1:5432/vaultportal", False),
        ("DATABASE_URL=postgresql://vault_web@/vaultportal?host=/run", False),
    ],
)
def test_doctor_warns_of_a_password_in_an_environment_file(tmp_path, line, found):
    (tmp_path / "web.env").write_text(f"DJANGO_SETTINGS_MODULE=x\n{line}\n")
    assert [check.ok for check in doctor._environment_files(tmp_path)] == ([False] if found else [])
