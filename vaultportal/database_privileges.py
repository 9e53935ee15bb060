"""Privileges of every database role on every table, applied by `manage.py apply_privileges`.

The owner's role runs migrations and has everything; no process that serves anybody connects with it. A table that is
in no row here stops the command, so that a new table cannot be forgotten.
"""

from typing import NamedTuple

from apps.audit_log.operation_names import Operation
from apps.audit_log.records import HEADER_COLUMNS

WEB, HSM, JOBS, AUDITOR = "vault_web", "vault_hsm", "vault_jobs", "vault_auditor"
AUDIT, DELIVERY, RETENTION, EVENTS = "vault_audit", "vault_delivery", "vault_retention", "vault_events"
WRITERS = (WEB, HSM, JOBS, AUDITOR)  # roles that write audit records
ROLES = (WEB, HSM, JOBS, AUDITOR, AUDIT, DELIVERY, RETENTION, EVENTS)


class Allowed(NamedTuple):
    """Privileges on one table, by role; a role that is not named has none."""

    table: str
    web: str = ""
    hsm: str = ""
    jobs: str = ""
    auditor: str = ""
    audit: str = ""  # the audit worker: sequencer, checkpoints, opening of data keys
    delivery: str = ""
    retention: str = ""
    events: str = ""  # delivery of events to webhooks


_ALL = "SELECT, INSERT, UPDATE, DELETE"
_UPSERT = "SELECT, INSERT, UPDATE"  # rows stay
_APPEND = "SELECT, INSERT"  # reading the log is itself recorded
# All columns but the transaction id, which the database sets: it is the order of the log.
_WRITE = f"INSERT ({', '.join([*HEADER_COLUMNS, 'commitment', 'sealed'])})"
_READ_AND_WRITE = f"SELECT, {_WRITE}"
_DESTINATION = (  # all columns but the sealed ones
    "id, vault_id, kind, config, credential_names, public_key, on_full, created, changed, tested, test_done, test_error"
)
_OUTBOX = (  # all columns but the number and the transaction id, which the database sets
    "INSERT (vault_id, type, object_type, object_id, object_name, version, not_before, expires, data, at)"
)
_PROGRESS = "handshake, valid, position, claim, leased_until, failures, next_try, slow, error, last_delivered"
# Objects keep their vault and name, versions their object and content: only these columns change.
_OBJECT = "SELECT, INSERT, DELETE, UPDATE (current_id, deleted, purge_after, deleted_by)"
_CERTIFICATE = "SELECT, INSERT, DELETE, UPDATE (current_id, deleted, purge_after, deleted_by, policy, policy_updated)"
_ATTRIBUTES = "enabled, not_before, expires, tags, updated"
_REHEARSAL = "rehearsed_until, refused_until, refused_percent"
_VAULT = (
    "world_id, state, recoverable_days, purge_protection, production, rsa1_5, test, owner_id, frozen, limits, tags, "
    "on_conflict, near_expiry_days, certificate_action, tool_settings, deleted, purge_after, purged"
)
_NAME = "SELECT (id, vault_id, name)"
_DECISION = "state, expires, decider_id, decider, decided, note"

EARLIER = "audit_auditrecord"  # records from before the log was sealed; only its owner sees it, once
_FUNCTIONS = (
    ("audit_make_days(date, integer)", AUDIT),
    ("audit_forget(uuid)", RETENTION),
    ("audit_drop_empty_days()", RETENTION),
    ("audit_has_attempt(uuid, uuid, text, bigint, bigint, uuid, uuid)", HSM),
    ("core_forget_changes()", JOBS),
    *(("events_number()", role) for role in (WEB, JOBS, EVENTS)),
    *((f"{name}()", role) for name in ("test_clock_seconds", "lifecycle_now") for role in (WEB, HSM, JOBS, AUDITOR)),
    ("vault_as_it_is(uuid)", WEB),  # locks the vault, for the guards of deletion and purging
    ("vault_as_it_is(uuid)", JOBS),
    ("vault_is_purged(uuid)", WEB),
    ("vault_is_purged(uuid)", JOBS),
)

