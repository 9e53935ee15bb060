"""The management API, over TLS, by people of each duty."""

import contextlib
import json
import os
import re
import uuid

import pytest
import urllib3
from django.core.management import call_command

from tests.support.endpoints import endpoints

pytestmark = pytest.mark.stack


@pytest.fixture(scope="module")
def api(stack):
    http = stack.http()

    def ask(role, method, path, body=None, *, password=None):
        headers = {"Content-Type": "application/json"}
        if role:
            secret = password or os.environ[f"PORTAL_PASSWORD_{role}"]
            headers |= urllib3.make_headers(basic_auth=f"{os.environ[f'PORTAL_USER_{role}']}:{secret}")
        data = body if isinstance(body, bytes) else json.dumps(body).encode() if body is not None else None
        return http.request(method, f"{stack.portal_url}/api/v1/{path}", body=data, headers=headers)

    return ask


# (method, path, roles that may)
MATRIX = [
    ("GET", "whoami", {"SECOPS", "DEVELOPER", "AUDITOR"}),
    ("GET", "roles", {"SECOPS", "DEVELOPER", "AUDITOR"}),
    ("GET", "tokens", {"SECOPS", "DEVELOPER", "AUDITOR"}),
    ("DELETE", f"tokens/{uuid.UUID(int=2)}", {"SECOPS", "DEVELOPER", "AUDITOR"}),
    ("GET", "vaults", {"SECOPS", "DEVELOPER", "AUDITOR"}),
    ("POST", "vaults", {"SECOPS"}),
    ("GET", "vaults/demo-europe", {"SECOPS", "AUDITOR"}),
    ("PATCH", "vaults/demo-europe", {"SECOPS"}),
    ("POST", "attestation-authorities", {"SECOPS"}),
    ("PUT", "attestation-authorities", {"SECOPS"}),
    ("GET", "applications", {"SECOPS", "DEVELOPER", "AUDITOR"}),
    ("POST", "applications", {"SECOPS", "DEVELOPER"}),
    ("POST", "applications/APPLICATION/secrets", {"SECOPS"}),
    ("GET", "vaults/demo-europe/role-assignments", {"SECOPS", "AUDITOR"}),
    ("POST", "vaults/demo-europe/role-assignments", {"SECOPS"}),
    ("DELETE", "vaults/demo-europe/role-assignments", {"SECOPS"}),
    ("POST", "vaults/demo-europe/freeze", {"SECOPS"}),
    ("GET", "vaults/demo-europe/log-destination", {"SECOPS", "AUDITOR"}),
    ("PUT", "vaults/demo-europe/log-destination", {"SECOPS"}),
    ("DELETE", "vaults/demo-europe/log-destination", {"SECOPS"}),
    ("POST", "vaults/demo-europe/log-destination/test", {"SECOPS"}),
    ("POST", "vaults/demo-europe/log-destination/replay", {"SECOPS"}),
    ("GET", "vaults/demo-europe/log-retention", {"SECOPS", "AUDITOR"}),
    ("PUT", "vaults/demo-europe/log-retention", {"SECOPS"}),
    ("GET", "vaults/demo-europe/webhooks", {"SECOPS"}),
    ("POST", "vaults/demo-europe/webhooks", {"SECOPS"}),
    ("GET", "vaults/demo-europe/webhooks/WEBHOOK", {"SECOPS"}),
    ("DELETE", "vaults/demo-europe/webhooks/WEBHOOK", {"SECOPS"}),
    ("POST", "vaults/demo-europe/webhooks/WEBHOOK/secret", {"SECOPS"}),
    ("POST", "vaults/demo-europe/webhooks/WEBHOOK/validate", {"SECOPS"}),
    ("POST", "vaults/demo-europe/webhooks/WEBHOOK/test", {"SECOPS"}),
    ("GET", "vaults/demo-europe/webhooks/WEBHOOK/deliveries", {"SECOPS"}),
    ("POST", "vaults/demo-europe/webhooks/WEBHOOK/redeliver", {"SECOPS"}),
    ("GET", "vaults/demo-europe/default-policies", {"SECOPS", "AUDITOR"}),
    ("PATCH", "vaults/demo-europe/default-policies", {"SECOPS"}),
    ("GET", "vaults/demo-europe/callers", {"SECOPS"}),
    ("POST", "vaults/demo-europe/new-key", {"SECOPS"}),
    ("POST", "vaults/demo-europe/import-key", {"SECOPS"}),
    ("POST", "vaults/demo-europe/keys/ITEM/rotate", {"SECOPS"}),
    ("GET", "vaults/demo-europe/keys/ITEM/attestation", {"SECOPS"}),
    ("PUT", "vaults/demo-europe/keys/ITEM/rotation-policy", {"SECOPS"}),
    ("GET", "vaults/demo-europe/objects/keys", {"SECOPS"}),
    ("GET", "vaults/demo-europe/objects/keys/ITEM", {"SECOPS"}),
    ("POST", "vaults/demo-europe/objects/keys/ITEM/versions/VERSION", {"SECOPS"}),
    ("GET", "vaults/demo-europe/objects/keys/ITEM/history", {"SECOPS"}),
    ("DELETE", "vaults/demo-europe/objects/keys/ITEM", {"SECOPS"}),
    ("POST", "vaults/demo-europe/objects/keys/ITEM/recover", {"SECOPS"}),
    ("POST", "vaults/demo-europe/objects/keys/ITEM/purge", {"SECOPS"}),
    ("DELETE", "vaults/DOOMED", {"SECOPS"}),
    ("GET", "deleted-vaults", {"SECOPS", "DEVELOPER", "AUDITOR"}),
    ("POST", "deleted-vaults/unknown-vault/recover", {"SECOPS"}),
    ("DELETE", "deleted-vaults/unknown-vault", {"SECOPS"}),
    ("PUT", "applications/unknown-application/vault-manager", {"SECOPS"}),
    ("DELETE", "applications/unknown-application/vault-manager", {"SECOPS"}),
    ("GET", "vaults/demo-europe/rollovers", {"SECOPS"}),
    ("POST", "vaults/demo-europe/rollovers", {"SECOPS"}),
    ("GET", f"rollovers/{uuid.UUID(int=1)}", {"SECOPS"}),
    ("PATCH", f"rollovers/{uuid.UUID(int=1)}", {"SECOPS"}),
    ("GET", f"rollovers/{uuid.UUID(int=1)}/keys", {"SECOPS"}),
    ("POST", f"rollovers/{uuid.UUID(int=1)}/retire", {"SECOPS"}),
    ("GET", f"rollovers/{uuid.UUID(int=1)}/rehearsal", {"SECOPS"}),
    ("POST", f"rollovers/{uuid.UUID(int=1)}/rehearsal", {"SECOPS"}),
    ("POST", f"rollovers/{uuid.UUID(int=1)}/brown-out", {"SECOPS"}),
    ("GET", "vaults/demo-europe/keys/ITEM/consumers", {"SECOPS"}),
    ("POST", "vaults/demo-europe/keys/ITEM/emergency-rollover", {"SECOPS"}),
    ("GET", "hsm", {"SECOPS"}),
    ("GET", "anomalies", {"SECOPS"}),
    ("GET", "coming", {"SECOPS"}),
    ("GET", "clock", {"SECOPS", "AUDITOR"}),
    ("POST", "clock", {"SECOPS"}),
    ("GET", "minutes", {"SECOPS"}),
    ("GET", "recycle-bin", {"SECOPS"}),
    ("GET", "search", {"SECOPS", "DEVELOPER", "AUDITOR"}),
    ("GET", "people", {"SECOPS", "AUDITOR"}),
    ("POST", "people/PERSON/switch", {"SECOPS"}),
    ("POST", "invitations", {"SECOPS"}),
    ("GET", "approvals", {"SECOPS"}),
    ("GET", f"approvals/{uuid.UUID(int=0)}", {"SECOPS"}),
    ("POST", f"approvals/{uuid.UUID(int=0)}", {"SECOPS"}),
    ("GET", "access/explain", {"SECOPS", "AUDITOR"}),
    ("POST", "applications/demo-stranger/switch", {"SECOPS"}),
    ("GET", "groups", {"SECOPS", "AUDITOR"}),
    ("POST", "groups", {"SECOPS"}),
    ("GET", "groups/nobody-known", {"SECOPS", "AUDITOR"}),
    ("DELETE", "groups/nobody-known", {"SECOPS"}),
    ("PUT", "groups/nobody-known/members/demo-stranger", {"SECOPS"}),
    ("DELETE", "groups/nobody-known/members/demo-stranger", {"SECOPS"}),
    ("GET", "applications/demo-stranger/credentials", {"SECOPS", "AUDITOR"}),
    ("DELETE", f"applications/demo-stranger/credentials/{uuid.UUID(int=3)}", {"SECOPS"}),
    ("POST", "applications/demo-stranger/certificates", {"SECOPS"}),
    ("POST", "applications/demo-stranger/federated", {"SECOPS"}),
    ("POST", "test-vaults", {"DEVELOPER"}),
    ("PUT", "vaults/demo-europe/secrets/ITEM", set()),
    ("POST", "vaults/demo-europe/secrets/ITEM/reveal", set()),
    ("POST", "vaults/demo-europe/objects/keys/ITEM/try", set()),
    ("GET", "refusals", {"DEVELOPER"}),
    ("GET", f"explain/{uuid.UUID(int=0)}", {"DEVELOPER"}),
    ("GET", "usage", {"DEVELOPER"}),
]
SAMPLES = {
    "unknown-vault": "<str:deleted>",
    "unknown-application": "<str:name>",
    "DOOMED": "<str:name>",
    "nobody-known/members/demo-stranger": "<str:group>/members/<str:application>",
    "nobody-known": "<str:group>",
    "demo-europe": "<str:name>",
    "demo-stranger": "<str:name>",
    "APPLICATION": "<str:name>",
    "ITEM": "<str:item>",
    "VERSION": "<str:version>",
    "WEBHOOK": "<str:webhook>",
    "PERSON": "<path:username>",
    "objects/keys": "objects/<str:kind>",
    str(uuid.UUID(int=0)): "<uuid:request_id>",
    str(uuid.UUID(int=1)): "<uuid:rollover_id>",
    str(uuid.UUID(int=2)): "<uuid:token_id>",
    str(uuid.UUID(int=3)): "<uuid:credential_id>",
}


