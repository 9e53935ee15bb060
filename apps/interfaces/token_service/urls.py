"""What `login.<suffix>` answers (docs/reference/wire-contract.md section 2.3)."""

from django.urls import path

from apps.interfaces.token_service import views

urlpatterns = [
    path("<str:tenant>/v2.0/.well-known/openid-configuration", views.discovery),
    path("<str:tenant>/.well-known/openid-configuration", views.discovery),
    path("<str:tenant>/discovery/v2.0/keys", views.keys),
    path("<str:tenant>/oauth2/v2.0/token", views.token),
]