PRIVILEGES = (
    # The log: written by all writers, read by auditors and delivery, changed by nobody. `audit_forget` deletes bodies.
    Allowed("audit_event", _WRITE, _WRITE, _WRITE, _READ_AND_WRITE, _READ_AND_WRITE, _READ_AND_WRITE, _WRITE),
    Allowed("audit_datakey", "INSERT", "INSERT", "INSERT", _APPEND, _APPEND, _APPEND, "INSERT"),
    Allowed("audit_leaf", auditor="SELECT", audit="SELECT, INSERT", delivery="SELECT"),
    Allowed("audit_log", auditor="SELECT", audit=_UPSERT, delivery="SELECT"),
    Allowed("audit_tile", auditor="SELECT", audit="SELECT, INSERT", delivery="SELECT"),
    Allowed("audit_checkpoint", auditor="SELECT", audit="SELECT, INSERT", delivery="SELECT"),
    Allowed("audit_cursor", auditor="SELECT", audit=_UPSERT),
    Allowed("audit_writer", auditor="SELECT", audit=_ALL),
    Allowed("audit_minutecount", auditor="SELECT", audit=_UPSERT),
    Allowed("audit_verification", auditor="SELECT", audit=_UPSERT, delivery="SELECT"),
    Allowed(
        "audit_incident", hsm="SELECT, INSERT", auditor="SELECT, INSERT", audit="SELECT, INSERT", delivery="SELECT"
    ),
    Allowed("audit_auditkey", auditor="SELECT", audit="SELECT", delivery="SELECT"),
    # Data of auditors: tasks that they requested, and their notes and sign-offs, which nobody changes.
    Allowed("auditing_task", auditor=_UPSERT),
    Allowed("auditing_review", auditor=_APPEND),
    Allowed("auditing_attestation", auditor=_APPEND),
    Allowed("auditing_unrecordedchange", auditor="SELECT"),  # written by triggers alone
    # Counts, written by all writers of records (apps/usage/counters.py), readable without the audit log.
    Allowed("usage_usecount", web=_UPSERT, hsm=_UPSERT, jobs=_ALL, auditor=_UPSERT, audit=_UPSERT, delivery=_UPSERT),
    Allowed("usage_minutecount", web=_UPSERT, hsm=_UPSERT, jobs=_ALL, auditor=_UPSERT, audit=_UPSERT, delivery=_UPSERT),
    Allowed("usage_hourcount", web=_UPSERT, hsm=_UPSERT, jobs=_ALL, auditor=_UPSERT, audit=_UPSERT, delivery=_UPSERT),
    Allowed("usage_refusal", web="SELECT, INSERT", hsm='SELECT ("limit", wait), INSERT', jobs="SELECT, DELETE"),
    # Requests are immutable: only the columns of a decision change.
    # The HSM worker reads whether a restore was approved, and by somebody else.
    Allowed(
        "approvals_approvalrequest",
        web=f"SELECT, INSERT, UPDATE ({_DECISION})",
        hsm="SELECT (act, vault_id, requester_id, basis, state, expires, decider_id, created)",
    ),
    Allowed("approvals_principalcontrol", web="SELECT, INSERT", hsm="SELECT"),
    # The ceremony creates worlds, with the owner's role; workers add the keys that they make.
    Allowed(
        "worlds_securityworld",
        web="SELECT",
        hsm="SELECT",
        jobs="SELECT",
        auditor="SELECT",
        audit="SELECT",
        delivery="SELECT",
        events="SELECT",
    ),
    Allowed("worlds_worldgeneration", hsm="SELECT", audit="SELECT"),
    Allowed("worlds_backupkey", hsm="SELECT"),
    # The web stores keys that the HSM bound for it (import, restore), and changes one to a form that an HSM worker made
    # (`worlds_rebinding`). It purges on request, the scheduler when due. Triggers (migration certificates 0003) refuse
    # the rest: removing what is live or protected, shortening a retention, exchanging a key or its material.
    # The keys of key statements, which only ceremonies make.
    Allowed("worlds_statementkey", web="SELECT (world_id, role, certificate, created)", hsm="SELECT"),
    Allowed("worlds_rebinding", hsm="SELECT, INSERT, UPDATE"),
    Allowed(
        "worlds_protectedkey",
        web="SELECT, INSERT, DELETE, UPDATE (operations, blob, mac)",
        hsm="SELECT, INSERT",
        jobs="SELECT (id), DELETE",
        audit="SELECT",
    ),
    Allowed("jobs_job", web="SELECT, INSERT, UPDATE", hsm="SELECT, UPDATE", jobs="SELECT, INSERT, UPDATE (sent)"),
    Allowed(
        "vaults_vault",
        web=f"SELECT, INSERT, UPDATE ({_VAULT})",
        hsm="SELECT, UPDATE (state, key_id)",
        jobs="SELECT, UPDATE (purged)",
        auditor="SELECT",
        audit="SELECT",
        delivery="SELECT, UPDATE (held)",
        retention="SELECT",
        events="SELECT",
    ),
    # Credentials of log destinations: the web writes them sealed and never reads them, the HSM worker opens them.
    Allowed(
        "delivery_logdestination",
        web=f"SELECT ({_DESTINATION}), INSERT, UPDATE, DELETE",
        hsm="SELECT",
        auditor=f"SELECT ({_DESTINATION})",
        delivery=f"SELECT ({_DESTINATION}), UPDATE (test_done, test_error)",
    ),
    Allowed(
        "delivery_deliverystate",
        web="SELECT, INSERT, DELETE, UPDATE (next_try)",
        auditor="SELECT",
        delivery="SELECT, UPDATE",
    ),
    Allowed("delivery_deliveredsegment", web="SELECT, DELETE", auditor="SELECT", delivery=_UPSERT),
    Allowed("delivery_replay", web="SELECT, INSERT, DELETE", auditor="SELECT", delivery="SELECT, UPDATE"),
    Allowed("delivery_logretention", web=_UPSERT, auditor="SELECT", retention="SELECT"),
    # The outbox of events. Triggers write what the database sees; `events_number` moves it to the log.
    Allowed("events_pending", web=_OUTBOX, hsm=_OUTBOX, jobs=_OUTBOX),
    Allowed("events_event", web="SELECT", jobs="SELECT (stored), DELETE", events="SELECT"),
    Allowed("events_vaultposition", web="SELECT", events="SELECT"),
    Allowed("events_expirynotice", jobs="SELECT, INSERT, DELETE"),
    Allowed("events_acknowledgement", web=_UPSERT, jobs="SELECT"),
    # Webhooks: the web writes the settings, the event worker how far it is. The web seals secrets and never reads them.
    Allowed(
        "event_delivery_subscription",
        web="SELECT, INSERT, DELETE, UPDATE (changed, validation_requested)",
        hsm="SELECT",
        jobs="SELECT (id, vault_id), DELETE",
        events=f"SELECT, UPDATE ({_PROGRESS})",
    ),
    Allowed(
        "event_delivery_signingsecret",
        web="SELECT (id, subscription_id, created, until), INSERT, DELETE, UPDATE (until)",
        hsm="SELECT",
        jobs="SELECT (subscription_id), DELETE",
    ),
    Allowed(
        "event_delivery_delivery",
        web="SELECT, INSERT, DELETE, UPDATE (state, attempts, since, next_try, done, error)",
        jobs="SELECT (subscription_id, created), DELETE",
        events="SELECT, INSERT, UPDATE (state, attempts, next_try, status, error, done)",
    ),
    Allowed("vaults_assignmentid", web="SELECT, INSERT, DELETE"),
    Allowed("vaults_purgedobject", web="SELECT, INSERT", hsm="SELECT", jobs="SELECT, INSERT"),
    # Auditors see names, never a value or a blob.
    Allowed("keys_key", web=_OBJECT, hsm="SELECT, UPDATE (current_id)", jobs=_OBJECT, auditor=_NAME),
    Allowed(
        "keys_keyversion",
        web="SELECT, INSERT, DELETE, "
        f"UPDATE (state, protected_id, operations, release_policy, {_ATTRIBUTES}, {_REHEARSAL})",
        hsm="SELECT, UPDATE (state, protected_id, not_before, expires)",
        # A trigger (migration keys 0004) lets the scheduler disable versions and enable none.
        jobs="SELECT, INSERT, DELETE, UPDATE (state, enabled, updated)",
    ),
    Allowed("keys_rotationpolicy", web=_ALL, jobs=_ALL),
    # The web starts, pauses and cancels a rollover and has old versions retired; the scheduler advances it.
    Allowed(
        "rollovers_rollover",
        web="SELECT, INSERT, UPDATE (state, total, due)",
        jobs="SELECT, UPDATE (state, due, finished)",
        auditor="SELECT",
    ),
    Allowed(
        "rollovers_rolloverkey",
        web="SELECT, INSERT, UPDATE (state, message, changed, released, overridden, rehearsed_from, rehearsed_until)",
        jobs="SELECT, UPDATE",
        auditor="SELECT",
    ),
    Allowed("keys_defaultrotationpolicy", web=_ALL),
    Allowed("secrets_secret", web=_OBJECT, hsm="SELECT, INSERT, UPDATE (current_id)", jobs=_OBJECT, auditor=_NAME),
    Allowed(
        "secrets_secretversion",
        web=f"SELECT, INSERT, DELETE, UPDATE (content_type, {_ATTRIBUTES})",
        hsm="SELECT, INSERT",
        jobs="SELECT (id, secret_id, version, not_before, expires), DELETE",
    ),
    Allowed(
        "certificates_certificate",
        web=_CERTIFICATE,
        hsm="SELECT, UPDATE (current_id)",
        jobs=_CERTIFICATE,
        auditor=_NAME,
    ),
    Allowed(
        "certificates_certificateversion",
        web=f"SELECT, INSERT, DELETE, UPDATE (acted, {_ATTRIBUTES})",
        hsm="SELECT, INSERT",
        jobs="SELECT, INSERT, DELETE, UPDATE (acted)",
    ),
    Allowed("certificates_certificateoperation", web=_ALL, hsm="SELECT, UPDATE", jobs=_ALL),
    # The scheduler deletes those of purged vaults.
    Allowed("certificates_issuer", web=_ALL, hsm="SELECT", jobs="SELECT (id, vault_id), DELETE"),
    Allowed(
        "certificates_issuingauthority",
        web="SELECT, INSERT, DELETE",
        hsm="SELECT, UPDATE (protected_id, cer)",
        jobs="SELECT (issuer_id, protected_id), DELETE",
    ),
    Allowed("certificates_contacts", web=_ALL, jobs="SELECT (vault_id), DELETE"),
    Allowed("identity_attestationauthority", web="SELECT, INSERT, UPDATE"),
    Allowed("identity_organisation", web="SELECT, INSERT, UPDATE", hsm="SELECT", auditor="SELECT", events="SELECT"),
    # On the auditors' host auditors accept invitations, sign in and change their password. Triggers (migration identity
    # 0009) keep the two hosts apart: neither role writes who the other's people are, or how they prove it.
    Allowed(
        "identity_user",
        web="SELECT, INSERT, UPDATE",
        hsm="SELECT (id, username, kind, duty, is_active)",
        auditor="SELECT, INSERT, UPDATE (last_login, password)",
    ),
    Allowed("identity_user_groups", web="SELECT, INSERT, DELETE", hsm="SELECT", auditor="SELECT"),
    Allowed("identity_user_user_permissions"),
    Allowed(
        "identity_invitation", web="SELECT, INSERT, UPDATE (accepted)", auditor="SELECT, INSERT, UPDATE (accepted)"
    ),
    Allowed("identity_auditorsession", auditor=_ALL, jobs="SELECT (expire_date), DELETE"),
    # Sign-ins of command lines: requests, confirmations and tokens.
    Allowed(
        "identity_devicerequest",
        web="SELECT, INSERT, DELETE, UPDATE (state, person_id, password_mark, confirmed, polled)",
        auditor="SELECT, UPDATE (state, person_id, password_mark, confirmed)",
    ),
    # Auditors confirm on their own host, where their tokens count.
    Allowed(
        "identity_managementtoken",
        web="SELECT, INSERT, UPDATE (used, ended)",
        hsm="SELECT (digest, person_id, expires, ended)",
        auditor="SELECT, UPDATE (used, ended)",
    ),
    # Counters of failed attempts, shared by the web processes (apps/core/shared_state.py).
    Allowed("core_sharedstate", web=_ALL, auditor=_ALL, jobs="SELECT (key, expires), DELETE"),
    # Notes of changes, for the caches of the processes that serve; written by triggers alone.
    Allowed("core_change", web="SELECT", hsm="SELECT"),
    # Of test installations: `initialise` inserts the row, with the owner's role.
    Allowed("core_movableclock", web="SELECT, UPDATE (seconds, moved)"),
    # Sign-in: sessions, second factors, company accounts, failures.
    Allowed(
        "django_session",
        web=_ALL,
        hsm="SELECT (session_key, expire_date)",
        jobs="SELECT (expire_date), DELETE",
    ),
    Allowed("account_emailaddress", web="SELECT", auditor="SELECT"),
    Allowed("account_emailconfirmation"),
    Allowed("mfa_authenticator", web=_ALL, auditor=_ALL),
    Allowed("usersessions_usersession", web=_ALL, hsm="SELECT (session_key, user_id)", auditor=_ALL),
    Allowed("socialaccount_socialaccount", web=_ALL, auditor=_ALL),
    Allowed("socialaccount_socialapp", web="SELECT", auditor="SELECT"),
    Allowed("socialaccount_socialtoken", web=_ALL, auditor=_ALL),
    Allowed("axes_accessattempt", web=_ALL, auditor=_ALL),
    Allowed("axes_accessattemptexpiration", web=_ALL, auditor=_ALL),
    Allowed("axes_accessfailurelog", web=_ALL, auditor=_ALL),
    Allowed("axes_accesslog", web=_ALL, auditor=_ALL),
    Allowed("identity_applicationidentity", web="SELECT, INSERT", hsm="SELECT", auditor="SELECT"),
    Allowed("identity_clientsecret", web="SELECT, INSERT, DELETE", hsm="SELECT"),
    Allowed("identity_clientcertificate", web="SELECT, INSERT, DELETE", hsm="SELECT"),
    Allowed("identity_usedassertion", hsm="SELECT, INSERT", jobs="SELECT, DELETE"),
    Allowed("identity_federatedtrust", web="SELECT, INSERT, DELETE", hsm="SELECT"),
    Allowed("identity_signingkeybinding", hsm="SELECT, INSERT"),
    # The scheduler rotates and retires them; a key counts through the binding that its HSM made.
    Allowed(
        "identity_signingkey",
        web="SELECT, INSERT, UPDATE (retired)",
        hsm="SELECT, UPDATE (protected_id, ready)",
        jobs="SELECT, INSERT, UPDATE (retired)",
    ),
    Allowed(
        "guardian_userobjectpermission",
        web="SELECT, INSERT, DELETE",
        hsm="SELECT",
        jobs="SELECT, DELETE",
        auditor="SELECT",
    ),
    Allowed(
        "guardian_groupobjectpermission",
        web="SELECT, INSERT, DELETE",
        hsm="SELECT",
        jobs="SELECT, DELETE",
        auditor="SELECT",
    ),
    # What Django itself reads.
    Allowed("auth_permission", web="SELECT", hsm="SELECT", auditor="SELECT"),
    Allowed("auth_group", web="SELECT, INSERT, DELETE", hsm="SELECT", auditor="SELECT"),
    Allowed("auth_group_permissions", web="SELECT, DELETE"),
    Allowed("django_content_type", web="SELECT", hsm="SELECT", jobs="SELECT", auditor="SELECT"),
    Allowed("django_migrations"),
)


