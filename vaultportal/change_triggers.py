"""Triggers that note changes of cached rows in `core_change`, applied by `manage.py apply_privileges`.

A column that changes with each new version (`current_id`), and inserts of rows that are cached by nobody yet, note
nothing: caches do not keep the former, and "there is no such row" always expires (apps/core/leased_cache.py).
"""

from typing import NamedTuple

from apps.core.change_feed import Topic


class Noted(NamedTuple):
    """Changes of one table that are noted under a topic."""

    table: str
    topic: Topic
    columns: str = ""  # of an update; "": all
    inserts: bool = False
    when: str = ""  # a condition on the old row, for changes that are frequent and not cached


_ATTRIBUTES = "enabled, not_before, expires, operations, key_type, parameter, custody, exportable, version, key_id"
NOTED = (
    # A key's state has what its vault and world allow.
    *(Noted("vaults_vault", topic) for topic in (Topic.VAULTS, Topic.OBJECTS)),
    *(Noted("worlds_securityworld", topic) for topic in (Topic.VAULTS, Topic.OBJECTS)),
    *(Noted("worlds_protectedkey", topic) for topic in (Topic.OBJECTS, Topic.VAULTS, Topic.APPLICATIONS)),
    Noted("guardian_userobjectpermission", Topic.ROLES, inserts=True),
    Noted("guardian_groupobjectpermission", Topic.ROLES, inserts=True),
    Noted("auth_group", Topic.ROLES),
    Noted("identity_user_groups", Topic.ROLES, inserts=True),
    Noted("identity_user", Topic.ROLES, "is_active, kind"),
    Noted("identity_user", Topic.APPLICATIONS, "is_active, kind, username, duty"),
    Noted("identity_applicationidentity", Topic.APPLICATIONS),
    Noted("identity_organisation", Topic.APPLICATIONS),
    Noted("identity_signingkey", Topic.APPLICATIONS, inserts=True),
    Noted("keys_key", Topic.OBJECTS, "name, folded_name, vault_id, deleted"),
    Noted("secrets_secret", Topic.OBJECTS, "name, folded_name, vault_id, deleted"),
    Noted("certificates_certificate", Topic.OBJECTS, "name, folded_name, vault_id, deleted"),
    Noted(
        "keys_keyversion",
        Topic.OBJECTS,
        f"state, protected_id, rehearsed_until, refused_until, refused_percent, {_ATTRIBUTES}",
        when="OLD.state = 'ready'",
    ),
    Noted("secrets_secretversion", Topic.OBJECTS, "sealed, version, secret_id"),
)


def statements(tables: list[str]) -> list[str]:
    """Return the SQL that creates the triggers of these tables, or replaces them."""
    return [sql for noted in NOTED if noted.table in tables for sql in _triggers(noted)]


def _triggers(noted: Noted) -> list[str]:
    updates = f"UPDATE OF {noted.columns}" if noted.columns else "UPDATE"
    events = " OR ".join([*(["INSERT"] if noted.inserts else []), "DELETE", *([] if noted.when else [updates])])
    sql = [_trigger(noted, "note", f"{events} OR TRUNCATE", "STATEMENT")]
    if noted.when:
        sql.append(_trigger(noted, "note_row", updates, f"ROW WHEN ({noted.when})"))
    return sql


def _trigger(noted: Noted, prefix: str, events: str, each: str) -> str:
    return (
        f"CREATE OR REPLACE TRIGGER {prefix}_{noted.topic} AFTER {events} ON {noted.table} "
        f"FOR EACH {each} EXECUTE FUNCTION core_note_change('{noted.topic}')"
    )
