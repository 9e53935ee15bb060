"""The pages of developers: one line for each."""

from django.urls import path

from apps.interfaces.console.developers import (
    applications,
    calendar,
    credentials,
    denials,
    lifecycle_simulation,
    objects,
    overview,
    secrets,
    test_calls,
    usage,
    vaults,
)

app_name = "dev"
_OBJECT = "vaults/<str:name>/<str:kind>/<str:item>"
_APPLICATION = "applications/<uuid:client_id>"

urlpatterns = [
    path("", overview.Overview.as_view(), name="overview"),
    path("search", overview.Search.as_view(), name="search"),
    path("calendar", calendar.Calendar.as_view(), name="calendar"),
    path("usage", usage.Usage.as_view(), name="usage"),
    path("explain", denials.Explain.as_view(), name="explain"),
    path("vaults", vaults.Vaults.as_view(), name="vaults"),
    path("vaults/new", vaults.NewVault.as_view(), name="vault_new"),
    path("vaults/<str:name>", vaults.OneVault.as_view(), name="vault"),
    path("vaults/<str:name>/access", vaults.Access.as_view(), name="vault_access"),
    path("vaults/<str:name>/access/remove", vaults.RemoveRole.as_view(), name="role_remove"),
    path("vaults/<str:name>/bench", lifecycle_simulation.LifecycleSimulation.as_view(), name="bench"),
    path("vaults/<str:name>/new-key", objects.NewKey.as_view(), name="key_new"),
    path("vaults/<str:name>/new-secret", secrets.NewSecret.as_view(), name="secret_new"),
    path("vaults/<str:name>/keys/<str:item>/rotate", objects.RotateKey.as_view(), name="key_rotate"),
    path("vaults/<str:name>/secrets/<str:item>/edit", secrets.EditSecret.as_view(), name="secret_edit"),
    path("vaults/<str:name>/secrets/<str:item>/reveal", secrets.Reveal.as_view(), name="secret_reveal"),
    path(_OBJECT, objects.OneObject.as_view(), name="object"),
    path(f"{_OBJECT}/try", test_calls.TestCall.as_view(), name="try"),
    path(f"{_OBJECT}/delete", objects.Delete.as_view(), name="object_delete"),
    path(f"{_OBJECT}/recover", objects.Recover.as_view(), name="object_recover"),
    path(f"{_OBJECT}/versions/<str:version>", objects.SwitchVersion.as_view(), name="version_switch"),
    path("applications", applications.Applications.as_view(), name="applications"),
    path("applications/new", applications.NewApplication.as_view(), name="application_new"),
    path(_APPLICATION, applications.OneApplication.as_view(), name="application"),
    path(f"{_APPLICATION}/stop", applications.StopApplication.as_view(), name="application_stop"),
    path(f"{_APPLICATION}/secrets", credentials.NewClientSecret.as_view(), name="client_secret_new"),
    path(f"{_APPLICATION}/certificates", credentials.NewCertificate.as_view(), name="certificate_new"),
    path(f"{_APPLICATION}/federated", credentials.NewTrust.as_view(), name="trust_new"),
    path(
        f"{_APPLICATION}/credentials/<uuid:credential_id>/remove",
        credentials.RemoveCredential.as_view(),
        name="credential_remove",
    ),
]
