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
from apps.domain.access.grants import Scope
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.hsm_client import client
from apps.domain.hsm_client.protocol import Facts, OpenDestination
from apps.log_delivery.models import DeliveryState, LogDestination, Replay
from apps.log_delivery.rules import Credentials
from apps.workers.log_delivery import segment_delivery
from apps.workers.log_delivery.destinations import Opening, SinkError, open_sink
from apps.workers.log_delivery.fail_closed import suspend_and_resume_vaults
from apps.workers.log_delivery.segment_delivery import DestinationConnection, Superseded

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 0.5
_HOLD_SECONDS = 5.0
_OPENING_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class DeliveryConfig:
    """What the installation allows."""

    guard: Guard
    root: Path | None
    seconds: float  # between deliveries

    @classmethod
    def of_settings(cls) -> "DeliveryConfig":
        root = settings.DELIVERY_ROOT
        return cls(Guard.of(settings.DELIVERY_ALLOW), Path(root) if root else None, settings.DELIVERY_SECONDS)


def connect(destination: LogDestination, surroundings: DeliveryConfig) -> DestinationConnection:
    """Open the credentials in the HSM, and with them the way. Raises `SinkFault`, `HsmUnavailable`."""
    vault = destination.vault
    grant = system_grant(Permission.VAULTS_UPDATE, scope=Scope(vault.pk, vault.name), origin="deliver")
    request = OpenDestination(
        expires_at=time.time() + _OPENING_SECONDS,
        facts=Facts.of(grant, operation="LogDestinationOpen", object_id="log/destination"),
        vault_id=vault.pk.hex,
        destination_id=destination.pk.hex,
    )
    known, secret = client.call(world=vault.world.name, request=request)
    opening = Opening(
        config=destination.config,
        credentials=Credentials(orjson.loads(known) if known else {}),
        folder=f"{vault.name}/{vault.pk}",
        guard=surroundings.guard,
        root=surroundings.root,
    )
    return DestinationConnection(destination, open_sink(destination.kind, opening), secret)


class DestinationWorker(threading.Thread):
    """Serves one destination until it is gone."""

    def __init__(self, destination_id: UUID, surroundings: DeliveryConfig) -> None:
        super().__init__(name=f"courier-{destination_id}", daemon=True)
        self.destination_id = destination_id
        self._surroundings = surroundings
        self._way: DestinationConnection | None = None
        self._poked = threading.Event()
        self._stopping = threading.Event()

    def poke(self) -> None:
        """Look now: something was changed or asked for."""
        self._poked.set()

    def stop(self) -> None:
        self._stopping.set()
        self._poked.set()

    def run(self) -> None:
        while not self._stopping.is_set():
            self._poked.clear()
            started = time.monotonic()
            try:
                again = self.turn()
            except Superseded:
                again = 0.0
            except DatabaseError as error:
                logger.warning("The database is away (%s)", type(error).__name__)
                again = 1.0
            finally:
                connection.close()
            if again < 0:
                break
            self._poked.wait(max(0.0, again - (time.monotonic() - started)))
        self._close()

    def turn(self) -> float:
        """Do everything that is due. How many seconds until the next turn; negative: the destination is gone."""
        rows = LogDestination.objects.select_related("vault__world")
        destination = rows.filter(pk=self.destination_id).first()
        if destination is None:
            return -1.0
        now = clock.now()
        state = DeliveryState.objects.get(pk=destination.pk)
        tested = destination.tested
        wants_test = tested is not None and (destination.test_done is None or destination.test_done < tested)
        if state.next_try is not None and state.next_try > now and not wants_test:
            return min((state.next_try - now).total_seconds(), self._surroundings.seconds)
        try:
            way = self._open(destination)
            if wants_test:
                self._test(way)
            while segment_delivery.deliver_next(way, clock=clock.now) and not self._stopping.is_set():
                pass
            again = self._replay(way)
        except (DatabaseError, Superseded):
            raise
        except Exception as error:  # noqa: BLE001  whatever it is, people see that nothing leaves, and others go on
            self._close()
            sentence = _sentence(error)
            if wants_test:
                self._tell_test(sentence)
            segment_delivery.note_failure(destination, sentence, now=clock.now())
            return 0.0  # the next turn knows when to try again
        return 0.0 if again else self._surroundings.seconds

    def _open(self, destination: LogDestination) -> DestinationConnection:
        if self._way is None or self._way.destination.changed != destination.changed:
            self._close()
            self._way = connect(destination, self._surroundings)
        connection.close()
        return self._way

    def _close(self) -> None:
        if self._way is not None:
            self._way.sink.close()
            self._way = None

    def _test(self, way: DestinationConnection) -> None:
        way.sink.check()
        self._tell_test("")

    def _tell_test(self, sentence: str) -> None:
        LogDestination.objects.filter(pk=self.destination_id).update(test_done=clock.now(), test_error=sentence)

    def _replay(self, way: DestinationConnection) -> bool:
        """One segment of the oldest replay; whether there is more to do."""
        waiting = Replay.objects.filter(destination_id=self.destination_id, state=Replay.State.QUEUED)
        row = waiting.order_by("created").first()
        if row is None:
            return False
        segment_delivery.deliver_again(way, row, clock=clock.now)
        return True


def run_forever(*, stopping: Callable[[], bool]) -> None:
    """Keep a courier for each destination, poke those that something was asked of, hold and release vaults."""
    surroundings, couriers = DeliveryConfig.of_settings(), dict[UUID, DestinationWorker]()
    seen: dict[UUID, tuple[datetime | None, ...]] = {}
    held = 0.0
    while not stopping():
        try:
            asked = _asked()
            for destination_id in asked.keys() - {key for key, courier in couriers.items() if courier.is_alive()}:
                couriers[destination_id] = DestinationWorker(destination_id, surroundings)
                couriers[destination_id].start()
            for destination_id, what in asked.items():
                if seen.get(destination_id, what) != what:
                    couriers[destination_id].poke()
            for destination_id in couriers.keys() - asked.keys():
                couriers.pop(destination_id).stop()
            seen = asked
            if time.monotonic() - held > _HOLD_SECONDS:
                held = time.monotonic()
                suspend_and_resume_vaults(
                    now=clock.now(),
                    longest=timedelta(hours=settings.DELIVERY_SPOOL_HOURS),
                    disk_is_full=disk_is_full(),
                )
        except DatabaseError as error:
            logger.warning("The database is away (%s)", type(error).__name__)
            connection.close()
        time.sleep(_LOOK_SECONDS)
    for courier in couriers.values():
        courier.stop()
    for courier in couriers.values():
        courier.join(timeout=5)


def _asked() -> dict[UUID, tuple[datetime | None, ...]]:
    """Each destination with what changes when somebody wants something of it."""
    replays = dict(
        Replay.objects.filter(state=Replay.State.QUEUED).order_by("created").values_list("destination_id", "created")
    )
    rows = LogDestination.objects.values_list("pk", "changed", "tested")
    return {key: (changed, tested, replays.get(key)) for key, changed, tested in rows}


def _sentence(error: Exception) -> str:
    if isinstance(error, VaultError):
        return error.message
    if isinstance(error, SinkError):
        return str(error)
    # Its place and not its message, in which a library may quote the storage, or an address with a token.
    frames = "".join(traceback.format_tb(error.__traceback__))
    logger.error("A courier stumbled (%s)\n%s", type(error).__name__, frames)
    return "The storage answered in a way that we do not understand. The delivery process's log says where."


def disk_is_full() -> bool:
    """Whether records that wait have to stop their vaults; what cannot be measured counts as full."""
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
