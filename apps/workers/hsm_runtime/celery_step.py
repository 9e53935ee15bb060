"""The Celery bootstep that runs the HSM thread of a worker process."""

from collections.abc import Sequence
from typing import Any, ClassVar

from celery import bootsteps

from apps.workers.hsm_runtime.hsm_thread import HsmThread, RequestHandler
from apps.workers.hsm_runtime.peers import Peer

_threads: list[HsmThread] = []  # of this process: at most one


def hsm_thread() -> HsmThread:
    """The HSM thread of this process."""
    if not _threads:
        raise RuntimeError("this process has no HSM thread")
    return _threads[0]


class HsmStep(bootsteps.StartStopStep):
    """Starts before the connection to the broker, because uses of keys do not need it."""

    handler: ClassVar[RequestHandler]
    peers: ClassVar[Sequence[Peer]]  # empty: no lane

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        _threads.append(HsmThread(peers=self.peers, handler=type(self).handler))

    def start(self, _parent: Any) -> None:
        hsm_thread().start()

    def stop(self, _parent: Any) -> None:
        hsm_thread().stop()
