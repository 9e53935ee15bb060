"""Opening the HSM of an HSM worker: wait until the token is there, then initialise once and for good."""

import logging
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from django.conf import settings

from apps.domain.security_worlds.models import WorldGeneration
from apps.hsm.api import Hsm
from apps.hsm.types import ModuleConfig
from apps.workers.hsm_runtime.translation import masters_of

logger = logging.getLogger(__name__)

_PROBE_SECONDS, _LOOK_SECONDS = 0.5, 5.0


def module_config() -> ModuleConfig:
    """The token of this worker, from its settings."""
    return ModuleConfig(
        module=Path(settings.HSM_MODULE),
        token_label=settings.HSM_TOKEN_LABEL,
        pin_file=Path(settings.HSM_PIN_FILE),
    )


def wait_for_token(*, meanwhile: Callable[[float], None], stopping: Callable[[], bool]) -> None:
    """Return when a short-lived process sees the token; `meanwhile(seconds)` keeps answering callers.

    Another process looks because this one may initialise its PKCS#11 library only once: SoftHSM does not notice a
    token that appears later (security.md 0.5).
    """
    config = module_config()
    command = [sys.executable, "-m", "apps.hsm.token_presence", str(config.module), config.token_label]
    reported = False
    while not stopping():
        if _looks_present(command, meanwhile):
            return
        if not reported:
            logger.warning("The token %s is not there; waiting for it.", config.token_label)
            reported = True
        until = time.monotonic() + _PROBE_SECONDS
        while time.monotonic() < until:
            meanwhile(0.1)


def _looks_present(command: list[str], meanwhile: Callable[[float], None]) -> bool:
    """Whether the look succeeded; one that hangs in the module is ended and counts as no."""
    look = subprocess.Popen(command)  # noqa: S603  our own module, arguments from the settings
    until = time.monotonic() + _LOOK_SECONDS
    while look.poll() is None and time.monotonic() < until:
        meanwhile(0.05)
    if look.poll() is None:
        look.kill()
    return look.wait() == 0


def open_hsm() -> Hsm:
    """Log in and load the masters of every generation of this worker's world."""
    hsm = Hsm.open(module_config())
    for generation in WorldGeneration.objects.select_related("world").filter(world__name=settings.HSM_WORLD):
        hsm.load_world(masters_of(generation, world_name=settings.HSM_WORLD))
    return hsm
