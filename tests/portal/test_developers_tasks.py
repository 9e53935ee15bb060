"""The tasks of developers, as people do them; snippets run exactly as shown."""

import base64
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time

import pytest
import urllib3
from playwright.sync_api import expect

from tests.cli.conftest import program
from tests.interop.conftest import node_packages  # noqa: F401  the fixture
from tests.portal import developers
from tests.portal.developers import ME, fresh
from tests.portal.looking import accessible
from tests.portal.people import PORTAL, confirm


def snippet_of(page, bench, path, language):
    page.goto(f"{PORTAL}/dev/vaults/{bench.vault}/{path}?tab=use&lang={language}")
    return page.locator("#snippet").text_content()


def run(command, bench, stack, **rest):
    trust = dict.fromkeys(("REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE", "SSL_CERT_FILE"), stack.ca)
    done = subprocess.run(
        command,
        env={**os.environ, **bench.environment, **trust},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        **rest,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def python(page, bench, stack, path):
    return run([sys.executable, "-W", "ignore", "-c", snippet_of(page, bench, path, "python")], bench, stack)


def curl(page, bench, stack, path):
    return run(["bash", "-eu", "-o", "pipefail", "-c", snippet_of(page, bench, path, "curl")], bench, stack)


def node(page, bench, stack, path, packages):
    file = packages / f"{fresh()}.mjs"
    file.write_text(snippet_of(page, bench, path, "javascript"))
    try:
        return run(["node", str(file)], bench, stack)
    finally:
        file.unlink()


@pytest.mark.parametrize(
    ("kind", "size"), [("EC P-256", 64), ("EC P-384", 96), ("EC P-521", 132), ("RSA 2048", 256), ("AES 256", 40)]
)
def test_key_snippets_run_as_copied(dev, bench, stack, node_packages, kind, size):  # noqa: F811
    name = f"k{fresh()}"
    developers.make_key(dev, bench.vault, name, kind)
    path = f"keys/{name}"
    assert len(bytes.fromhex(python(dev, bench, stack, path))) == size
    assert len(bytes.fromhex(node(dev, bench, stack, path, node_packages))) == size
    value = json.loads(curl(dev, bench, stack, path))["value"]
    assert len(base64.urlsafe_b64decode(value + "==")) == size


def test_secret_snippets_run_as_copied(dev, bench, stack, node_packages):  # noqa: F811
    assert python(dev, bench, stack, "secrets/password") == "28 characters"
    assert node(dev, bench, stack, "secrets/password", node_packages) == "28 characters"
    assert json.loads(curl(dev, bench, stack, "secrets/password"))["value"] == "correct horse\nbattery staple"


def test_the_command_line_runs_as_copied(dev, bench, stack, tmp_path):
    command = tmp_path / "portal"
    command.write_text("#!/bin/sh\nexec " + shlex.join(program()) + ' "$@"\n')
    command.chmod(0o755)
    where = {
        "PORTAL_URL": stack.portal_url,
        "PORTAL_CA": stack.ca,
        "HOME": str(tmp_path),
        "AZURE_TENANT_ID": stack.tenant,
    }
    for path, name in (("keys/signing", "signing"), ("secrets/password", "password")):
        shown = subprocess.run(
            ["bash", "-euc", snippet_of(dev, bench, path, "cli")],
            env={"PATH": f"{tmp_path}:{os.environ['PATH']}", **bench.environment, **where},
            capture_output=True,
            text=True,
            check=False,
        )
        assert shown.returncode == 0, shown.stderr
        assert name in shown.stdout
        assert "battery" not in shown.stdout


@pytest.mark.parametrize("language", ["dotnet", "java", "go", "cli"])
def test_every_language_names_the_object_and_where_it_is(dev, bench, stack, language):
    shown = snippet_of(dev, bench, "keys/signing", language)
    assert "signing" in shown
    if language == "cli":
        assert shown.strip() == f"portal key show signing --vault {bench.vault}"
        return
    assert f"https://{bench.vault}." in shown
    assert stack.tenant in shown
    assert stack.authority in shown
    assert shown.count("{") == shown.count("}")
    assert shown.count("(") == shown.count(")")


def test_run_a_live_test_call(dev, bench):
    dev.goto(f"{PORTAL}/dev/vaults/{bench.vault}/keys/signing?tab=use")
    dev.get_by_role("button", name="Run a test call").click()
    expect(dev.locator("#tried")).to_contain_text("it works")
    assert re.fullmatch(r"[\w-]{86}", dev.locator("#result").text_content())
    dev.goto(f"{PORTAL}/dev/vaults/{bench.vault}/secrets/password?tab=use")
    dev.get_by_role("button", name="Run a test call").click()
    expect(dev.locator("#result")).to_have_text("28 bytes")
    assert "battery" not in dev.content()
    accessible(dev)


def test_reveal_a_secret_with_a_reason_and_it_hides_again(dev, bench, pictures):
    answers = []
    dev.on("response", lambda answer: answers.append(answer) if answer.url.endswith("/reveal") else None)
    dev.clock.install()
    dev.goto(f"{PORTAL}/dev/vaults/{bench.vault}/secrets/password")
    assert "battery" not in dev.content()
    developers.reveal(dev, bench.vault, "password")
    expect(dev.locator("#value")).to_have_text("correct horse\nbattery staple")
    assert answers[-1].headers["cache-control"] == "no-store"
    accessible(dev)
    dev.screenshot(path=pictures / "dev-revealed.png", full_page=True)
    dev.clock.fast_forward(28_000)
    expect(dev.locator("#value")).to_have_count(1)
    dev.clock.fast_forward(4_000)
    expect(dev.locator("#value")).to_have_count(0)
    dev.wait_for_url("**/secrets/password")
    assert "battery" not in dev.content()
    dev.go_back()
    assert "battery" not in dev.content()


def test_edit_a_secret_and_be_stopped_when_somebody_was_faster(new_context, developer_state, dev, bench, pictures):
    name = f"s{fresh()}"
    developers.set_secret(dev, bench.vault, name, "host=a\nuser=b\npassword=c")
    developers.open_edit(dev, bench.vault, name)
    dev.get_by_label("Value").fill("host=a\nuser=b\npassword=mine")
    expect(dev.locator("#size")).to_have_text("27 / 25600")
    with new_context(storage_state=developer_state) as context:
        faster = context.new_page()
        developers.open_edit(faster, bench.vault, name)
        faster.get_by_label("Value").fill("host=a\nuser=theirs\npassword=theirs")
        faster.get_by_role("button", name=f"Save {name}").click()
        faster.wait_for_url(f"**/secrets/{name}")
    dev.get_by_role("button", name=f"Save {name}").click()
    expect(dev.locator("#compared")).to_contain_text("Somebody was faster")
    expect(dev.locator("#compared").get_by_text("both changed")).to_have_count(1)
    shown = dev.locator("#compared").inner_html()
    assert "theirs" not in shown
    assert "mine" not in shown
    assert "host=" not in shown
    dev.screenshot(path=pictures / "dev-compared.png", full_page=True)
    accessible(dev)
    assert dev.get_by_label("Value").input_value().endswith("password=mine")
    dev.get_by_role("button", name=f"Save {name}").click()
    dev.wait_for_url(f"**/secrets/{name}")
    developers.reveal(dev, bench.vault, name)
    expect(dev.locator("#value")).to_have_text("host=a\nuser=b\npassword=mine")


def test_a_secret_of_25_601_bytes_is_not_sent(dev, bench):
    dev.goto(f"{PORTAL}/dev/vaults/{bench.vault}/new-secret")
    dev.get_by_label("Name").fill("too-long")
    dev.get_by_label("Value").fill("é" * 12_800 + "x")
    expect(dev.locator("#size")).to_have_text("25601 / 25600")
    dev.get_by_role("button", name="Set secret").click()
    assert dev.url.endswith("/new-secret")
    dev.get_by_role("button", name="Generate 32 random bytes").click()
    expect(dev.locator("#size")).to_have_text("43 / 25600")


def test_find_out_why_a_call_was_refused(dev, bench, stack, pictures):
    from azure.core.exceptions import HttpResponseError
    from azure.identity import ClientSecretCredential
    from azure.keyvault.secrets import SecretClient

    credential = ClientSecretCredential(
        stack.tenant, bench.environment["AZURE_CLIENT_ID"], bench.environment["AZURE_CLIENT_SECRET"],
        authority=stack.authority, disable_instance_discovery=True,
    )  # fmt: skip
    with pytest.raises(HttpResponseError) as caught:
        SecretClient(stack.vault_url, credential, connection_verify=stack.ca).get_secret("theirs")
    dev.wait_for_timeout(2500)
    dev.goto(f"{PORTAL}/dev/explain")
    dev.get_by_label("Request id").fill(caught.value.response.headers["x-ms-request-id"])
    dev.get_by_role("button", name="Explain request").click()
    expect(dev.get_by_role("status")).to_contain_text("asked for secrets/get at secret theirs in vault demo-europe")
    expect(dev.get_by_text("Security operations can give it.")).to_be_visible()
    expect(dev.get_by_text("still refused")).to_be_visible()
    expect(dev.locator("#ask")).to_contain_text("for example Key Vault Secrets User")
    dev.screenshot(path=pictures / "dev-explained.png", full_page=True)
    accessible(dev)


def test_replace_a_credential_without_a_gap(dev, bench):
    developers.make_application(dev, f"rolling-{fresh()}")
    dev.locator(".crumbs a").click()
    dev.get_by_role("button", name="Add a client secret").click()
    confirm(dev, ME)
    expect(dev.locator("#environment")).to_contain_text("AZURE_CLIENT_SECRET")
    dev.locator(".crumbs a").click()
    expect(dev.get_by_role("button", name="Remove secret")).to_have_count(2)
    dev.get_by_role("button", name="Remove secret 1").click()
    expect(dev.get_by_role("button", name="Remove secret")).to_have_count(1)


def test_add_a_certificate_and_a_trust(dev):
    openssl = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-keyout",
        "/dev/null",
        "-subj",
        "/CN=pipeline",
    ]
    pem = subprocess.run(openssl, capture_output=True, text=True, check=True).stdout
    developers.make_application(dev, f"signing-{fresh()}")
    dev.locator(".crumbs a").click()
    dev.get_by_text("Add a certificate").click()
    dev.get_by_label("Certificate (PEM)").fill(pem)
    dev.get_by_role("button", name="Add certificate").click()
    confirm(dev, ME)
    expect(dev.get_by_role("cell", name="CN=pipeline", exact=True)).to_be_visible()
    dev.get_by_text("Trust another issuer").click()
    dev.get_by_label("Issuer").fill("https://token.actions.githubusercontent.com")
    dev.get_by_label("Subject", exact=True).fill("repo:acme/shop:ref:refs/heads/main")
    dev.get_by_role("button", name="Trust issuer").click()
    confirm(dev, ME)
    expect(dev.get_by_role("cell", name="repo:acme/shop:ref:refs/heads/main", exact=True)).to_be_visible()


