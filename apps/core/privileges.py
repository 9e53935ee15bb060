"""Which database role may do what with which table: the whole list, applied by `manage.py apply_privileges`.

The owner's role runs migrations and has everything; no process that serves anybody connects with it. A table that is
in no row here stops the command, so that a new table cannot be forgotten.
"""

from typing import NamedTuple

WEB, HSM, JOBS, AUDITOR = "vault_web", "vault_hsm", "vault_jobs", "vault_auditor"
ROLES = (WEB, HSM, JOBS, AUDITOR)


class Allowed(NamedTuple):
    """Privileges on one table, by role; a role that is not named has none."""

    table: str
    web: str = ""
    hsm: str = ""
    jobs: str = ""
    auditor: str = ""


_ALL = "SELECT, INSERT, UPDATE, DELETE"
_DECISION = "state, expires, decider_id, decider, decided, note"

PRIVILEGES = (
    # The trail: written by whoever acts, read by auditors, changed by nobody.
    Allowed("audit_auditrecord", web="INSERT", hsm="INSERT", jobs="INSERT", auditor="SELECT"),
    # Counts, kept by whoever writes records (apps/usage/tally.py), and readable without the trail.
    Allowed("usage_usecount", web="SELECT, INSERT, UPDATE", hsm="SELECT, INSERT, UPDATE", jobs=_ALL),
    Allowed("usage_minutecount", web="SELECT, INSERT, UPDATE", hsm="SELECT, INSERT, UPDATE", jobs=_ALL),
    Allowed("usage_refusal", web="SELECT, INSERT", jobs="SELECT, DELETE"),
    # Nobody rewrites what was asked for: only the columns of a decision change.
    Allowed("approvals_approvalrequest", web=f"SELECT, INSERT, UPDATE ({_DECISION})"),
    # Worlds are made by the ceremony, under the owner's role; workers add the keys they make.
    Allowed("worlds_securityworld", web="SELECT", hsm="SELECT", jobs="SELECT"),
    Allowed("worlds_worldgeneration", hsm="SELECT"),
    # The web stores what the HSM bound for it (import, restore). Purging: the web when asked, the scheduler when due;
    # a trigger refuses both what is not deleted, or protected still.
    Allowed(
        "worlds_protectedkey",
        web="SELECT, INSERT, DELETE, UPDATE (operations, blob, mac)",
        hsm="SELECT, INSERT",
        jobs="SELECT (id), DELETE",
    ),
    Allowed("jobs_job", web="SELECT, INSERT, UPDATE", hsm="SELECT, UPDATE", jobs="SELECT, INSERT, UPDATE (sent)"),
    Allowed("vaults_vault", web="SELECT, INSERT, UPDATE", hsm="SELECT, UPDATE (state, key_id)", jobs="SELECT"),
    Allowed("vaults_purgedobject", web="SELECT, INSERT", jobs="SELECT, INSERT"),
    Allowed("keys_key", web=_ALL, hsm="SELECT, UPDATE (current_id)", jobs=_ALL),
    Allowed(
        "keys_keyversion",
        web=_ALL,
        hsm="SELECT, UPDATE (state, protected_id, not_before, expires)",
        jobs=_ALL,
    ),
    Allowed("keys_rotationpolicy", web=_ALL, jobs=_ALL),
    # The web begins, pauses and cancels a rollover; the scheduler carries it on.
    Allowed("rollovers_rollover", web="SELECT, INSERT, UPDATE (state, total)", jobs="SELECT, UPDATE (state, finished)"),
    Allowed("rollovers_rolloverkey", web="SELECT, INSERT", jobs="SELECT, UPDATE"),
    Allowed("secrets_secret", web=_ALL, hsm="SELECT, UPDATE (current_id)", jobs=_ALL),
    Allowed("secrets_secretversion", web=_ALL, hsm="SELECT, INSERT", jobs="SELECT (id, secret_id), DELETE"),
    Allowed("certificates_certificate", web=_ALL, hsm="SELECT, UPDATE (current_id)", jobs=_ALL),
    Allowed("certificates_certificateversion", web=_ALL, hsm="SELECT, INSERT", jobs=_ALL),
    Allowed("certificates_certificateoperation", web=_ALL, hsm="SELECT, UPDATE", jobs=_ALL),
    Allowed("certificates_issuer", web=_ALL, hsm="SELECT"),
    Allowed("certificates_issuingauthority", web=_ALL, hsm="SELECT, UPDATE (protected_id, cer)"),
    Allowed("certificates_contacts", web=_ALL),
    Allowed("identity_attestationauthority", web="SELECT, INSERT, UPDATE"),
    Allowed("identity_organisation", web="SELECT, INSERT, UPDATE"),
    Allowed("identity_user", web="SELECT, INSERT, UPDATE"),
    Allowed("identity_user_groups", web="SELECT, INSERT, DELETE"),
    Allowed("identity_user_user_permissions"),
    Allowed("identity_invitation", web="SELECT, INSERT, UPDATE (accepted)"),
    # Sign-in: sessions, second factors, company accounts, failures.
    Allowed("django_session", web=_ALL),
    Allowed("account_emailaddress", web="SELECT"),
    Allowed("account_emailconfirmation"),
    Allowed("mfa_authenticator", web=_ALL),
    Allowed("usersessions_usersession", web=_ALL),
    Allowed("socialaccount_socialaccount", web=_ALL),
    Allowed("socialaccount_socialapp", web="SELECT"),
    Allowed("socialaccount_socialtoken", web=_ALL),
    Allowed("axes_accessattempt", web=_ALL),
    Allowed("axes_accessattemptexpiration", web=_ALL),
    Allowed("axes_accessfailurelog", web=_ALL),
    Allowed("axes_accesslog", web=_ALL),
    Allowed("identity_applicationidentity", web="SELECT, INSERT"),
    Allowed("identity_clientsecret", web="SELECT, INSERT, DELETE"),
    Allowed("identity_clientcertificate", web="SELECT, INSERT, DELETE"),
    Allowed("identity_federatedtrust", web="SELECT, INSERT, DELETE"),
    Allowed("identity_signingkey", web="SELECT, INSERT, UPDATE (retired)", hsm="SELECT, UPDATE (protected_id)"),
    Allowed("guardian_userobjectpermission", web="SELECT, INSERT, DELETE", jobs="SELECT, DELETE"),
    Allowed("guardian_groupobjectpermission", web="SELECT, INSERT, DELETE", jobs="SELECT, DELETE"),
    # What Django itself reads.
    Allowed("auth_permission", web="SELECT"),
    Allowed("auth_group", web="SELECT"),
    Allowed("auth_group_permissions"),
    Allowed("django_content_type", web="SELECT", jobs="SELECT", auditor="SELECT"),
    Allowed("django_migrations"),
)


def statements(tables: list[str]) -> list[str]:
    """The SQL that makes the privileges of exactly these tables what the list says.

    Raises `LookupError` naming tables that the list does not know. Names are ours: nothing is quoted from outside.
    """
    unknown = sorted(set(tables) - {row.table for row in PRIVILEGES})
    if unknown:
        raise LookupError(f"apps/core/privileges.py says nothing about: {', '.join(unknown)}")
    sql = [f"GRANT USAGE ON SCHEMA public TO {', '.join(ROLES)}"]
    for row in PRIVILEGES:
        sql.append(f"REVOKE ALL ON {row.table} FROM PUBLIC, {', '.join(ROLES)}")
        given = zip(ROLES, (row.web, row.hsm, row.jobs, row.auditor), strict=True)
        sql.extend(f"GRANT {privileges} ON {row.table} TO {role}" for role, privileges in given if privileges)
    sql.append(f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {WEB}")
    return sql
