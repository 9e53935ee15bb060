from django.db import migrations

# The outbox. `seq` is taken while the object's row is locked, so it is in the order of the commits of one object; it is
# not in the order of commits of different objects, which is why readers never use it (`events_number`).
OUTBOX = """
CREATE TABLE events_pending (
    seq bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    vault_id uuid NOT NULL,
    type varchar(64) NOT NULL,
    object_type varchar(11) NOT NULL,
    object_id uuid NOT NULL,
    object_name varchar(127) NOT NULL,
    version varchar(32) NOT NULL,
    not_before timestamptz,
    expires timestamptz,
    data jsonb,
    at timestamptz NOT NULL
);

-- A serving role inserts rows of its own. A row that no reader can show would stop every reader of the vault at its
-- position, so members of `data` are strings: an integer of 100 digits, for example, is no JSON that readers accept.
ALTER TABLE events_pending
    ADD CONSTRAINT event_object_type CHECK (object_type IN ('', 'key', 'secret', 'certificate')),
    ADD CONSTRAINT event_data CHECK (data IS NULL OR (
        jsonb_typeof(data) = 'object' AND octet_length(data::text) <= 4096
        AND NOT jsonb_path_exists(data, 'strict $.* ? (@.type() != "string")', '{}', true)
    ));
CREATE INDEX event_access ON events_pending (xid, vault_id)
    WHERE type = 'Microsoft.KeyVault.VaultAccessPolicyChanged';

-- Move committed events to the log, and give them the next positions of their vaults. One caller at a time: its rows
-- become visible before the next one begins, so a reader who has position n has seen all before n. Of two events of one
-- object, the later is visible only when the earlier is, so `seq` keeps their order.
-- The wait for the lock is short, because another role may hold it for long: readers then get what is numbered already.
CREATE FUNCTION events_number() RETURNS bigint LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp SET lock_timeout = '300ms' AS $$
DECLARE
    numbered bigint;
BEGIN
    IF NOT EXISTS (SELECT FROM public.events_pending) THEN
        RETURN 0;
    END IF;
    BEGIN
        PERFORM pg_advisory_xact_lock(7420, 0);
    EXCEPTION WHEN lock_not_available THEN
        RETURN 0;
    END;
    WITH taken AS (
        DELETE FROM public.events_pending
        WHERE seq IN (SELECT seq FROM public.events_pending ORDER BY seq LIMIT 5000) RETURNING *
    ), counted AS (
        SELECT vault_id, count(*) AS events FROM taken GROUP BY vault_id
    ), moved AS (
        INSERT INTO public.events_vaultposition AS known (vault_id, last) SELECT vault_id, events FROM counted
        ON CONFLICT (vault_id) DO UPDATE SET last = known.last + excluded.last RETURNING vault_id, last
    )
    INSERT INTO public.events_event (id, vault_id, position, type, object_type, object_id, object_name, version,
        not_before, expires, data, at, stored)
    SELECT gen_random_uuid(), vault_id,
        moved.last - counted.events + row_number() OVER (PARTITION BY vault_id ORDER BY taken.seq),
        type, object_type, object_id, object_name, version, not_before, expires, data, at, clock_timestamp()
    FROM taken JOIN counted USING (vault_id) JOIN moved USING (vault_id);
    GET DIAGNOSTICS numbered = ROW_COUNT;
    RETURN numbered;
END
$$;

-- Changes of the state of a vault: frozen, suspended, deleted, purged, and back.
CREATE FUNCTION events_note_state() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
    state text;
BEGIN
    FOREACH state IN ARRAY array_remove(ARRAY[
        CASE WHEN NEW.frozen AND NOT OLD.frozen THEN 'frozen' WHEN OLD.frozen AND NOT NEW.frozen THEN 'unfrozen' END,
        CASE WHEN NEW.held AND NOT OLD.held THEN 'suspended' WHEN OLD.held AND NOT NEW.held THEN 'resumed' END,
        CASE WHEN NEW.purged IS NOT NULL AND OLD.purged IS NULL THEN 'purged'
            WHEN NEW.deleted IS NOT NULL AND OLD.deleted IS NULL THEN 'deleted'
            WHEN NEW.deleted IS NULL AND OLD.deleted IS NOT NULL THEN 'recovered' END], NULL)
    LOOP
        INSERT INTO public.events_pending (vault_id, type, object_type, object_id, object_name, version, data, at)
        VALUES (NEW.id, 'VaultPortal.VaultStateChanged', '', NEW.id, '', '', jsonb_build_object('State', state), clock_timestamp());
    END LOOP;
    RETURN NULL;
END
$$;
CREATE TRIGGER note_event AFTER UPDATE OF frozen, held, deleted, purged ON vaults_vault
    FOR EACH ROW EXECUTE FUNCTION events_note_state();

-- One event for each vault and transaction, however many roles change. Roles at an object that is deleted are left out:
-- a purge removes them.
CREATE FUNCTION events_add_access(vaults uuid[]) RETURNS void LANGUAGE sql
    SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    INSERT INTO public.events_pending (vault_id, type, object_type, object_id, object_name, version, at)
    SELECT vault, 'Microsoft.KeyVault.VaultAccessPolicyChanged', '', vault, '', '', clock_timestamp()
    FROM unnest(vaults) AS vault
    WHERE NOT EXISTS (SELECT FROM public.events_pending WHERE xid = pg_current_xact_id() AND vault_id = vault
        AND type = 'Microsoft.KeyVault.VaultAccessPolicyChanged')
$$;
CREATE FUNCTION events_vaults_of(models text[], ids text[]) RETURNS uuid[] LANGUAGE sql STABLE
    SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
    WITH places AS (
        SELECT DISTINCT model, id::uuid AS id FROM unnest(models, ids) AS place (model, id)
        WHERE id ~ '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$'
    )
    SELECT array_agg(DISTINCT vault) FROM (
        SELECT vault.id FROM places JOIN public.vaults_vault AS vault USING (id)
            WHERE model = 'vault' AND vault.purged IS NULL
        UNION SELECT vault_id FROM places JOIN public.keys_key AS own USING (id)
            WHERE model = 'key' AND own.deleted IS NULL
        UNION SELECT vault_id FROM places JOIN public.secrets_secret AS own USING (id)
            WHERE model = 'secret' AND own.deleted IS NULL
        UNION SELECT vault_id FROM places JOIN public.certificates_certificate AS own USING (id)
            WHERE model = 'certificate' AND own.deleted IS NULL
    ) AS found (vault)
$$;
CREATE FUNCTION events_note_roles() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM public.events_add_access(public.events_vaults_of(
        array_agg(type.model::text), array_agg(changed.object_pk::text)))
    FROM changed JOIN public.django_content_type AS type ON type.id = changed.content_type_id;
    RETURN NULL;
END
$$;
CREATE FUNCTION events_note_members() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    PERFORM public.events_add_access(public.events_vaults_of(
        array_agg(type.model::text), array_agg(role.object_pk::text)))
    FROM changed JOIN public.guardian_groupobjectpermission AS role USING (group_id)
    JOIN public.django_content_type AS type ON type.id = role.content_type_id;
    RETURN NULL;
END
$$;
"""

