"""The command that each form declares is one that the command line takes, whatever is typed."""

import importlib
import shlex

import pytest
import typer

from apps.cli.lazy_commands import load
from apps.interfaces.console import form_commands
from apps.interfaces.console.form_commands import CommandForm, command
from apps.interfaces.console.security_operations.forms import KeyForm, VaultSettingsForm
from apps.interfaces.console.security_operations.log_destination_forms import DestinationForm, ReplayForm, RetentionForm
from apps.interfaces.console.security_operations.rotation_forms import PolicyForm
from apps.log_delivery.models import LogDestination
from apps.log_delivery.rules import FIELDS

for package in ("developers.forms", "auditors.evidence_packs"):
    importlib.import_module(f"apps.interfaces.console.{package}")

CONTEXT = {"vault", "key", "secret", "group", "application", "test", "reveal"}  # what pages give to commands
SAMPLES = {
    "kind": "EC-P-256",
    "protection": "software",
    "who": "group/it's -x",
    "recoverable_days": "30",
    "rotate_after": "30",
    "expires_after": "60",
    "certificate_days": "30",
    "on_conflict": "recover",
    "near_expiry_days": "40",
    "older_than_days": "5",
    "quiet_days": "7",
    "starts": "2026-11-01T10:00",
    "duty": "developer",
    "first": "0",
    "last": "7",
    "days": "1",
    "from": "2026-11-01T10:00",
    "to": "2026-11-02T10:00",
}


def parsed(line):
    """The values that the command line reads. Arguments still to be typed are in capitals; options may be missing."""
    portal, first, *words = shlex.split(line)
    assert portal == "portal"
    found = load(first)
    while hasattr(found, "commands"):
        first = words.pop(0)
        found = found.commands[first]
    try:
        with found.make_context(first, words) as context:
            return {str(value) for value in context.params.values()}
    except typer.BadParameter as error:
        if "Missing option" not in error.format_message():  # required, and empty in the form
            raise
        return set()


def forms(base=CommandForm):
    for form in base.__subclasses__():
        yield form
        yield from forms(form)


@pytest.mark.parametrize("form", sorted(forms(), key=str), ids=lambda form: f"{form.__module__}.{form.__name__}")
def test_the_command_of_a_form_is_taken(form):
    cli = form.cli
    if form is DestinationForm:
        samples = [{"kind": kind, "stored": "prefix port", "entered": "secret"} for kind in FIELDS]
    else:
        assert set(cli.fields) <= {*form.base_fields, *CONTEXT, "from", "to"}
        samples = [{**SAMPLES, "kind": "key"} if "item" in cli.fields else SAMPLES]
    for sample in samples:
        parsed(cli.line({name: value for name, value in sample.items() if name in ("kind", "who")}))
        values = {**dict.fromkeys((*cli.fields, "item"), "--json it's"), **sample}
        read = parsed(cli.line(values))
        plain = [name for name in cli.fields if not callable(cli.options.get(name, ""))]
        assert {values[name] for name in plain} <= read


def test_names_that_look_like_options_are_none():
    line = command("application credentials", "--json a")
    assert line == "portal application credentials -- '--json a'"
    assert "--json a" in parsed(line)
    assert "-x" in parsed(command("key purge", "-x", vault="v", yes_purge="-x"))
    assert "-" in parsed(command("key sign", "k", "-", vault="v", algorithm="ES256"))


def test_a_command_has_the_values_that_its_form_shows():
    assert KeyForm.cli.of(vault="payroll").line_of(KeyForm()) == (
        "portal key create NAME --vault payroll --type RSA --size 2048"
    )
    for kind, options in (
        ("OKP-Ed25519", "--type OKP --curve Ed25519"),
        ("AKP-ML-DSA-65", "--type AKP --algorithm ML-DSA-65"),
    ):
        assert options in KeyForm.cli.of(vault="v", protection="software").line_of(KeyForm({"name": "a", "kind": kind}))
    assert KeyForm.cli.of(vault="v", protection="software").line_of(KeyForm({"name": "a", "kind": "EC-P-256"})) == (
        "portal key create a --vault v --type EC --curve P-256 --software"
    )
    keep = RetentionForm.cli.of(vault="payroll")
    for days in (1, 30):
        assert keep.line_of(RetentionForm(initial={"days": days})) == f"portal log retention payroll --days {days}"
    replay = ReplayForm.cli.of(vault="payroll")
    first = "portal log replay payroll --first 0 --last 1"
    assert replay.line_of(ReplayForm(initial={"first": 0, "last": 1})) == first, "zero is a number"
    policy = PolicyForm.cli.of(vault="payroll", key="signing")
    never = "portal key policy signing --vault payroll --rotate-after 0 --expires-after 0"
    assert policy.line_of(PolicyForm()) == never
    assert "--no-production" in VaultSettingsForm.cli.of(vault="payroll").line({"production": ""})


def command_of(kind, before=None, data=None):
    form = DestinationForm(data, kind=kind, before=before)
    line = form.command(type("Vault", (), {"name": "payroll"}), kind, before).line_of(form)
    return line.removeprefix("portal log set payroll ")


def test_the_command_of_a_destination_has_what_the_form_has_and_ends_what_it_ends():
    config = {"endpoint": "https://s3.example", "bucket": "logs", "prefix": "a"}
    stored = {"public_key": "a PEM", "on_full": "fail-closed", "credential_names": ["access_key_id"]}
    before = LogDestination(kind="s3", config=config, **stored)
    same = "--kind s3 --setting endpoint=https://s3.example --setting bucket=logs --setting prefix=a"
    assert command_of("s3", before) == f"{same} --public-key FILE --on-full fail-closed"
    given = {**config, "prefix": "", "public_key": "", "on_full": "fail-closed", "secret_access_key": "hidden"}
    emptied = command_of("s3", before, given)
    assert "--setting prefix= --credential secret_access_key --no-public-key --on-full fail-closed" in emptied
    assert "hidden" not in emptied
    assert "--no-public-key" in command_of("syslog", before), "which takes none"
    assert "public-key" not in command_of("s3")


def test_the_command_of_a_blob_names_the_one_credential_that_it_needs():
    assert "--credential account_key" in command_of("azure-blob")
    token = command_of("azure-blob", data={"sas_token": "hidden"})
    assert ("--credential sas_token" in token, "account_key" in token, "hidden" in token) == (True, False, False)
    stored = LogDestination(kind="azure-blob", config={}, credential_names=["sas_token"])
    assert "--credential" not in command_of("azure-blob", stored)
    assert "--credential account_key" in command_of("azure-blob", stored, {"account_key": "hidden"})


def test_records_are_read_with_the_words_of_the_explorer():
    query = {"vault": "payroll", "request_id": "r", "caller": "", "from": "2026-11-01T10:00:00Z"}
    search, export = form_commands.records(query, live=False).splitlines()
    assert search == "portal audit search --vault payroll --request-id r --from 2026-11-01T10:00:00"
    assert parsed(export) >= {"payroll", "r", "records.ndjson"}
    tail = form_commands.records(query, live=True)
    assert tail == "portal audit tail --follow --vault payroll"
    parsed(tail)
