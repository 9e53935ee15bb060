"""What `login.<suffix>` answers (docs/reference/wire-contract.md sections 2.3 and 2.4)."""

from django.urls import path

from apps.interfaces.token_service import views

urlpatterns = [
    path("common/discovery/instance", views.instance),
    path("adfs/.well-known/webfinger", views.webfinger),
    path("<str:tenant>/v2.0/.well-known/openid-configuration", views.discovery),
    path("<str:tenant>/.well-known/openid-configuration", views.discovery),
    path("<str:tenant>/discovery/v2.0/keys", views.keys),
    path("<str:tenant>/discovery/keys", views.keys),
    path("<str:tenant>/oauth2/v2.0/token", views.token),
    path("<str:tenant>/oauth2/token", views.token_of_resource),
]
handler400, handler404, handler500 = views.bad_request, views.not_found, views.server_error