def test_the_matrix_names_every_address():
    declared = {(method.upper(), address.removeprefix("api/v1/")) for method, address, *_ in endpoints()}
    tested = set()
    for method, path, _ in MATRIX:
        for sample, variable in SAMPLES.items():
            path = path.replace(sample, variable)  # noqa: PLW2901  one after the other
        tested.add((method, path))
    assert tested == declared


@pytest.fixture(scope="module")
def a_key(api):
    """(name, version) of a key of the tests' own."""
    name = f"t{uuid.uuid4().hex[:10]}"
    body = {"name": name, "type": "EC", "parameter": "P-256"}
    made = api("SECOPS", "POST", "vaults/demo-europe/new-key", body)
    assert made.status == 201, made.data
    return name, made.json()["version"]


@pytest.fixture(scope="module")
def an_application(api):
    """An application without a role: one that has some in a production vault gets no credential at once."""
    name = f"demo-{uuid.uuid4().hex[:10]}"
    assert api("SECOPS", "POST", "applications", {"name": name}).status == 201
    return name


@pytest.fixture(scope="module")
def a_vault(api):
    """The name of a vault that nobody needs."""
    name = f"demo-{uuid.uuid4().hex[:10]}"
    assert api("SECOPS", "POST", "vaults", {"name": name, "world": "europe"}).status == 201
    return name


