"""The delivery process: one thread for each destination, so that no owner's storage delays another's."""

import logging
import shutil
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import orjson
from django.conf import settings
from django.db import Error as DatabaseError
from django.db import connection

from apps.core import clock
from apps.core.errors import VaultError
from apps.core.outbound_http import Guard
from apps.domain.hsm_client import client
from apps.domain.hsm_client.protocol import OpenDestination
from apps.log_delivery.models import DeliveryState, LogDestination, Replay
from apps.log_delivery.rules import Credentials
from apps.workers.log_delivery import segment_delivery
from apps.workers.log_delivery.destinations import SinkConfig, SinkError, open_sink
from apps.workers.log_delivery.fail_closed import suspend_and_resume_vaults
from apps.workers.log_delivery.segment_delivery import DestinationConnection, Superseded

logger = logging.getLogger(__name__)

_POLL_SECONDS = 0.5
_SUSPEND_SECONDS = 5.0
_OPENING_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class DeliveryConfig:
    """What the installation allows, from its settings."""

    guard: Guard
    root: Path | None
    seconds: float  # between deliveries

    @classmethod
    def of_settings(cls) -> "DeliveryConfig":
        root = settings.DELIVERY_ROOT
        return cls(Guard.of(settings.DELIVERY_ALLOW), Path(root) if root else None, settings.DELIVERY_SECONDS)


def connect(destination: LogDestination, config: DeliveryConfig) -> DestinationConnection:
    """Decrypt the credentials in the HSM and open the sink. Raises `SinkError`, `HsmUnavailable`."""
    vault = destination.vault
    request = OpenDestination(time.time() + _OPENING_SECONDS, destination.pk.hex)
    known, secret = client.call(world=vault.world.name, request=request)
    sink_config = SinkConfig(
        settings=destination.config,
        credentials=Credentials(orjson.loads(known) if known else {}),
        folder=f"{vault.name}/{vault.pk}",
        guard=config.guard,
        root=config.root,
    )
    return DestinationConnection(destination, open_sink(destination.kind, sink_config), secret)


class DestinationWorker(threading.Thread):
    """Serves one destination until it is removed."""

    def __init__(self, destination_id: UUID, config: DeliveryConfig) -> None:
        super().__init__(name=f"delivery-{destination_id}", daemon=True)
        self.destination_id = destination_id
        self._config = config
        self._target: DestinationConnection | None = None
        self._woken = threading.Event()
        self._stopping = threading.Event()

    def wake(self) -> None:
        """Run at once: a setting was changed, or a test or replay requested."""
        self._woken.set()

    def stop(self) -> None:
        self._stopping.set()
        self._woken.set()

    def run(self) -> None:
        while not self._stopping.is_set():
            self._woken.clear()
            started = time.monotonic()
            try:
                again = self.run_once()
            except Superseded:
                again = 0.0
            except DatabaseError as error:
                logger.warning("The database is away (%s)", type(error).__name__)
                again = 1.0
            finally:
                connection.close()
            if again < 0:
                break
            self._woken.wait(max(0.0, again - (time.monotonic() - started)))
        self._close()

    def run_once(self) -> float:
        """Do everything that is due. Return the seconds until the next run; negative: the destination is gone."""
        rows = LogDestination.objects.select_related("vault__world")
        destination = rows.filter(pk=self.destination_id).first()
        if destination is None:
            return -1.0
        now = clock.now()
        state = DeliveryState.objects.get(pk=destination.pk)
        tested = destination.tested
        wants_test = tested is not None and (destination.test_done is None or destination.test_done < tested)
        if state.next_try is not None and state.next_try > now and not wants_test:
            return min((state.next_try - now).total_seconds(), self._config.seconds)
        try:
            target = self._open(destination)
            if wants_test:
                self._test(target)
            while segment_delivery.deliver_next(target, clock=clock.now) and not self._stopping.is_set():
                pass
            again = self._replay(target)
        except (DatabaseError, Superseded):
            raise
        except Exception as error:  # noqa: BLE001  people see the failure; other destinations continue
            self._close()
            message = _message_of(error)
            if wants_test:
                self._save_test_result(message)
            segment_delivery.note_failure(destination, message, now=clock.now())
            return 0.0  # the next run waits until the next try is due
        return 0.0 if again else self._config.seconds

    def _open(self, destination: LogDestination) -> DestinationConnection:
        if self._target is None or self._target.destination.changed != destination.changed:
            self._close()
            self._target = connect(destination, self._config)
        connection.close()
        return self._target

    def _close(self) -> None:
        if self._target is not None:
            self._target.sink.close()
            self._target = None

    def _test(self, target: DestinationConnection) -> None:
        target.sink.check()
        self._save_test_result("")

    def _save_test_result(self, message: str) -> None:
        LogDestination.objects.filter(pk=self.destination_id).update(test_done=clock.now(), test_error=message)

    def _replay(self, target: DestinationConnection) -> bool:
        """Deliver one segment of the oldest replay. Return whether there may be more."""
        waiting = Replay.objects.filter(destination_id=self.destination_id, state=Replay.State.QUEUED)
        row = waiting.order_by("created").first()
        if row is None:
            return False
        segment_delivery.deliver_again(target, row, clock=clock.now)
        return True


