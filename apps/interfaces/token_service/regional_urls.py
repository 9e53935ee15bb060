"""What `auth.<suffix>` answers, to clients whose region is `auth` (docs/reference/wire-contract.md section 2.4)."""

from django.urls import path

from apps.interfaces.token_service import urls, views

urlpatterns = [
    path("<str:tenant>/v2.0/.well-known/openid-configuration", views.regional_discovery),
    *urls.urlpatterns,
]
handler400, handler404, handler500 = urls.handler400, urls.handler404, urls.handler500
