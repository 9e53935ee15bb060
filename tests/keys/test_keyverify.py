"""The offline verifier of key statements: what it accepts, and everything that it must not."""

import base64
import json
import shutil
import subprocess
import sys
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from apps.domain.keys import keyverify
from tests.support.statements import CUSTOMER, NOW, PAYLOAD, Authority, changed, other, places

AUTHORITY = Authority()


def verify(statement, authority=AUTHORITY, *, chain=None, root=None):
    return keyverify.verify(statement, authority.chain if chain is None else chain, root=root or authority.root)


def refused(statement, authority=AUTHORITY, **changes):
    with pytest.raises(keyverify.BadStatement) as caught:
        verify(statement, authority, **changes)
    return str(caught.value)


def with_payload(statement, payload):
    """The statement with another payload under the old signature."""
    header, _, signature = statement.split(b".")
    return b".".join((header, encode(payload), signature))


def encode(value):
    return base64.urlsafe_b64encode(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).rstrip(b"=")


def test_a_statement_is_verified_and_says_what_was_signed():
    payload = verify(AUTHORITY.state())
    assert payload == PAYLOAD
    assert not list(keyverify.findings(payload))


@pytest.mark.parametrize("path", list(places(PAYLOAD)), ids=lambda path: ".".join(map(str, path)))
def test_each_field_that_was_changed_after_signing_is_refused(path):
    statement = AUTHORITY.state()
    assert "was altered" in refused(with_payload(statement, changed(path, other)))


@pytest.mark.parametrize("path", list(places(PAYLOAD)), ids=lambda path: ".".join(map(str, path)))
def test_each_field_of_another_type_or_missing_is_refused_even_if_it_was_signed(path):
    *above, last = path
    if path[:2] != ("key", "operations"):  # whose items have no names
        refused(AUTHORITY.state(changed(path, lambda _: [])))
    if above and isinstance(last, str):
        node = changed(path, other)
        parent = node
        for key in above:
            parent = parent[key]
        del parent[last]
        refused(AUTHORITY.state(node))
    refused(AUTHORITY.state({**PAYLOAD, "more": 1}))


def test_another_authority_key_or_algorithm_is_refused():
    stranger, statement = Authority(), AUTHORITY.state()
    assert "given authority" in refused(stranger.state(), stranger, root=AUTHORITY.root)
    assert "given authority" in refused(statement, chain=stranger.chain)
    mixed = Authority.pem(stranger.signer_certificate, AUTHORITY.certificate)
    refused(stranger.state(), chain=mixed)
    imposter = Authority(issuer=stranger)  # its signer is certified by a key that is not the authority's
    refused(imposter.state(), imposter)
    refused(Authority(signer_ca=True).state(), signing := Authority(signer_ca=True), root=signing.root)
    assert "P-256" in refused((p384 := Authority(curve=ec.SECP384R1())).state(), p384)
    for chain in (b"", b"nonsense", Authority.pem(AUTHORITY.certificate), AUTHORITY.chain * 2):
        refused(statement, chain=chain)
    _, payload, signature = statement.split(b".")
    for header in ({"alg": "none"}, {"alg": "ES256", "typ": "JWT"}, {}, []):
        refused(b".".join((encode(header), payload, signature)))
        refused(AUTHORITY.sign(b".".join((encode(header), payload))))


def test_a_statement_of_another_world_or_time_is_refused():
    assert "another security world" in refused((abroad := Authority("america")).state(), abroad)
    assert "another security world" in refused(AUTHORITY.state(changed(("world", "name"), lambda _: "america")))
    for began in (NOW + timedelta(hours=1), NOW - timedelta(days=4000)):
        expired = Authority(began=began)
        assert "validity" in refused(expired.state(), expired)
    refused(AUTHORITY.state(changed(("time",), lambda _: "yesterday")))
    refused(AUTHORITY.state(changed(("type",), lambda _: "vault-portal/key-statement/2")))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text[:-1],
        lambda text: text + b"A",
        lambda text: text + b"=",
        lambda text: text.replace(b".", b"..", 1),
        lambda text: text.rpartition(b".")[0] + b".",
        lambda text: b"\xff" + text,
        lambda text: b"." + encode(PAYLOAD) + b".",
        lambda _: b"",
        lambda _: b"e30.e30.e30",
    ],
)
def test_what_is_no_jws_is_refused(spoil):
    refused(spoil(AUTHORITY.state()))


def test_json_that_could_be_read_in_two_ways_is_refused():
    header, _, _ = AUTHORITY.state().split(b".")
    for text in (json.dumps(PAYLOAD), '{"type":"a","type":"b"}', "[" * 10_000):
        payload = base64.urlsafe_b64encode(text.encode()).rstrip(b"=")
        assert "canonical" in refused(AUTHORITY.sign(header + b"." + payload))


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        (("object", "SENSITIVE"), False, "the key is not sensitive"),
        (("object", "SENSITIVE"), None, "the key is not sensitive"),
        (("object", "EXTRACTABLE"), True, "the key is extractable"),
        (("object", "EXTRACTABLE"), None, "the key is extractable"),
        (("wrapping_keys", 0, "SENSITIVE"), False, "WK-A is not sensitive"),
        (("wrapping_keys", 0, "EXTRACTABLE"), True, "WK-A is extractable"),
        (("wrapping_keys", 0, "NEVER_EXTRACTABLE"), False, "WK-A may have been extractable"),
        (("wrapping_keys", 0, "ALWAYS_SENSITIVE"), False, "WK-A may have been readable"),
        (("wrapping_keys", 0, "LOCAL"), False, "WK-A was not generated in the HSM"),
    ],
)
def test_a_true_statement_about_an_unprotected_key_is_not_good(path, value, words):
    payload = verify(AUTHORITY.state(changed(path, lambda _: value)))
    assert any(words in finding for finding in keyverify.findings(payload))
    assert list(keyverify.findings({**PAYLOAD, "wrapping_keys": []})) == ["no wrapping key is named"]


