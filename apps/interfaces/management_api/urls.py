"""The addresses of the management API on `portal.<suffix>`, with the action for each method."""

from django.urls import path

from apps.interfaces.management_api import device_sign_in, health
from apps.interfaces.management_api.applications import Applications
from apps.interfaces.management_api.approvals import Approvals
from apps.interfaces.management_api.attestation import AttestationAuthorities
from apps.interfaces.management_api.bulk_rotations import (
    Consumers,
    EmergencyRollovers,
    Rollovers,
    VaultRollovers,
)
from apps.interfaces.management_api.clock import MovableClock
from apps.interfaces.management_api.default_policies import DefaultPolicies
from apps.interfaces.management_api.denials import Refusals
from apps.interfaces.management_api.groups import Groups
from apps.interfaces.management_api.key_statements import KeyStatements
from apps.interfaces.management_api.log_destinations import VaultLog
from apps.interfaces.management_api.objects import Catalog, Objects, TestCalls
from apps.interfaces.management_api.overview import Overview
from apps.interfaces.management_api.people import People
from apps.interfaces.management_api.role_assignments import Assignments, Roles
from apps.interfaces.management_api.schema import Schema
from apps.interfaces.management_api.secrets import Secrets
from apps.interfaces.management_api.security_worlds import Worlds
from apps.interfaces.management_api.usage import Callers, OwnUsage
from apps.interfaces.management_api.vaults import DeletedVaults, Vaults
from apps.interfaces.management_api.webhooks import Webhooks

_VAULT = "api/v1/vaults/<str:name>"
_WEBHOOK = f"{_VAULT}/webhooks/<str:webhook>"
_OBJECT = f"{_VAULT}/objects/<str:kind>/<str:item>"
_ROLLOVER = "api/v1/rollovers/<uuid:rollover_id>"
_APPLICATION = "api/v1/applications/<str:name>"