def run_forever(*, stopping: Callable[[], bool]) -> None:
    """Run a worker for each destination, wake those with new requests, suspend and resume vaults."""
    config, workers = DeliveryConfig.of_settings(), dict[UUID, DestinationWorker]()
    previous: dict[UUID, tuple[datetime | None, ...]] = {}
    last_check = 0.0
    while not stopping():
        try:
            requests = _requests()
            for destination_id in requests.keys() - {key for key, worker in workers.items() if worker.is_alive()}:
                workers[destination_id] = DestinationWorker(destination_id, config)
                workers[destination_id].start()
            for destination_id, what in requests.items():
                if previous.get(destination_id, what) != what:
                    workers[destination_id].wake()
            for destination_id in workers.keys() - requests.keys():
                workers.pop(destination_id).stop()
            previous = requests
            if time.monotonic() - last_check > _SUSPEND_SECONDS:
                last_check = time.monotonic()
                suspend_and_resume_vaults(
                    now=clock.now(),
                    longest=timedelta(hours=settings.DELIVERY_SPOOL_HOURS),
                    disk_is_full=disk_is_full(),
                )
        except DatabaseError as error:
            logger.warning("The database is away (%s)", type(error).__name__)
            connection.close()
        time.sleep(_POLL_SECONDS)
    for worker in workers.values():
        worker.stop()
    for worker in workers.values():
        worker.join(timeout=5)


def _requests() -> dict[UUID, tuple[datetime | None, ...]]:
    """Map each destination to values that change when a person changes it or requests something of it."""
    replays = dict(
        Replay.objects.filter(state=Replay.State.QUEUED).order_by("created").values_list("destination_id", "created")
    )
    rows = LogDestination.objects.values_list("pk", "changed", "tested")
    return {key: (changed, tested, replays.get(key)) for key, changed, tested in rows}


def _message_of(error: Exception) -> str:
    if isinstance(error, VaultError):
        return error.message
    if isinstance(error, SinkError):
        return str(error)
    # The traceback without the message: in it a library may quote the storage, or an address with a token.
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("A delivery failed unexpectedly (%s)\n%s", type(error).__name__, frames)
    return "The storage answered in a target that we do not understand. The delivery process's log says where."


def disk_is_full() -> bool:
    """Whether undelivered records must suspend their vaults; a disk that cannot be measured counts as full."""
    path = settings.DELIVERY_SPOOL_PATH
    if not path:
        return False
    try:
        usage = shutil.disk_usage(path)
    except OSError as error:
        logger.error("The disk below DELIVERY_SPOOL_PATH cannot be measured (%s)", type(error).__name__)  # noqa: TRY400
        return True
    percent: int = settings.DELIVERY_SPOOL_PERCENT
    return 100 * (usage.total - usage.free) >= percent * usage.total