# Allowed uses, bindings and sealings, which only the HSM worker records: no other role can insert such a record.
_USES_OF_THE_WORKER = (
    Operation.KEY_SIGN,
    Operation.KEY_VERIFY,
    Operation.KEY_ENCRYPT,
    Operation.KEY_DECRYPT,
    Operation.KEY_WRAP,
    Operation.KEY_UNWRAP,
    Operation.KEY_RELEASE,
    Operation.KEY_RELEASE_STATEMENT,
    Operation.KEY_GET_ATTESTATION,
    Operation.KEY_SECURE_WRAP,
    Operation.KEY_SECURE_UNWRAP,
    Operation.KEY_BACKUP,
    Operation.SECRET_BACKUP,
    Operation.CERTIFICATE_BACKUP,
    Operation.SECRET_GET,
    Operation.SECRET_REVEAL,
    Operation.AUTHENTICATION,
    Operation.LOG_DESTINATION_OPEN,
    Operation.WEBHOOK_OPEN,
    Operation.KEY_BIND,
    Operation.SECRET_SEAL,
)


# A record has the time of now: an id of another day would be outside what the sequencer and searches read, and a time
# of the future would outlive retention. `at` may be older, for what a worker records after it happened. The clock's
# time: now() is when the transaction began, which may be long ago.
_TIMELY = (
    "at BETWEEN clock_timestamp() - interval '8 days' AND clock_timestamp() + interval '1 day' AND id BETWEEN "
    "audit_floor(clock_timestamp() - interval '1 day') AND audit_floor(clock_timestamp() + interval '1 day')"
)


