"""The developer of the browser tests: signed in, with one test vault, its key and secret, and an application."""

import os
import subprocess
import sys
import uuid

from azure.identity import ClientSecretCredential

from tests.support.people import PORTAL, confirm

ME = os.environ.get("PORTAL_USER_DEVELOPER", "")


def make_test_vault(page, name):
    page.goto(f"{PORTAL}/dev/vaults/new")
    page.get_by_label("Name").fill(name)
    page.get_by_role("button", name="Create test vault").click()
    page.wait_for_url(f"**/dev/vaults/{name}")


def make_key(page, vault, name, kind="EC P-256"):
    page.goto(f"{PORTAL}/dev/vaults/{vault}/new-key")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Kind").select_option(label=kind)
    page.get_by_role("button", name="Create key").click()
    page.wait_for_url(f"**/keys/{name}**")


def set_secret(page, vault, name, value):
    page.goto(f"{PORTAL}/dev/vaults/{vault}/new-secret")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Value").fill(value)
    page.get_by_role("button", name="Set secret").click()
    page.wait_for_url(f"**/secrets/{name}")


def open_edit(page, vault, name):
    """The form that edits a secret, which asks for a recent proof."""
    page.goto(f"{PORTAL}/dev/vaults/{vault}/secrets/{name}/edit")
    confirm(page, ME)
    page.wait_for_url(f"**/secrets/{name}/edit")


def make_application(page, name, vault=""):
    """Its environment, as shown once; the page stays open."""
    page.goto(f"{PORTAL}/dev/applications/new")
    page.get_by_label("Name", exact=True).fill(name)
    if vault:
        page.get_by_label("Role assignment in your test vault (optional)").select_option(vault)
    page.get_by_role("button", name="Create application identity").click()
    confirm(page, ME)
    return environment_of(page)


def environment_of(page):
    """The variables of an application, as the page that creates it shows them."""
    text = page.locator("#environment").text_content()
    return dict(line.removeprefix("export ").split("=", 1) for line in text.strip().splitlines())


def reveal(page, vault, name, reason="a test looks at it"):
    page.goto(f"{PORTAL}/dev/vaults/{vault}/secrets/{name}")
    page.get_by_label("Reason").fill(reason)
    page.get_by_role("button", name=f"Reveal {name}").click()
    confirm(page, ME)


def fresh():
    return f"d{uuid.uuid4().hex[:10]}"


def snippet_of(page, bench, path, language):
    page.goto(f"{PORTAL}/dev/vaults/{bench.vault}/{path}?tab=use&lang={language}")
    return page.locator("#snippet").text_content()


def run(command, environment, stack):
    """The output of a program with the variables of an application."""
    trust = dict.fromkeys(("REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "CURL_CA_BUNDLE", "SSL_CERT_FILE"), stack.ca)
    done = subprocess.run(
        command,
        env={**os.environ, **environment, **trust},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def stack_url(bench, stack):
    return stack.vault_url.replace("demo-europe", bench.vault)


def credential_of(bench, stack, secret=""):
    return ClientSecretCredential(
        stack.tenant, bench.environment["AZURE_CLIENT_ID"], secret or bench.environment["AZURE_CLIENT_SECRET"],
        authority=stack.authority, disable_instance_discovery=True,
    )  # fmt: skip


def sdk(kind, bench, stack, url="", **options):
    """A client of the official SDK as the bench's application, for its own vault unless another is given."""
    return kind(url or stack_url(bench, stack), credential_of(bench, stack), connection_verify=stack.ca, **options)


def run_python(program, environment, stack):
    return run([sys.executable, "-W", "ignore", "-c", program], environment, stack)


def python(page, bench, stack, path):
    return run_python(snippet_of(page, bench, path, "python"), bench.environment, stack)
