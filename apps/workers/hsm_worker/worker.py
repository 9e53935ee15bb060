"""The Celery bootstep that gives an HSM worker its HSM thread and, where the settings say so, its lane."""

from pathlib import Path
from typing import Any

from celery import bootsteps, current_app
from django.conf import settings

from apps.workers.hsm_runtime.hsm_thread import HsmThread
from apps.workers.hsm_worker.request_handlers import handle_request


class _Process:
    thread: HsmThread | None = None


def hsm_thread() -> HsmThread:
    """The HSM thread of this worker process."""
    if _Process.thread is None:
        message = "this process is not an HSM worker"
        raise RuntimeError(message)
    return _Process.thread


class HsmStep(bootsteps.StartStopStep):
    """Starts before the connection to the broker, because uses of keys do not need it."""

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        path = settings.LANE_SOCKET
        _Process.thread = HsmThread(socket_path=Path(path) if path else None, handler=handle_request)

    def start(self, _parent: Any) -> None:
        hsm_thread().start()

    def stop(self, _parent: Any) -> None:
        hsm_thread().stop()


current_app.steps["worker"].add(HsmStep)
