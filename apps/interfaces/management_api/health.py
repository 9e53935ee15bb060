"""The health check of the installation."""

from django.db import Error as DatabaseError
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse

from apps.domain.hsm_client import client
from apps.domain.security_worlds.queries import list_worlds


def health(_request: HttpRequest) -> HttpResponse:
    """Answer 200 if the database answers and every security world has an HSM worker with its HSM, else 503."""
    try:
        names = [world.name for world in list_worlds()]
        worlds = {name: client.is_healthy(world=name) for name in names}
    except DatabaseError:
        connection.close()
        return JsonResponse({"status": "database away"}, status=503)
    well = bool(worlds) and all(worlds.values())
    shown = {name: "ok" if alive else "HSM away" for name, alive in worlds.items()}
    return JsonResponse({"status": "ok" if well else "degraded", "worlds": shown}, status=200 if well else 503)