def b64(number):
    return base64.urlsafe_b64encode(number.to_bytes(32)).rstrip(b"=").decode()


def bundle(authority=AUTHORITY, **key):
    """The answer of the service."""
    point, name = CUSTOMER.public_numbers(), f"https://payroll.vault.localhost:8443/keys/master/{'cd' * 16}"
    jwk = {"kid": name, "kty": "EC-HSM", "key_ops": ["verify", "sign"], "x": b64(point.x), "y": b64(point.y), **key}
    text = {"certificatePemFile": authority.chain, "privateKeyAttestation": authority.state()}
    attestation = {name: base64.urlsafe_b64encode(data).rstrip(b"=").decode() for name, data in text.items()}
    return {"key": jwk, "attributes": {"attestation": attestation}}


@pytest.fixture
def run(tmp_path, capsys):
    """(exit status, output) of the program."""

    def run(content, *words, root=None):
        path = tmp_path / "statement.json"
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        status = keyverify.main([str(path), "--root", root or AUTHORITY.root.hex(), *words])
        return status, capsys.readouterr().out

    return run


def test_the_program_takes_an_answer_of_the_service_or_its_attestation(run, tmp_path):
    status, output = run(bundle())
    assert status == 0
    assert "the statement is good" in output
    assert f"master/{'cd' * 16} in vault payroll" in output
    assert run(bundle()["attributes"]["attestation"])[0] == 0
    padded = {name: text + "=" * (-len(text) % 4) for name, text in bundle()["attributes"]["attestation"].items()}
    assert run(padded)[0] == 0, "as programs write bytes that they have decoded"
    (tmp_path / "root.pem").write_bytes(Authority.pem(AUTHORITY.certificate))
    assert run(bundle(), root=str(tmp_path / "root.pem"))[0] == 0
    assert run(bundle(), root=Authority().root.hex())[0] == 1
    status, output = run(bundle(), "--json")
    assert json.loads(output) == {"good": True, "problems": [], "statement": PAYLOAD}


@pytest.mark.parametrize(
    ("key", "words"),
    [
        ({"kid": f"https://payroll.vault.localhost/keys/other/{'cd' * 16}"}, "another key or version"),
        ({"kid": f"https://payroll.vault.localhost/keys/master/{'ce' * 16}"}, "another key or version"),
        ({"key_ops": ["sign"]}, "other operations"),
        ({"kty": "EC"}, "another key type"),
        ({"x": b64(1)}, "another public key"),
        ({"n": b64(1), "e": b64(3)}, "another public key"),
        ({"x": None}, "key.x is missing"),
        ({"key_ops": 7}, "cannot be read"),
    ],
)
def test_a_bundle_that_is_not_the_statements_is_not_good(run, key, words):
    status, output = run(bundle(**key))
    assert status == 1
    assert words in output


def test_an_ed25519_key_is_compared_with_its_bundle():
    public = ed25519.Ed25519PrivateKey.generate().public_key()
    spki = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    facts = {"type": "OKP", "parameter": "Ed25519", "public_key": base64.b64encode(spki).decode()}
    payload = {**PAYLOAD, "key": {**PAYLOAD["key"], **facts}}
    given = bundle(kty="OKP-HSM", x=b64(int.from_bytes(public.public_bytes_raw())))
    assert not list(keyverify.differences(given, payload))
    assert list(keyverify.differences(bundle(kty="OKP-HSM"), payload)) == ["the bundle has another public key"]


def test_expectations_are_compared(run):
    assert run(bundle(), "--expect", "key.origin=generated", "--expect", "key.exportable=false")[0] == 0
    status, output = run(bundle(), "--expect", "key.origin=imported", "--expect", "vault.nonsense=1")
    assert status == 1
    assert "key.origin is generated, not imported" in output
    assert "vault.nonsense is null, not 1" in output


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "7", "[" * 100_000, '{"attributes": 7}', '{"key": 1, "attributes": {}}']
)
def test_what_is_no_answer_of_the_service_is_not_good(run, content):
    status, output = run(content)
    assert status == 1
    assert "NOT good" in output


def test_the_program_is_one_file(tmp_path):
    """It runs with Python and `cryptography` alone, and demands a root."""
    program = tmp_path / "keyverify.py"
    shutil.copy(keyverify.__file__, program)
    (tmp_path / "statement.json").write_text(json.dumps(bundle()))

    def run(*words):
        command = [sys.executable, "-I", str(program), str(tmp_path / "statement.json"), *words]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    assert run("--root", AUTHORITY.root.hex()).returncode == 0
    assert run().returncode == 2
    assert run("--root", "nonsense").returncode == 2
