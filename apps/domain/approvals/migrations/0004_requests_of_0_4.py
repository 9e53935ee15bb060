"""Requests of version 0.4 name objects and people; an approval is for ids and a state now (docs/security-operations.md).

Those whose names tell everything that is approved are bound to what the names mean at the upgrade, so that they can be
approved and used. The others end, with a note for the requester: an import, for example, did not name its attributes.
"""

import hashlib

import orjson
from django.db import migrations

_MODELS = {
    "keys": ("key", "keys", "Key"),
    "secrets": ("secret", "secrets", "Secret"),
    "certificates": ("certificate", "certificates", "Certificate"),
}
_NEW_TEXTS = {"the usage log": "the audit log", "records of the usage log are kept": "retention of the audit log"}
_NOTE = "The upgrade ended this request of version 0.4: it did not name all that is approved now. Repeat the operation."


def bind(apps, _schema_editor):
    """Bind or end every request that is open, or approved and not used."""
    requests = apps.get_model("approvals", "ApprovalRequest").objects
    for row in requests.filter(state__in=["open", "approved"], concerns=[], basis={}):
        bound = _BINDERS[row.act](apps, row) if row.act in _BINDERS else None
        if bound is None:
            row.state, row.note = "withdrawn", _NOTE
        else:
            row.concerns, row.basis = sorted(bound[0]), bound[1]
            row.subject = _NEW_TEXTS.get(row.subject, row.subject)
            row.change = {_NEW_TEXTS.get(what, what): value for what, value in row.change.items()}
            row.fingerprint = _fingerprint(row)
        row.save(update_fields=["state", "note", "concerns", "basis", "subject", "change", "fingerprint"])


def _settings(_apps, _row):
    return set(), {}  # vault and change tell everything


def _purge(apps, row):
    found = _object(apps, row)
    if found is None or found.deleted is None or found.deleted > row.created:
        return None
    basis = {"object": str(found.pk), "version": str(found.current_id or ""), "deleted": found.deleted.isoformat()}
    return {found.pk}, basis


def _removal_of_destination(apps, row):
    destination = apps.get_model("delivery", "LogDestination").objects.filter(vault_id=row.vault_id).first()
    if destination is None or list(row.change) != ["log destination"]:
        return None
    basis = {"destination": str(destination.pk), "changed": destination.changed.isoformat()}
    return {destination.pk}, basis


def _role_of_principal(apps, row):
    """Only for an application or a person: a request for a group did not name its members by id."""
    who = _principal(apps, row.change.get("who", ""))
    if row.subject == "the vault":
        object_type, target = "vault", row.vault_id
    else:
        object_type, found = _MODELS.get(row.subject.partition("/")[0], ("",))[0], _object(apps, row)
        target = found.pk if found is not None else None
    if who is None or target is None:
        return None
    role = f"{row.vault_id} {object_type} {target} {row.change.get('role', '')}"
    return {who, target}, {"roles": [role], "duty": "", "keys": [], "group": None}


_BINDERS = {
    "guard-off": _settings,
    "retention-shortened": _settings,
    "purge": _purge,
    "log-destination": _removal_of_destination,
    "role-grant": _role_of_principal,
}


def _object(apps, row):
    kind, _, name = row.subject.partition("/")
    if kind not in _MODELS:
        return None
    _, label, model = _MODELS[kind]
    return apps.get_model(label, model).objects.filter(vault_id=row.vault_id, folded_name=name.lower()).first()


def _principal(apps, name):
    if name.startswith("person:"):
        people = apps.get_model("identity", "User").objects.filter(username=name.removeprefix("person:"), kind="person")
        return people.values_list("pk", flat=True).first()
    applications = apps.get_model("identity", "ApplicationIdentity").objects.filter(name=name)
    return applications.values_list("user_id", flat=True).first()


def _fingerprint(row):
    """As apps/domain/approvals/operations.py computes it when the requester repeats the operation."""
    facts = [row.act, str(row.vault_id), row.subject, row.change, [str(one) for one in row.concerns], row.basis]
    return hashlib.sha256(orjson.dumps(facts, option=orjson.OPT_SORT_KEYS)).digest()


class Migration(migrations.Migration):
    dependencies = [
        ("approvals", "0003_people_and_state"),
        ("certificates", "0003_guarded_updates"),
        ("delivery", "0001_initial"),
        ("identity", "0009_auditors_apart"),
        ("keys", "0002_whole_data_plane"),
        ("secrets", "0002_whole_data_plane"),
    ]

    operations = [migrations.RunPython(bind, migrations.RunPython.noop)]
