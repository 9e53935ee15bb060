from django.db import migrations, models

# A change and its audit record are one transaction (apps/domain/access/changes.py), so that the record of a change has
# its transaction id. At the commit each of these changes is looked up in the log: what has no record is kept here. The
# roles that serve can neither switch this off nor remove what it found.
NOTE = """
CREATE FUNCTION note_unrecorded_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    IF NOT EXISTS (
        SELECT 1 FROM audit_event WHERE xid = pg_current_xact_id() AND id >= audit_floor(now() - interval '2 days')
        AND operation = ANY(string_to_array(TG_ARGV[0], ' '))
    ) THEN
        INSERT INTO auditing_unrecordedchange (at, relation, row_id, act, role) VALUES (
            clock_timestamp(), TG_TABLE_NAME, coalesce(to_jsonb(NEW) ->> 'id', to_jsonb(NEW) ->> TG_ARGV[1]),
            lower(TG_OP), session_user);
    END IF;
    RETURN NULL;
END
$$;
"""

# By table: what fires, the operations that record it, and the column that names the row where it is not `id`.
WATCHED = (
    ("guardian_userobjectpermission", "INSERT", "", "RoleAssignmentWrite VaultPut", "id"),
    ("guardian_groupobjectpermission", "INSERT", "", "RoleAssignmentWrite", "id"),
    ("identity_user_groups", "INSERT", "", "GroupMemberPut", "id"),
    ("identity_user", "INSERT", "", "PersonPut ApplicationPut", "id"),
    (
        "identity_user",
        "UPDATE OF is_active, duty, kind",
        "WHEN ((OLD.is_active, OLD.duty, OLD.kind) IS DISTINCT FROM (NEW.is_active, NEW.duty, NEW.kind))",
        "PersonEnable PersonDisable ApplicationEnable ApplicationDisable",
        "id",
    ),
    ("identity_invitation", "INSERT", "", "InvitationPut", "id"),
    ("identity_clientsecret", "INSERT", "", "ApplicationSecretPut ApplicationPut", "id"),
    ("identity_clientcertificate", "INSERT", "", "ApplicationCertificatePut", "id"),
    ("identity_federatedtrust", "INSERT", "", "ApplicationTrustPut", "id"),
    ("identity_managementtoken", "INSERT", "", "ManagementTokenIssue", "id"),
    ("identity_signingkey", "INSERT", "", "SigningKeyCreate", "id"),
    ("identity_attestationauthority", "INSERT OR UPDATE", "", "AttestationAuthorityTrust", "id"),
    ("approvals_approvalrequest", "INSERT", "", "ApprovalRequest", "id"),
    (
        "approvals_approvalrequest",
        "UPDATE OF state",
        "WHEN (NEW.state IN ('approved', 'used') AND OLD.state IS DISTINCT FROM NEW.state)",
        "ApprovalDecide ApprovalUse",
        "id",
    ),
    (
        "vaults_vault",
        "UPDATE OF recoverable_days, purge_protection, production, frozen",
        "WHEN ((OLD.recoverable_days, OLD.purge_protection, OLD.production, OLD.frozen) IS DISTINCT FROM "
        "(NEW.recoverable_days, NEW.purge_protection, NEW.production, NEW.frozen))",
        "VaultPatch VaultPut VaultFreeze VaultUnfreeze",
        "id",
    ),
    ("delivery_logdestination", "INSERT OR UPDATE OF kind, config, on_full, public_key", "", "LogDestinationPut", "id"),
    ("delivery_logretention", "INSERT OR UPDATE OF days", "", "LogRetentionPut", "vault_id"),
)


def _triggers():
    for number, (table, event, condition, operations, column) in enumerate(WATCHED):
        name = f"change_is_recorded_{number}"
        create = (
            f"CREATE CONSTRAINT TRIGGER {name} AFTER {event} ON {table} DEFERRABLE INITIALLY DEFERRED "
            f"FOR EACH ROW {condition} EXECUTE FUNCTION note_unrecorded_change('{operations}', '{column}');\n"
        )
        yield create, f"DROP TRIGGER {name} ON {table};\n"


class Migration(migrations.Migration):
    """Role assignments, credentials, people, approvals and settings that were written without an audit record."""

    dependencies = [
        ("approvals", "0003_people_and_state"),
        ("audit", "0007_grammar"),
        ("auditing", "0002_attested_assignments"),
        ("delivery", "0001_initial"),
        ("guardian", "0002_generic_permissions_index"),
        ("identity", "0008_signing_key_ready"),
        ("vaults", "0005_test_vaults"),
    ]

    operations = [
        migrations.CreateModel(
            name="UnrecordedChange",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField(db_index=True)),
                ("relation", models.CharField(max_length=63)),
                ("row_id", models.CharField(max_length=64)),
                ("act", models.CharField(max_length=6)),
                ("role", models.CharField(max_length=63)),
            ],
            options={"default_permissions": ()},
        ),
        migrations.RunSQL(
            NOTE + "".join(create for create, _ in _triggers()),
            "".join(drop for _, drop in _triggers()) + "DROP FUNCTION note_unrecorded_change();",
        ),
    ]