@pytest.mark.parametrize(("method", "path", "may"), MATRIX)
def test_each_duty_does_its_own_work_only(api, a_key, an_application, a_vault, method, path, may):
    path = (
        path.replace("DOOMED", a_vault)
        .replace("ITEM", a_key[0])
        .replace("VERSION", a_key[1])
        .replace("PERSON", "nobody-known")
    )
    path = path.replace("APPLICATION", an_application)
    for role in ("DEVELOPER", "AUDITOR", "SECOPS"):  # the last one may delete what is asked for
        status = api(role, method, path, {} if method != "GET" else None).status
        if role in may:
            nobody = (
                "nobody-known" in path
                or "/unknown-" in path
                or "WEBHOOK" in path
                or str(uuid.UUID(int=0))[:-1] in path
                or path.endswith("/purge")  # it is live
                or "log-destination" in path  # none is set
            )
            assert status in (200, 201, 204, 400, 404 if nobody else 200), (role, status)
        elif role == "DEVELOPER" and path.startswith(("vaults/demo-", "applications/demo-")):
            assert status == 404, (role, status)  # somebody else's: the same as one that does not exist
        else:
            assert status == 403, (role, status)
    assert api(None, method, path).status == 401


def test_security_operations_make_a_vault_an_application_and_an_assignment(api, stack):
    name, application = f"made-{os.urandom(3).hex()}", f"app-{uuid.uuid4()}"
    made = api("SECOPS", "POST", "vaults", {"name": name, "world": "america"})
    assert made.status == 201, made.data
    assert (made.json()["state"], made.json()["world"]) == ("ready", "america")
    assert api("SECOPS", "POST", "vaults", {"name": name.upper(), "world": "america"}).status == 409
    registered = api("SECOPS", "POST", "applications", {"name": application})
    assert registered.status == 201
    assert registered.headers["Cache-Control"] == "no-store"
    assignment = {"application": application, "role": "key-vault-secrets-officer"}
    assert api("SECOPS", "POST", f"vaults/{name}/role-assignments", assignment).status == 201
    listed = api("AUDITOR", "GET", f"vaults/{name}/role-assignments").json()
    assert listed == [{**assignment, "group": "", "key": "", "secret": "", "certificate": ""}]

    from azure.identity import ClientSecretCredential
    from azure.keyvault.secrets import SecretClient

    credential = ClientSecretCredential(
        stack.tenant, registered.json()["client_id"], registered.json()["client_secret"],
        authority=stack.authority, disable_instance_discovery=True,
    )  # fmt: skip
    with SecretClient(made.json()["url"], credential) as secrets:
        secrets.set_secret("first", "value")
        assert secrets.get_secret("first").value == "value"
    assert api("SECOPS", "DELETE", f"vaults/{name}/role-assignments", assignment).status == 204
    assert api("AUDITOR", "GET", f"vaults/{name}/role-assignments").json() == []


