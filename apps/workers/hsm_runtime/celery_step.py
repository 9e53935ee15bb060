"""The Celery bootstep that runs the HSM thread of a worker process."""

import socket
from collections.abc import Sequence
from typing import Any, ClassVar

from celery import bootsteps

from apps.workers.hsm_runtime.hsm_thread import HsmThread, ReadAhead, RequestHandler
from apps.workers.hsm_runtime.peers import Peer

_threads: list[HsmThread] = []  # of this process: at most one


def hsm_thread() -> HsmThread:
    """The HSM thread of this process."""
    if not _threads:
        raise RuntimeError("this process has no HSM thread")
    return _threads[0]


class HsmStep(bootsteps.StartStopStep):
    """Starts before the connection to the broker, because uses of keys do not need it."""

    requires = ("celery.worker.components:Hub",)
    handler: ClassVar[RequestHandler]
    read_ahead: ClassVar[ReadAhead | None] = None
    peers: ClassVar[Sequence[Peer]]  # empty: no lane

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._nothing_to_read, self._kept_open = socket.socketpair()
        _threads.append(HsmThread(peers=self.peers, handler=type(self).handler, read_ahead=type(self).read_ahead))

    def start(self, parent: Any) -> None:
        hsm_thread().start()
        if getattr(parent, "hub", None) is not None:  # without any reader, its loop wakes ten times a second
            parent.hub.add_reader(self._nothing_to_read, lambda: None)

    def stop(self, _parent: Any) -> None:
        hsm_thread().stop()
