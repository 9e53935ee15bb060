"""Each form of the three portals has its command: the list is that of the addresses, so a new form cannot be left out."""

import contextlib
import os

import psycopg
import pytest
from django.urls import get_resolver

from tests.cli.conftest import Terminal, as_person, program
from tests.console.test_form_commands import parsed
from tests.support import people
from tests.support.audit_portal import AUDIT
from tests.support.developers import fresh
from tests.support.people import PORTAL, confirm

pytestmark = pytest.mark.stack

# The name of an address that takes a form -> (the page that shows the command, how it begins).
SHOWN = {
    "secops:vault_new": ("vaults/new", "portal vault create"),
    "secops:vault_settings": ("vaults/demo-europe/settings", "portal vault set demo-europe"),
    "secops:vault_policies": ("vaults/demo-europe/settings", "portal vault policy demo-europe"),
    "secops:vault_freeze": ("vaults/demo-europe/settings", "portal vault freeze demo-europe"),
    "secops:vault_delete": ("vaults/demo-europe/delete", "portal vault delete demo-europe --yes-delete demo-europe"),
    "secops:vault_recover": ("deleted-vaults", "portal vault recover"),
    "secops:vault_purge": ("deleted-vaults", "portal vault purge"),
    "secops:log_destination": ("vaults/demo-europe/log-destination?kind=s3", "portal log set demo-europe --kind s3"),
    "secops:log_destination_test": ("vaults/{delivered}/settings", "portal log test {delivered}"),
    "secops:log_destination_remove": ("vaults/{delivered}/settings", "portal log remove {delivered}"),
    "secops:log_replay": ("vaults/{delivered}/settings", "portal log replay {delivered}"),
    "secops:log_retention": ("vaults/demo-europe/settings", "portal log retention demo-europe"),
    "secops:webhooks": ("vaults/{delivered}/webhooks", "portal webhook add {delivered}"),
    "secops:webhook_test": ("vaults/{delivered}/webhooks/crm", "portal webhook test {delivered} crm"),
    "secops:webhook_validate": ("vaults/{delivered}/webhooks/crm", "portal webhook validate {delivered} crm"),
    "secops:webhook_redeliver": ("vaults/{delivered}/webhooks/crm", "portal webhook redeliver {delivered} crm"),
    "secops:webhook_secret": ("vaults/{delivered}/webhooks/crm", "portal webhook rotate-secret {delivered} crm"),
    "secops:webhook_remove": ("vaults/{delivered}/webhooks/crm", "portal webhook remove {delivered} crm"),
    "secops:key_import": ("vaults/demo-europe/import-key", "portal key import"),
    "secops:key_new": ("vaults/demo-europe/new-key", "portal key create"),
    "secops:key_rotate": ("vaults/demo-europe/keys/{key}", "portal key rotate {key}"),
    "secops:key_policy": ("vaults/demo-europe/keys/{key}?tab=rotation", "portal key policy {key}"),
    "secops:object_delete": ("vaults/demo-europe/keys/{key}", "portal key delete {key}"),
    "secops:object_recover": ("recycle-bin", "portal key recover {gone}"),
    "secops:object_purge": ("vaults/demo-europe/keys/{gone}", "portal key purge {gone}"),
    "secops:version_switch": ("vaults/demo-europe/keys/{key}", "portal key disable {key}"),
    "secops:rollover_new": ("vaults/demo-europe/roll", "portal bulk-rotation start"),
    "secops:rollover_switch": ("rollovers/{rollover}", "portal bulk-rotation resume {rollover}"),
    "secops:rollover_staged": ("vaults/demo-europe/rollover", "portal rollover start"),
    "secops:rollover_rehearse": ("rollovers/{staged}", "portal rollover rehearse {staged}"),
    "secops:rollover_brown_out": ("rollovers/{staged}", "portal rollover brown-out {staged}"),
    "secops:rollover_retire": ("rollovers/{staged}", "portal rollover retire {staged}"),
    "secops:key_emergency": ("vaults/demo-europe/keys/{key}", "portal rollover emergency {key}"),
    "secops:decide": ("approvals", "portal approval approve {request}"),
    "secops:application_new": ("applications/new", "portal application create"),
    "secops:secret_new": ("applications/{client_id}", "portal application secret {application}"),
    "secops:secret_remove": ("applications/{client_id}", "portal application remove-credential {application}"),
    "secops:application_switch": ("applications/{client_id}", "portal application disable {application}"),
    "secops:application_manager": ("applications/{client_id}", "portal application manager {application}"),
    "secops:access": ("access", "portal access assign"),
    "secops:role_remove": ("access", "portal access revoke"),
    "secops:groups": ("access/groups", "portal group create"),
    "secops:group": ("access/groups/{group}", "portal group add '{group}'"),
    "secops:member_remove": ("access/groups/{group}", "portal group remove '{group}' {application}"),
    "secops:group_delete": ("access/groups/{group}", "portal group delete '{group}'"),
    "secops:people": ("access/people", "portal person invite"),
    "secops:person_switch": ("access/people", "portal person suspend"),
    "dev:vault_new": ("vaults/new", "portal vault create NAME --test"),
    "dev:vault_access": ("vaults/{test}/access", "portal access assign"),
    "dev:role_remove": ("vaults/{test}/access", "portal access revoke"),
    "dev:key_new": ("vaults/{test}/new-key", "portal key create"),
    "dev:key_rotate": ("vaults/{test}/keys/signing", "portal key rotate signing"),
    "dev:secret_new": ("vaults/{test}/new-secret", "portal secret create"),
    "dev:secret_edit": ("vaults/{test}/secrets/password/edit", "portal secret set password"),
    "dev:secret_reveal": ("vaults/{test}/secrets/password", "portal secret show password"),
    "dev:try": ("vaults/{test}/keys/signing?tab=use", "portal key try signing"),
    "dev:object_delete": ("vaults/{test}/keys/signing", "portal key delete signing"),
    "dev:object_recover": ("vaults/{test}/bench", "portal key recover"),
    "dev:version_switch": ("vaults/{test}/keys/signing", "portal key disable signing"),
    "dev:application_new": ("applications/new", "portal application create"),
    "dev:application_stop": ("applications/{own}", "portal application disable"),
    "dev:client_secret_new": ("applications/{own}", "portal application secret"),
    "dev:certificate_new": ("applications/{own}", "portal application certificate"),
    "dev:trust_new": ("applications/{own}", "portal application trust"),
    "dev:credential_remove": ("applications/{own}", "portal application remove-credential"),
    "auditors:packs": ("evidence", "portal audit pack"),
}
WITHOUT = {
    "auditors:integrity": "asks the server to look now; who does not trust it has `portal audit verify` on this page",
    "auditors:task_cancel": "stops what somebody watches on that page",
    "auditors:access": "an attestation: a person has looked and says so",
    "auditors:queue": "a note, a sign-off: a person has looked and says so",
}