urlpatterns = [
    path("health", health.health),
    path(
        "api/v1/schema",
        # Its own addresses: the default would be those of the data plane, whose description is Azure's.
        Schema.as_view(authentication_classes=[], permission_classes=[], urlconf="apps.interfaces.management_api.urls"),
        name="schema",
    ),
    path("api/v1/device", device_sign_in.start_device_sign_in),
    path("api/v1/device/token", device_sign_in.issue_device_token),
    path("api/v1/tokens", device_sign_in.Tokens.as_view({"get": "list"})),
    path("api/v1/tokens/<uuid:token_id>", device_sign_in.Tokens.as_view({"delete": "destroy"})),
    path("api/v1/whoami", People.as_view({"get": "who_am_i"})),
    path("api/v1/roles", Roles.as_view({"get": "list"})),
    path("api/v1/vaults", Vaults.as_view({"get": "list", "post": "create"})),
    path(_VAULT, Vaults.as_view({"get": "retrieve", "patch": "update", "delete": "destroy"})),
    path("api/v1/deleted-vaults", DeletedVaults.as_view({"get": "list"})),
    path("api/v1/deleted-vaults/<str:deleted>", DeletedVaults.as_view({"delete": "destroy"})),
    path("api/v1/deleted-vaults/<str:deleted>/recover", DeletedVaults.as_view({"post": "recover"})),
    path(f"{_VAULT}/role-assignments", Assignments.as_view({"get": "list", "post": "create", "delete": "destroy"})),
    path(f"{_VAULT}/freeze", Vaults.as_view({"post": "freeze"})),
    path(
        f"{_VAULT}/log-destination",
        VaultLog.as_view({"get": "get_destination", "put": "set_destination", "delete": "remove_destination"}),
    ),
    path(f"{_VAULT}/log-destination/test", VaultLog.as_view({"post": "test_destination"})),
    path(f"{_VAULT}/log-destination/replay", VaultLog.as_view({"post": "replay"})),
    path(f"{_VAULT}/default-policies", DefaultPolicies.as_view({"get": "retrieve", "patch": "update"})),
    path(f"{_VAULT}/log-retention", VaultLog.as_view({"get": "get_retention", "put": "set_retention"})),
    path(f"{_VAULT}/webhooks", Webhooks.as_view({"get": "list", "post": "create"})),
    path(_WEBHOOK, Webhooks.as_view({"get": "retrieve", "delete": "destroy"})),
    path(f"{_WEBHOOK}/secret", Webhooks.as_view({"post": "rotate_secret"})),
    path(f"{_WEBHOOK}/validate", Webhooks.as_view({"post": "validate"})),
    path(f"{_WEBHOOK}/test", Webhooks.as_view({"post": "send_test"})),
    path(f"{_WEBHOOK}/deliveries", Webhooks.as_view({"get": "list_deliveries"})),
    path(f"{_WEBHOOK}/redeliver", Webhooks.as_view({"post": "redeliver"})),
    path(f"{_VAULT}/callers", Callers.as_view({"get": "list"})),
    path(f"{_VAULT}/import-key", Objects.as_view({"post": "import_key"})),
    path(f"{_VAULT}/new-key", Objects.as_view({"post": "create_key"})),
    path(f"{_VAULT}/keys/<str:item>/rotate", Objects.as_view({"post": "rotate"})),
    path(f"{_VAULT}/keys/<str:item>/attestation", KeyStatements.as_view({"get": "get_statement"})),
    path(f"{_VAULT}/keys/<str:item>/rotation-policy", Objects.as_view({"put": "set_rotation_policy"})),
    path(f"{_VAULT}/objects/<str:kind>", Objects.as_view({"get": "list"})),
    path(_OBJECT, Objects.as_view({"get": "list_versions", "delete": "destroy"})),
    path(f"{_OBJECT}/history", Objects.as_view({"get": "list_history"})),
    path(f"{_OBJECT}/recover", Objects.as_view({"post": "recover"})),
    path(f"{_OBJECT}/purge", Objects.as_view({"post": "purge"})),
    path(f"{_OBJECT}/versions/<str:version>", Objects.as_view({"post": "switch_version"})),
    path(f"{_OBJECT}/try", TestCalls.as_view({"post": "run"})),
    path(f"{_VAULT}/rollovers", VaultRollovers.as_view({"get": "list", "post": "create"})),
    path(f"{_VAULT}/keys/<str:item>/consumers", Consumers.as_view({"get": "retrieve"})),
    path(f"{_VAULT}/keys/<str:item>/emergency-rollover", EmergencyRollovers.as_view({"post": "create"})),
    path(_ROLLOVER, Rollovers.as_view({"get": "retrieve", "patch": "update"})),
    path(f"{_ROLLOVER}/keys", Rollovers.as_view({"get": "list_keys"})),
    path(f"{_ROLLOVER}/rehearsal", Rollovers.as_view({"get": "list_rehearsals", "post": "rehearse"})),
    path(f"{_ROLLOVER}/brown-out", Rollovers.as_view({"post": "brown_out"})),
    path(f"{_ROLLOVER}/retire", Rollovers.as_view({"post": "retire"})),
    path("api/v1/hsm", Worlds.as_view({"get": "list"})),
    path("api/v1/anomalies", Overview.as_view({"get": "list_anomalies"})),
    path("api/v1/clock", MovableClock.as_view({"get": "retrieve", "post": "move"})),
    path("api/v1/coming", Overview.as_view({"get": "list_upcoming"})),
    path("api/v1/minutes", Overview.as_view({"get": "list_minutes"})),
    path("api/v1/recycle-bin", Catalog.as_view({"get": "list_deleted"})),
    path("api/v1/search", Catalog.as_view({"get": "search"})),
    path("api/v1/people/<path:username>/switch", People.as_view({"post": "switch"})),
    path("api/v1/people", People.as_view({"get": "list"})),
    path("api/v1/invitations", People.as_view({"post": "invite"})),
    path("api/v1/approvals", Approvals.as_view({"get": "list"})),
    path("api/v1/approvals/<uuid:request_id>", Approvals.as_view({"get": "retrieve", "post": "decide"})),
    path("api/v1/access/explain", Roles.as_view({"get": "explain"})),
    path("api/v1/groups", Groups.as_view({"get": "list", "post": "create"})),
    path("api/v1/groups/<str:group>", Groups.as_view({"get": "retrieve", "delete": "destroy"})),
    path(
        "api/v1/groups/<str:group>/members/<str:application>",
        Groups.as_view({"put": "add_member", "delete": "remove_member"}),
    ),
    path("api/v1/test-vaults", Vaults.as_view({"post": "create_test_vault"})),
    path(f"{_VAULT}/secrets/<str:item>", Secrets.as_view({"put": "set_value"})),
    path(f"{_VAULT}/secrets/<str:item>/reveal", Secrets.as_view({"post": "reveal"})),
    path("api/v1/refusals", Refusals.as_view({"get": "list"})),
    path("api/v1/explain/<uuid:request_id>", Refusals.as_view({"get": "retrieve"})),
    path("api/v1/usage", OwnUsage.as_view({"get": "list"})),
    path(f"{_APPLICATION}/credentials", Applications.as_view({"get": "list_credentials"})),
    path(f"{_APPLICATION}/credentials/<uuid:credential_id>", Applications.as_view({"delete": "remove_credential"})),
    path(f"{_APPLICATION}/certificates", Applications.as_view({"post": "add_certificate"})),
    path(f"{_APPLICATION}/federated", Applications.as_view({"post": "add_trust"})),
    path("api/v1/attestation-authorities", AttestationAuthorities.as_view({"post": "create", "put": "update"})),
    path("api/v1/applications", Applications.as_view({"get": "list", "post": "create"})),
    path(f"{_APPLICATION}/vault-manager", Applications.as_view({"put": "add_manager", "delete": "remove_manager"})),
    path(f"{_APPLICATION}/switch", Applications.as_view({"post": "switch"})),
    path(f"{_APPLICATION}/secrets", Applications.as_view({"post": "add_secret"})),
]