_STATEMENT_TRIGGERS = "".join(
    f"CREATE TRIGGER note_event_{verb.lower()} AFTER {verb} ON {table} REFERENCING {rows} TABLE AS changed "
    f"FOR EACH STATEMENT EXECUTE FUNCTION events_note_{what}();\n"
    for table, what in (
        ("guardian_userobjectpermission", "roles"),
        ("guardian_groupobjectpermission", "roles"),
        ("identity_user_groups", "members"),
    )
    for verb, rows in (("INSERT", "NEW"), ("DELETE", "OLD"))
)

# A version is usable when its row is there; that of a key, when the HSM has made the key. The key and the secret of a
# certificate have no events of their own. `at`: the time of now, also of a version that a backup brings back; the
# application's clock may be ahead of the database's.
_VERSION = """
CREATE FUNCTION events_note_{kind}() RETURNS trigger LANGUAGE plpgsql
    SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
    INSERT INTO public.events_pending (vault_id, type, object_type, object_id, object_name, version, not_before, expires,
        at)
    SELECT vault_id, 'Microsoft.KeyVault.{label}NewVersionCreated', '{kind}', id, name, NEW.version, NEW.not_before,
        NEW.expires, greatest(clock_timestamp(), NEW.created)
    FROM public.{kind}s_{kind} WHERE id = NEW.{kind}_id AND NOT managed;
    RETURN NULL;
END
$$;
CREATE TRIGGER note_event AFTER INSERT ON {kind}s_{kind}version
    FOR EACH ROW {when} EXECUTE FUNCTION events_note_{kind}();
"""
_READY_LATER = """
CREATE TRIGGER note_event_ready AFTER UPDATE OF state ON keys_keyversion FOR EACH ROW
    WHEN (OLD.state <> 'ready' AND NEW.state = 'ready') EXECUTE FUNCTION events_note_key();
"""
VERSIONS = (
    _VERSION.format(kind="key", label="Key", when="WHEN (NEW.state = 'ready')")
    + _READY_LATER
    + _VERSION.format(kind="secret", label="Secret", when="")
    + _VERSION.format(kind="certificate", label="Certificate", when="")
)

# The sweep reads what expires; most versions never do.
EXPIRIES = """
CREATE INDEX key_version_expires ON keys_keyversion (expires) WHERE expires IS NOT NULL;
CREATE INDEX secret_version_expires ON secrets_secretversion (expires) WHERE expires IS NOT NULL;
"""

RIGHTS = """
REVOKE ALL ON FUNCTION events_number(), events_note_state(), events_note_roles(), events_note_members(),
    events_note_key(), events_note_secret(), events_note_certificate(), events_add_access(uuid[]),
    events_vaults_of(text[], text[]) FROM PUBLIC;
"""

REVERSE = """
DROP INDEX key_version_expires, secret_version_expires;
DROP FUNCTION events_note_key(), events_note_secret(), events_note_certificate(), events_note_state(),
    events_note_roles(), events_note_members() CASCADE;
DROP FUNCTION events_number(), events_add_access(uuid[]), events_vaults_of(text[], text[]);
DROP TABLE events_pending;
"""


class Migration(migrations.Migration):
    """The outbox, and the triggers that write to it (docs/decisions/0038-events.md)."""

    dependencies = [
        ("events", "0001_log_of_events"),
        ("keys", "0003_longer_parameters"),
        ("secrets", "0002_whole_data_plane"),
        ("certificates", "0006_deleted_vaults"),
        ("vaults", "0010_access_policies"),
        ("identity", "0014_vault_managers"),
        ("guardian", "0003_remove_groupobjectpermission_guardian_gr_content_ae6aec_idx_and_more"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunSQL(OUTBOX + _STATEMENT_TRIGGERS + VERSIONS + EXPIRIES + RIGHTS, REVERSE)]