def forms():
    """The names of all addresses that take a form."""
    for name, module in (
        ("secops", "apps.interfaces.console.security_operations.urls"),
        ("dev", "apps.interfaces.console.developers.urls"),
        ("auditors", "apps.interfaces.console.auditors.pages"),
    ):
        for pattern in get_resolver(module).url_patterns:
            if "post" in pattern.callback.view_class.permissions:
                yield f"{name}:{pattern.name}"


def test_every_form_is_in_the_list_and_nothing_else():
    assert sorted(forms()) == sorted([*SHOWN, *WITHOUT])


@pytest.fixture(scope="module")
def places(stack, bench, tmp_path_factory):
    """What the pages need, made at the command line."""
    home = tmp_path_factory.mktemp("home")
    terminal = as_person(Terminal(home, program(), PORTAL_URL=stack.portal_url, PORTAL_CA=stack.ca), "SECOPS")
    key, gone, delivered, guarded, application = (f"{kind}{fresh()}" for kind in ("k", "g", "d", "p", "a"))
    group = f"team {key}"
    for name in (key, gone):
        terminal.run("key", "create", name, "--type", "EC", "--software")
    terminal.run("key", "delete", gone)
    made = terminal.json("application", "create", application)
    terminal.run("application", "secret", application)
    terminal.run("group", "create", group)
    terminal.run("group", "add", group, application)
    terminal.run("vault", "create", delivered, "--world", "europe")
    terminal.run("log", "set", delivered, "--kind", "directory", "--setting", f"path=portal/{delivered}")
    terminal.run("webhook", "add", delivered, "crm", "--url", "https://10.0.0.1/events")  # never connected to
    terminal.run("key", "create", "first", "--vault", delivered, "--type", "EC", "--software")
    rollover = terminal.json("bulk-rotation", "start", "--vault", delivered, "--reason", "a test")["id"]
    with psycopg.connect(os.environ["DATABASE_URL"]) as owner:  # paused before its only key was rotated
        owner.execute("UPDATE rollovers_rollover SET state = 'paused', finished = NULL WHERE id = %s", [rollover])
        owner.execute("UPDATE rollovers_rolloverkey SET state = 'waiting' WHERE rollover_id = %s", [rollover])
    staged = terminal.json("rollover", "start", "--vault", "demo-europe", "--key", key, "--reason", "a test")["id"]
    deleted = f"v{fresh()}"
    terminal.run("vault", "create", deleted, "--world", "europe")
    terminal.run("vault", "delete", deleted, "--yes-delete", deleted)
    terminal.run("vault", "create", guarded, "--world", "europe", "--production")
    terminal.run("access", "grant", application, "key-vault-crypto-user", "--vault", guarded, code=1)
    waiting = next(row for row in terminal.json("approval", "list") if row["vault"] == guarded)
    return {
        "key": key,
        "gone": gone,
        "delivered": delivered,
        "application": application,
        "client_id": made["client_id"],
        "group": group,
        "rollover": rollover,
        "staged": staged,
        "request": waiting["id"],
        "test": bench.vault,
        "own": bench.environment["AZURE_CLIENT_ID"],
    }


@pytest.fixture(scope="module")
def pages(new_context, secops_state, developer_state, auditor_state, colleague_state):
    """A page for each duty; and of a second person, who decides."""
    states = {
        "secops": secops_state,
        "dev": developer_state,
        "auditors": auditor_state,
        "secops:decide": colleague_state,
    }
    with contextlib.ExitStack() as stack:
        contexts = {who: stack.enter_context(new_context(storage_state=state)) for who, state in states.items()}
        for context in contexts.values():
            people.let_proof_be_fresh(context)  # or forms with something secret ask for it first
        yield {who: context.new_page() for who, context in contexts.items()}


@pytest.mark.parametrize("name", SHOWN)
def test_the_page_shows_the_command_of_its_form(name, places, pages):
    path, begins = (text.format(**places) for text in SHOWN[name])
    duty = name.partition(":")[0]
    page = pages.get(name) or pages[duty]
    host = {"secops": f"{PORTAL}/secops", "dev": f"{PORTAL}/dev", "auditors": AUDIT}[duty]
    if page.url != f"{host}/{path}":
        assert page.goto(f"{host}/{path}", wait_until="domcontentloaded").status == 200
        confirm(page, os.environ["PORTAL_USER_SECOPS"])
    shown = "\n".join(page.locator("details.as-command pre").all_text_contents()).splitlines()
    found = [line for line in shown if line.startswith(begins)]
    assert found, shown
    parsed(found[0])