def test_break_a_key_on_the_bench_and_watch_the_program(dev, bench, stack, pictures):
    name = f"b{fresh()}"
    developers.make_key(dev, bench.vault, name)
    program = snippet_of(dev, bench, f"keys/{name}", "python")
    environment = {**os.environ, **bench.environment, "REQUESTS_CA_BUNDLE": stack.ca}

    def call():
        return subprocess.run(
            [sys.executable, "-W", "ignore", "-c", program], env=environment, capture_output=True, check=False
        )

    assert call().returncode == 0
    dev.goto(f"{PORTAL}/dev/vaults/{bench.vault}/bench")
    dev.get_by_role("button", name=f"Disable {name}", exact=True).click()
    expect(dev.get_by_role("status")).to_contain_text("is disabled")
    time.sleep(1)
    assert call().returncode != 0
    row = dev.locator("#calls tr", has_text=f"keys/{name}").first
    expect(row).to_be_visible(timeout=8_000)  # the page asks by itself
    expect(dev.locator("#calls").get_by_role("link", name="Explain refusal").first).to_be_visible(timeout=8_000)
    dev.screenshot(path=pictures / "dev-bench-used.png", full_page=True)
    dev.get_by_role("button", name=f"Enable {name}", exact=True).click()
    dev.get_by_role("button", name=f"Roll {name}", exact=True).click()
    expect(dev.get_by_role("status")).to_contain_text("rolled to version")
    time.sleep(1)
    assert call().returncode == 0
    dev.get_by_role("button", name=f"Delete {name}", exact=True).click()
    time.sleep(1)
    assert call().returncode != 0
    dev.get_by_role("button", name=f"Recover {name}", exact=True).click()
    expect(dev.get_by_role("status")).to_contain_text("is recovered")


