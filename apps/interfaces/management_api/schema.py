"""The OpenAPI document of the management API."""

from collections.abc import Iterable

from drf_spectacular.views import SpectacularAPIView
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class _ByFormat(DefaultContentNegotiation):
    """`?format=json` or `yaml` chooses, as documented; another value is ignored, and the Accept header decides."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        asked = request.query_params.get("format")
        offered = list(renderers)
        chosen = [renderer for renderer in offered if renderer.format == asked] or offered
        selected: tuple[BaseRenderer, str] = super().select_renderer(request, chosen, format_suffix)
        return selected


class Schema(SpectacularAPIView):
    content_negotiation_class = _ByFormat
