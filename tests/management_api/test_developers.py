"""A developer's work over the management API, and that nothing of anybody else's shows in it."""

import os
import time
import uuid

import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.identity import CertificateCredential, ClientSecretCredential
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient, SignatureAlgorithm
from azure.keyvault.secrets import SecretClient
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.support.counts import wait_explainable
from tests.support.management import Management
from tests.support.self_signed import pem_of, self_signed
from tests.support.waiting import wait_until

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def api(stack):
    clients = {role: Management(stack, role) for role in ("SECOPS", "DEVELOPER", "AUDITOR")}
    return lambda role, *request: clients[role].ask(*request)


@pytest.fixture(scope="module")
def sandbox(api):
    """The developer's one test vault of this module, and an application with everything in it."""
    name = f"s{uuid.uuid4().hex[:10]}"
    begun = time.monotonic()
    made = api("DEVELOPER", "POST", "test-vaults", {"name": name, "world": "europe"})
    assert made.status == 201, made.data
    assert time.monotonic() - begun < 20
    application = api("DEVELOPER", "POST", "applications", {"name": f"app-{name}"}).json()
    body = {"application": f"app-{name}", "role": "key-vault-administrator"}
    assert api("DEVELOPER", "POST", f"vaults/{name}/role-assignments", body).status == 201
    key = {"name": "signing", "type": "EC", "parameter": "P-256", "hardware": False}
    assert api("DEVELOPER", "POST", f"vaults/{name}/new-key", key).status == 201
    return {**application, "name": name, "url": made.json()["url"]}


def credential(stack, sandbox, secret=None):
    return ClientSecretCredential(
        stack.tenant, sandbox["client_id"], secret or sandbox["client_secret"], authority=stack.authority,
        disable_instance_discovery=True,
    )  # fmt: skip


def refused(call):
    """The request id of a refusal."""
    with pytest.raises(HttpResponseError) as caught:
        call()
    return caught.value.response.headers["x-ms-request-id"], caught.value.status_code


def explanation_of(api, request_id):
    def explained():
        answer = api("DEVELOPER", "GET", f"explain/{request_id}")
        return answer.json() if answer.status == 200 else None

    return wait_until(explained, "an explanation", pause=0.25)


def test_developers_see_the_consumers_of_their_keys_and_roll_nothing_over(api, sandbox):
    grid = api("DEVELOPER", "GET", f"vaults/{sandbox['name']}/keys/signing/consumers")
    assert (grid.status, grid.json()["key"]) == (200, "signing")
    assert api("DEVELOPER", "GET", "vaults/demo-europe/keys/signing/consumers").status == 404
    assert api("AUDITOR", "GET", f"vaults/{sandbox['name']}/keys/signing/consumers").status == 403
    assert api("DEVELOPER", "POST", f"rollovers/{uuid.UUID(int=1)}/retire", {}).status == 403


def test_the_same_api_as_production_and_software_keys_only(api, stack, sandbox):
    client = KeyClient(sandbox["url"], credential(stack, sandbox))
    key = client.get_key("signing")
    assert key.properties.hsm_platform == "0"
    signed = CryptographyClient(key, credential(stack, sandbox)).sign(SignatureAlgorithm.es256, bytes(32))
    assert len(signed.signature) == 64
    with pytest.raises(HttpResponseError, match="test vault"):
        client.create_ec_key("in-hsm", hardware_protected=True)
    hardware = {"name": "x", "type": "EC", "parameter": "P-256", "hardware": True}
    assert api("DEVELOPER", "POST", f"vaults/{sandbox['name']}/new-key", hardware).status == 400


def test_a_developer_makes_a_test_call_in_the_own_vault_only(api, sandbox):
    done = api("DEVELOPER", "POST", f"vaults/{sandbox['name']}/objects/keys/signing/try")
    assert done.status == 200, done.data
    assert (done.json()["allowed"], done.json()["algorithm"]) == (True, "ES256")
    assert len(done.json()["result"]) == 86
    assert api("SECOPS", "POST", f"vaults/{sandbox['name']}/objects/keys/signing/try").status == 403


def test_a_backup_of_somebody_elses_vault_is_not_taken_in(stack, sandbox):
    theirs = stack.sdk(KeyClient)
    name = f"b{uuid.uuid4().hex[:8]}"
    theirs.create_ec_key(name)
    with pytest.raises(HttpResponseError, match="own test vaults only"):
        KeyClient(sandbox["url"], credential(stack, sandbox)).restore_key_backup(theirs.backup_key(name))
    own = KeyClient(sandbox["url"], credential(stack, sandbox))
    own.create_ec_key(name)
    blob = own.backup_key(name)
    own.begin_delete_key(name).wait()
    own.purge_deleted_key(name)
    assert own.restore_key_backup(blob).name == name


