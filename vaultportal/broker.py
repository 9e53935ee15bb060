"""Valkey and Redis as brokers, for processes that do not rely on what is in them.

The row of a job decides what runs (apps/domain/hsm_client/client.py), so a message that is lost is sent again, and one
that no process of ours has sent is dropped. Kombu's transport would end the worker with an error of its parser instead.
"""

import logging
from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis

logger = logging.getLogger(__name__)

_FOREIGN = (ValueError, KeyError, TypeError, AttributeError, IndexError)  # errors of a message that is not Kombu's


class QoS(redis.QoS):
    """Messages that another process did not acknowledge stay where they are: the scheduler sends open jobs again."""

    def restore_visible(self, *_args: Any, **_kwargs: Any) -> None:
        """Read no message out of the table of unacknowledged ones, which every account can write."""


class Channel(redis.Channel):
    """A channel that drops what is not a message."""

    QoS = QoS

    def _brpop_read(self, **options: Any) -> Any:
        try:
            return super()._brpop_read(**options)  # type: ignore[misc]  # Kombu has no annotations
        except _FOREIGN as error:
            logger.warning("The broker had a message that Vault Portal did not send (%s). It was dropped.", type(error))
            return True


class Transport(redis.Transport):
    """The transport of `redis://`, `rediss://` and `redis+socket://`."""

    Channel = Channel
    brpop_timeout = 4  # seconds, less than `socket_timeout`: a worker without messages asks anew as rarely as it may


def use() -> None:
    """Make Kombu use this transport for the addresses of Valkey and Redis."""
    for alias in ("redis", "rediss"):
        TRANSPORT_ALIASES[alias] = f"{__name__}:{Transport.__name__}"