def _record_policies() -> list[str]:
    """The row-level policies of the audit log (PostgreSQL, CREATE POLICY); the owner's functions are exempt."""
    names = ", ".join(f"'{operation}'" for operation in _USES_OF_THE_WORKER)
    others = ", ".join(role for role in ROLES if role != HSM)
    policies = {
        "read_all": "FOR SELECT USING (true)",
        "insert_by_hsm_worker": f"FOR INSERT TO {HSM} WITH CHECK ({_TIMELY})",
        "insert_by_others": f"FOR INSERT TO {others} WITH CHECK "
        f"({_TIMELY} AND (phase <> 'outcome' OR status >= 400 OR operation NOT IN ({names})))",
    }
    sql = ["ALTER TABLE audit_event ENABLE ROW LEVEL SECURITY"]
    for name, rule in policies.items():
        sql += [f"DROP POLICY IF EXISTS {name} ON audit_event", f"CREATE POLICY {name} ON audit_event {rule}"]
    return sql


def statements(tables: list[str]) -> list[str]:
    """Return the SQL that sets the privileges of these tables to the list.

    Raises `LookupError` naming tables that the list does not know. Names are ours: nothing is quoted from outside.
    """
    tables = [table for table in tables if table != EARLIER]
    unknown = sorted(set(tables) - {row.table for row in PRIVILEGES})
    if unknown:
        raise LookupError(f"vaultportal/database_privileges.py says nothing about: {', '.join(unknown)}")
    sql = [f"GRANT USAGE ON SCHEMA public TO {', '.join(ROLES)}"]
    for row in PRIVILEGES:
        sql.append(f"REVOKE ALL ON {row.table} FROM PUBLIC, {', '.join(ROLES)}")
        given = zip(ROLES, row[1:], strict=True)
        sql.extend(f"GRANT {privileges} ON {row.table} TO {role}" for role, privileges in given if privileges)
    sql += [f"GRANT EXECUTE ON FUNCTION {function} TO {role}" for function, role in _FUNCTIONS]
    if "audit_event" in tables:
        sql += _record_policies()
    sql.append(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {WEB}")
    return sql