def test_see_the_usage_and_the_limit(dev, bench, stack, secops_limits):
    python(dev, bench, stack, "secrets/password")
    secops_limits(bench.vault, {"rsa-2048": 150})
    dev.wait_for_timeout(2500)
    dev.goto(f"{PORTAL}/dev/usage?vault={bench.vault}")
    expect(dev.get_by_role("cell", name="SecretGet").first).to_be_visible()
    expect(dev.get_by_text("the vault may do 900 of the smallest kind in one")).to_be_visible()
    secops_limits(bench.vault, {})
    dev.reload()
    expect(
        dev.get_by_text("Beyond it answers 429" if os.environ.get("QUOTA_FACTOR") != "0" else "no limit")
    ).to_be_visible()


@pytest.fixture
def secops_limits(stack):
    def set_limits(vault, limits):
        user = f"{os.environ['PORTAL_USER_SECOPS']}:{os.environ['PORTAL_PASSWORD_SECOPS']}"
        headers = {"Content-Type": "application/json", **urllib3.make_headers(basic_auth=user)}
        url = f"{stack.portal_url}/api/v1/vaults/{vault}"
        assert stack.http().request("PATCH", url, body=json.dumps({"limits": limits}), headers=headers).status == 200

    return set_limits


def test_keys_alone_find_a_secret(dev, bench):
    dev.goto(f"{PORTAL}/dev/")
    dev.keyboard.press("/")
    dev.keyboard.type("passw")
    dev.keyboard.press("Enter")
    dev.wait_for_url("**/search**")
    dev.get_by_role("link", name=f"{bench.vault}/password").focus()
    dev.keyboard.press("Enter")
    dev.wait_for_url("**/secrets/password")
    dev.keyboard.press("g")
    dev.keyboard.press("e")
    dev.wait_for_url("**/explain")


def test_stop_an_application_whose_credential_leaked(dev):
    name = f"leaked-{fresh()}"
    developers.make_application(dev, name)
    dev.locator(".crumbs a").click()
    dev.get_by_role("button", name=f"Stop {name}").click()
    expect(dev.get_by_text("stopped", exact=True)).to_be_visible()
    assert dev.get_by_role("button", name=f"Let {name} go on").count() == 0


def test_curl_and_openssl_are_there():
    assert shutil.which("curl")
    assert shutil.which("openssl")
