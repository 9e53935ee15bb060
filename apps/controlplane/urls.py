"""What `portal.<suffix>` answers."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from apps.controlplane import developers, objects, people, rollovers, views

_OBJECT = "api/v1/vaults/<str:name>/objects/<str:kind>/<str:item>"

urlpatterns = [
    path("health", views.health),
    path(
        "api/v1/schema",
        # Its own addresses: the default would be those of the data plane, whose description is Azure's.
        SpectacularAPIView.as_view(authentication_classes=[], permission_classes=[], urlconf="apps.controlplane.urls"),
        name="schema",
    ),
    path("api/v1/whoami", views.WhoAmI.as_view()),
    path("api/v1/roles", views.Roles.as_view()),
    path("api/v1/vaults", views.Vaults.as_view()),
    path("api/v1/vaults/<str:name>", views.OneVault.as_view()),
    path("api/v1/vaults/<str:name>/role-assignments", views.Assignments.as_view()),
    path("api/v1/vaults/<str:name>/freeze", views.Freeze.as_view()),
    path("api/v1/vaults/<str:name>/callers", people.Callers.as_view()),
    path("api/v1/vaults/<str:name>/new-key", objects.NewKeyView.as_view()),
    path("api/v1/vaults/<str:name>/keys/<str:item>/rotate", objects.Rotate.as_view()),
    path("api/v1/vaults/<str:name>/keys/<str:item>/rotation-policy", objects.RotationPolicy.as_view()),
    path("api/v1/vaults/<str:name>/objects/<str:kind>", objects.Objects.as_view()),
    path(_OBJECT, objects.OneObject.as_view()),
    path(f"{_OBJECT}/recover", objects.Recover.as_view()),
    path(f"{_OBJECT}/purge", objects.Purge.as_view()),
    path(f"{_OBJECT}/versions/<str:version>", objects.SwitchVersion.as_view()),
    path("api/v1/vaults/<str:name>/rollovers", rollovers.Rollovers.as_view()),
    path("api/v1/rollovers/<uuid:rollover_id>", rollovers.OneRollover.as_view()),
    path("api/v1/recycle-bin", objects.RecycleBin.as_view()),
    path("api/v1/search", objects.Search.as_view()),
    path("api/v1/people/<str:username>/switch", people.SwitchPerson.as_view()),
    path("api/v1/people", people.People.as_view()),
    path("api/v1/invitations", people.Invitations.as_view()),
    path("api/v1/approvals", people.Approvals.as_view()),
    path("api/v1/approvals/<uuid:request_id>", people.OneApproval.as_view()),
    path("api/v1/access/explain", people.Explain.as_view()),
    path("api/v1/test-vaults", developers.TestVaults.as_view()),
    path("api/v1/vaults/<str:name>/secrets/<str:item>", developers.SecretValue.as_view()),
    path("api/v1/vaults/<str:name>/secrets/<str:item>/reveal", developers.Reveal.as_view()),
    path(f"{_OBJECT}/try", developers.Try.as_view()),
    path("api/v1/refusals", developers.Refusals.as_view()),
    path("api/v1/explain/<uuid:request_id>", developers.OneRefusal.as_view()),
    path("api/v1/usage", developers.OwnUsage.as_view()),
    path("api/v1/applications/<str:name>/credentials", developers.Credentials.as_view()),
    path("api/v1/applications/<str:name>/credentials/<uuid:credential_id>", developers.OneCredential.as_view()),
    path("api/v1/applications/<str:name>/certificates", developers.Certificates.as_view()),
    path("api/v1/applications/<str:name>/federated", developers.Trusts.as_view()),
    path("api/v1/attestation-authorities", views.AttestationAuthorities.as_view()),
    path("api/v1/applications", views.Applications.as_view()),
    path("api/v1/applications/<str:name>/switch", views.SwitchApplication.as_view()),
    path("api/v1/applications/<str:name>/secrets", views.ApplicationSecrets.as_view()),
]
