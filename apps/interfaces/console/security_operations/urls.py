"""The pages of security operations: one line for each."""

from django.urls import path

from apps.interfaces.console.security_operations import (
    access,
    applications,
    approvals,
    bulk_rotations,
    groups,
    hsm,
    key_import,
    log_destinations,
    objects,
    overview,
    search,
    vaults,
)

app_name = "secops"
_OBJECT = "vaults/<str:name>/<str:kind>/<str:item>"
_DESTINATION = "vaults/<str:name>/log-destination"
_APPLICATION = "applications/<uuid:client_id>"

urlpatterns = [
    path("", overview.Overview.as_view(), name="overview"),
    path("search", search.Search.as_view(), name="search"),
    path("vaults", vaults.Vaults.as_view(), name="vaults"),
    path("vaults/new", vaults.NewVault.as_view(), name="vault_new"),
    path("vaults/<str:name>", vaults.OneVault.as_view(), name="vault"),
    path("vaults/<str:name>/settings", vaults.VaultSettings.as_view(), name="vault_settings"),
    path(_DESTINATION, log_destinations.LogDestinationPage.as_view(), name="log_destination"),
    path(f"{_DESTINATION}/test", log_destinations.TestLogDestination.as_view(), name="log_destination_test"),
    path(f"{_DESTINATION}/none", log_destinations.RemoveLogDestination.as_view(), name="log_destination_remove"),
    path(f"{_DESTINATION}/replay", log_destinations.ReplayLog.as_view(), name="log_replay"),
    path("vaults/<str:name>/log-retention", log_destinations.LogRetentionPage.as_view(), name="log_retention"),
    path("vaults/<str:name>/delete", vaults.DeleteVault.as_view(), name="vault_delete"),
    path("deleted-vaults", vaults.DeletedVaults.as_view(), name="deleted_vaults"),
    path("deleted-vaults/<str:name>/recover", vaults.RecoverVault.as_view(), name="vault_recover"),
    path("deleted-vaults/<str:name>/purge", vaults.PurgeVault.as_view(), name="vault_purge"),
    path("vaults/<str:name>/freeze", vaults.FreezeVault.as_view(), name="vault_freeze"),
    path("vaults/<str:name>/import-key", key_import.ImportKey.as_view(), name="key_import"),
    path("vaults/<str:name>/new-key", objects.NewKey.as_view(), name="key_new"),
    path("vaults/<str:name>/keys/<str:item>/rotate", objects.RotateKey.as_view(), name="key_rotate"),
    path("vaults/<str:name>/keys/<str:item>/policy", objects.SetPolicy.as_view(), name="key_policy"),
    path(_OBJECT, objects.OneObject.as_view(), name="object"),
    path(f"{_OBJECT}/delete", objects.Delete.as_view(), name="object_delete"),
    path(f"{_OBJECT}/recover", objects.Recover.as_view(), name="object_recover"),
    path(f"{_OBJECT}/purge", objects.Purge.as_view(), name="object_purge"),
    path(f"{_OBJECT}/versions/<str:version>", objects.SwitchVersion.as_view(), name="version_switch"),
    path("vaults/<str:name>/roll", bulk_rotations.NewRollover.as_view(), name="rollover_new"),
    path("rollovers", bulk_rotations.Rollovers.as_view(), name="rollovers"),
    path("rollovers/<uuid:rollover_id>", bulk_rotations.OneRollover.as_view(), name="rollover"),
    path("rollovers/<uuid:rollover_id>/state", bulk_rotations.SwitchRollover.as_view(), name="rollover_switch"),
    path("recycle-bin", objects.RecycleBin.as_view(), name="recycle_bin"),
    path("approvals", approvals.Approvals.as_view(), name="approvals"),
    path("approvals/<uuid:request_id>", approvals.Decide.as_view(), name="decide"),
    path("applications", applications.Applications.as_view(), name="applications"),
    path("applications/new", applications.NewApplication.as_view(), name="application_new"),
    path(_APPLICATION, applications.OneApplication.as_view(), name="application"),
    path(f"{_APPLICATION}/secrets", applications.NewSecret.as_view(), name="secret_new"),
    path(f"{_APPLICATION}/secrets/<uuid:secret_id>", applications.RemoveSecret.as_view(), name="secret_remove"),
    path(f"{_APPLICATION}/switch", applications.SwitchApplication.as_view(), name="application_switch"),
    path("access", access.Access.as_view(), name="access"),
    path("access/remove", access.RemoveRole.as_view(), name="role_remove"),
    path("access/simulate", access.Simulate.as_view(), name="simulate"),
    path("access/groups", groups.Groups.as_view(), name="groups"),
    path("access/groups/<str:group>", groups.OneGroup.as_view(), name="group"),
    path("access/groups/<str:group>/delete", groups.DeleteGroup.as_view(), name="group_delete"),
    path("access/groups/<str:group>/members/<uuid:client_id>", groups.RemoveMember.as_view(), name="member_remove"),
    path("access/people", access.People.as_view(), name="people"),
    path("access/people/<uuid:person_id>", access.SwitchPerson.as_view(), name="person_switch"),
    path("hsm", hsm.Hsm.as_view(), name="hsm"),
]