@pytest.mark.parametrize(
    "body",
    [b"", b"[]", b"{", b'{"name":"a","name":"b"}', b"[" * 100_000, b'{"name":"\\ud800"}', b"x" * 100_000,
     b'{"name":"1bad","world":"europe"}', b'{"name":"good-name","world":"nowhere"}', b'{"name":5,"world":[]}'],
    ids=lambda body: repr(body[:24]),
)  # fmt: skip
def test_a_bad_body_is_a_4xx(api, body):
    for _ in range(20):
        with contextlib.suppress(urllib3.exceptions.HTTPError):  # closed after its answer, while we were still sending
            answer = api("SECOPS", "POST", "vaults", body)
            break
    assert 400 <= answer.status < 500
    assert set(answer.json()["error"]) == {"code", "message"}


def test_a_wrong_password_is_refused_and_after_ten_the_door_waits(api):
    os.environ["PORTAL_USER_NOBODY"] = f"nobody-{os.getpid()}"
    answers = [api("NOBODY", "GET", "whoami", password="wrong").status for _ in range(60)]
    assert answers[0] == 401
    assert set(answers) == {401, 429}
    assert api("DEVELOPER", "GET", "whoami").status == 200, "others from the same address are not locked out"


def test_the_openapi_document_is_valid(settings, tmp_path):
    settings.ROOT_URLCONF = "apps.interfaces.management_api.urls"
    file = tmp_path / "schema.yml"
    call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(file))
    assert "/api/v1/vaults/{name}/role-assignments" in file.read_text()


def test_the_hsms_are_told_with_tokens_and_times(api):
    worlds = {world["world"]: world for world in api("SECOPS", "GET", "hsm").json()}
    assert set(worlds) == {"europe", "america"}
    europe = worlds["europe"]
    assert europe["serving"]
    assert [worker["token"] for worker in europe["workers"]] == ["vp-europe"] * 2
    assert "AES_GCM" in europe["profile"]["mechanisms"]
    assert len(bytes.fromhex(europe["statement_authority"])) == 32
    assert all(0 < row["p50"] <= row["p99"] for row in europe["latencies"])


def test_each_minute_of_the_last_hours_is_counted(api):
    assert len(api("SECOPS", "GET", "minutes?hours=2").json()) == 120
    for hours in ("0", "49", "x", "-1", "1" * 50, "004899999", "00489999"):
        assert api("SECOPS", "GET", f"minutes?hours={hours}").status == 400


def test_the_health_page_names_both_worlds(stack):
    answer = stack.http().request("GET", f"{stack.portal_url}/health")
    assert answer.json() == {"status": "ok", "worlds": {"america": "ok", "europe": "ok"}}


def test_the_front_page_has_no_inline_script_and_no_inline_style(stack):
    answer = stack.http().request("GET", stack.portal_url + "/")
    assert answer.status == 200
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    page = answer.data.decode()
    assert re.findall(r"<script(?![^>]* src=)", page) == []
    assert "style=" not in page
    assert stack.http().request("GET", f"{stack.portal_url}/static/portal.css").status == 200
    assert stack.http().request("GET", f"{stack.portal_url}/static/..%2fmanage.py").status == 404