def test_a_secret_is_set_from_a_base_and_revealed_with_a_reason(api, sandbox):
    path = f"vaults/{sandbox['name']}/secrets/password"
    first = api("DEVELOPER", "PUT", path, {"value": "one", "base_version": ""})
    assert first.status == 201
    assert b"one" not in first.data
    second = api("DEVELOPER", "PUT", path, {"value": "two", "base_version": first.json()["version"]})
    assert second.status == 201
    late = api("DEVELOPER", "PUT", path, {"value": "three", "base_version": first.json()["version"]})
    assert (late.status, late.json()["error"]["code"]) == (409, "SecretChanged")
    assert api("DEVELOPER", "PUT", path, {"value": "x" * 25_601}).status == 400
    assert api("DEVELOPER", "POST", f"{path}/reveal", {"reason": " "}).status == 400
    shown = api("DEVELOPER", "POST", f"{path}/reveal", {"reason": "looking at the demo"})
    assert shown.json()["value"] == "two"
    assert shown.headers["Cache-Control"] == "no-store"
    old = {"reason": "the version before", "version": first.json()["version"]}
    assert api("DEVELOPER", "POST", f"{path}/reveal", old).json()["value"] == "one"
    assert api("SECOPS", "POST", f"{path}/reveal", {"reason": "curious"}).status == 403


def test_a_403_names_the_missing_grant_and_who_gives_it(api, stack, sandbox):
    outside = SecretClient(stack.vault_url, credential(stack, sandbox))
    request_id, status = refused(lambda: outside.get_secret("no-such-secret"))
    assert status == 403
    answer = explanation_of(api, request_id)
    assert answer["missing"] == "secrets/get"
    assert "Key Vault Secrets User" in answer["roles"]
    assert answer["giver"] == "Security operations can grant it."
    assert answer["allowed_now"] is False
    assert answer["application"] == f"app-{sandbox['name']}"


def test_an_absent_name_and_a_request_without_a_token_are_told_in_words(api, stack, sandbox):
    request_id, status = refused(
        lambda: SecretClient(sandbox["url"], credential(stack, sandbox)).get_secret("never-was")
    )
    assert status == 404
    assert "no such secret" in explanation_of(api, request_id)["sentence"]
    bare = stack.http().request("GET", f"{sandbox['url']}/secrets/password?api-version=7.4")
    assert bare.status == 401
    answer = explanation_of(api, bare.headers["x-ms-request-id"])
    assert "no bearer token" in answer["sentence"]
    assert (answer["vault"], answer["application"]) == ("", "")


def test_others_refusals_are_not_told(api, stack):
    strange = stack.sdk(SecretClient, stranger=True)
    request_id, _ = refused(lambda: strange.get_secret("anything"))
    wait_explainable(request_id)
    theirs = api("DEVELOPER", "GET", f"explain/{request_id}")
    unknown = api("DEVELOPER", "GET", f"explain/{uuid.uuid4()}")
    assert (theirs.status, theirs.data) == (404, unknown.data)


def test_usage_counts_the_own_applications(api, stack, sandbox):
    SecretClient(sandbox["url"], credential(stack, sandbox)).set_secret("counted", "v")

    def counted():
        rows = {row["operation"]: row for row in api("DEVELOPER", "GET", "usage").json()}
        return rows.get("SecretSet", {}).get("done", 0) >= 1

    wait_until(counted, "a count", pause=0.25)


