"""The OpenAPI document of the management API."""

from collections.abc import Sequence
from typing import Any

from drf_spectacular.views import SpectacularAPIView
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request


class _ByFormat(DefaultContentNegotiation):
    """`?format=json` or `yaml` chooses, as documented; another value is ignored, and the Accept header decides."""

    def select_renderer(
        self, request: Request, renderers: Sequence[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        asked = request.query_params.get("format")
        chosen: Any = [renderer for renderer in renderers if renderer.format == asked] or list(renderers)
        return super().select_renderer(request, chosen, format_suffix)


class Schema(SpectacularAPIView):  # type: ignore[misc]  # untyped base
    content_negotiation_class = _ByFormat
