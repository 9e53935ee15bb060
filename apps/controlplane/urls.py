"""What `portal.<suffix>` answers."""

from django.urls import path
from drf_spectacular.views import SpectacularAPIView

from apps.controlplane import assets, views

urlpatterns = [
    path("", views.front),
    path("health", views.health),
    path("static/<str:name>", assets.serve),
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
    path("api/v1/attestation-authorities", views.AttestationAuthorities.as_view()),
    path("api/v1/applications", views.Applications.as_view()),
    path("api/v1/applications/<str:name>/secrets", views.ApplicationSecrets.as_view()),
]