def certificate(days=30, size=2048):
    """(certificate, private key), both in PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=size)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem_of(self_signed(key, begins=-60, ends=days)), private


def test_the_official_certificate_credential_signs_in_until_its_certificate_is_removed(api, stack, sandbox):
    public, private = certificate()
    path = f"applications/{sandbox['client_id']}"
    added = api("DEVELOPER", "POST", f"{path}/certificates", {"certificate": public.decode()})
    assert added.status == 201, added.data
    assert api("DEVELOPER", "POST", f"{path}/certificates", {"certificate": public.decode()}).status == 409

    def by_certificate(data):
        return CertificateCredential(
            stack.tenant, sandbox["client_id"], certificate_data=data, authority=stack.authority,
            disable_instance_discovery=True,
        )  # fmt: skip

    client = SecretClient(sandbox["url"], by_certificate(public + private))
    client.set_secret("by-certificate", "v")
    assert client.get_secret("by-certificate").value == "v"
    with pytest.raises(ClientAuthenticationError, match="AADSTS700027"):
        SecretClient(sandbox["url"], by_certificate(b"".join(certificate()))).get_secret("by-certificate")
    kinds = {row["kind"]: row["id"] for row in api("DEVELOPER", "GET", f"{path}/credentials").json()}
    assert api("DEVELOPER", "DELETE", f"{path}/credentials/{kinds['certificate']}").status == 204
    with pytest.raises(ClientAuthenticationError, match="AADSTS700027"):
        SecretClient(sandbox["url"], by_certificate(public + private)).get_secret("by-certificate")


@pytest.mark.parametrize("what", ["expired", "small", "private", "nonsense"])
def test_what_is_no_good_certificate_is_refused(api, sandbox, what):
    public, private = certificate(days=-1 if what == "expired" else 30, size=1024 if what == "small" else 2048)
    text = {"private": (public + private).decode(), "nonsense": "-----BEGIN CERTIFICATE-----"}.get(
        what, public.decode()
    )
    answer = api("DEVELOPER", "POST", f"applications/{sandbox['client_id']}/certificates", {"certificate": text})
    assert (answer.status, answer.json()["error"]["code"]) == (400, "BadCredential")


def test_a_second_secret_then_the_old_one_goes(api, stack, sandbox):
    path = f"applications/{sandbox['client_id']}"
    before = {row["id"] for row in api("DEVELOPER", "GET", f"{path}/credentials").json() if row["kind"] == "secret"}
    second = api("DEVELOPER", "POST", f"{path}/secrets").json()["client_secret"]
    assert credential(stack, sandbox, second).get_token(f"https://{stack.vault_url.split('.', 1)[1]}/.default")
    after = {row["id"] for row in api("DEVELOPER", "GET", f"{path}/credentials").json() if row["kind"] == "secret"}
    (new,) = after - before
    assert api("DEVELOPER", "DELETE", f"{path}/credentials/{new}").status == 204
    with pytest.raises(ClientAuthenticationError):
        credential(stack, sandbox, second).get_token(f"https://{stack.vault_url.split('.', 1)[1]}/.default")


def test_a_trust_is_https_and_exact(api, sandbox):
    path = f"applications/{sandbox['client_id']}/federated"
    good = {"issuer": "https://token.example.org", "subject": "repo:a/b:ref:refs/heads/main"}
    made = api("DEVELOPER", "POST", path, good)
    assert made.status == 201
    assert made.json()["audience"] == "api://AzureADTokenExchange"
    assert api("DEVELOPER", "POST", path, good).status == 409
    for changed in (
        {"issuer": "http://token.example.org"},
        {"issuer": "https://u:p@example.org"},
        {"subject": "repo:*"},
    ):
        assert api("DEVELOPER", "POST", path, {**good, **changed}).status == 400, changed


def test_a_role_given_to_a_developer_shows_that_vault_and_no_more(api, stack):
    developer = f"person:{os.environ['PORTAL_USER_DEVELOPER']}"
    body = {"application": developer, "role": "key-vault-reader"}
    assert api("DEVELOPER", "GET", "vaults/demo-america").status == 404
    assert api("SECOPS", "POST", "vaults/demo-america/role-assignments", body).status == 201
    try:
        listed = api("SECOPS", "GET", "vaults/demo-america/role-assignments").json()
        assert {"application": developer, "role": "key-vault-reader"}.items() <= next(
            row for row in listed if row["application"] == developer
        ).items()
        time.sleep(1)
        assert api("DEVELOPER", "GET", "vaults/demo-america").status == 200
        assert api("DEVELOPER", "GET", "vaults/demo-america/objects/keys").status == 200
        assert api("DEVELOPER", "GET", "vaults/demo-europe").status == 404
        assert api("DEVELOPER", "POST", "vaults/demo-america/role-assignments", body).status == 403
        key = {"name": "x", "type": "EC", "parameter": "P-256"}
        assert api("DEVELOPER", "POST", "vaults/demo-america/new-key", key).status == 403
    finally:
        assert api("SECOPS", "DELETE", "vaults/demo-america/role-assignments", body).status == 204
    time.sleep(1)
    assert api("DEVELOPER", "GET", "vaults/demo-america").status == 404


def test_a_developer_knows_of_no_group(api, sandbox):
    group = f"g{uuid.uuid4().hex[:8]}"
    assert api("SECOPS", "POST", "groups", {"name": group}).status == 201
    path = f"vaults/{sandbox['name']}/role-assignments"
    there = api("DEVELOPER", "POST", path, {"group": group, "role": "key-vault-reader"})
    absent = api("DEVELOPER", "POST", path, {"group": "g-nothing", "role": "key-vault-reader"})
    assert (there.status, there.data.replace(group.encode(), b"g-nothing")) == (404, absent.data)
    assert api("DEVELOPER", "GET", "groups").status == 403
    for path in ("hsm", "anomalies", "coming", "minutes", "recycle-bin"):
        assert api("DEVELOPER", "GET", path).status == 403, path


def test_a_vault_that_exists_and_one_that_does_not_answer_the_same(api):
    for tail in ("", "/objects/keys", "/objects/keys/x", "/role-assignments", "/callers"):
        hidden = api("DEVELOPER", "GET", f"vaults/demo-europe{tail}")
        absent = api("DEVELOPER", "GET", f"vaults/demo-nowhere{tail}")
        assert (hidden.status, hidden.data.replace(b"demo-europe", b"demo-nowhere")) == (absent.status, absent.data)
        assert hidden.status == 404
