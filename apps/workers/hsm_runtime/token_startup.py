"""Opening the HSM of a process: wait until the token is present, then initialise PKCS#11 once."""

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

_PROBE_PAUSE_SECONDS, _PROBE_TIMEOUT_SECONDS = 0.5, 5.0


def module_config() -> ModuleConfig:
    """The token of this worker, from its settings."""
    return ModuleConfig(
        module=Path(settings.HSM_MODULE),
        token_label=settings.HSM_TOKEN_LABEL,
        pin_file=Path(settings.HSM_PIN_FILE),
        cache_mb=settings.HSM_HANDLE_CACHE_MB,
    )


def wait_for_token(*, serve: Callable[[float], None], stopping: Callable[[], bool]) -> None:
    """Return when a short-lived process finds the token; `serve(seconds)` answers clients in the meantime.

    Another process looks because this one may initialise its PKCS#11 library only once: SoftHSM does not notice a
    token that appears later (docs/reference/pkcs11-facts.md section 5).
    """
    config = module_config()
    command = [sys.executable, "-m", "apps.hsm.token_presence", str(config.module), config.token_label]
    reported = False
    while not stopping():
        if _is_present(command, serve):
            return
        if not reported:
            logger.warning("The token %s is not present; waiting for it.", config.token_label)
            reported = True
        until = time.monotonic() + _PROBE_PAUSE_SECONDS
        while time.monotonic() < until:
            serve(0.1)


def _is_present(command: list[str], serve: Callable[[float], None]) -> bool:
    """Run the probe. One that hangs in the PKCS#11 module is killed and counts as no."""
    probe = subprocess.Popen(command)  # noqa: S603  our own module, arguments from the settings
    until = time.monotonic() + _PROBE_TIMEOUT_SECONDS
    while probe.poll() is None and time.monotonic() < until:
        serve(0.05)
    if probe.poll() is None:
        probe.kill()
    return probe.wait() == 0


def open_hsm() -> Hsm:
    """Log in and load the master keys of every generation of this process's world."""
    hsm = Hsm.open(module_config())
    for generation in WorldGeneration.objects.select_related("world").filter(world__name=settings.HSM_WORLD):
        hsm.load_world(masters_of(generation, world_name=settings.HSM_WORLD))
    return hsm
