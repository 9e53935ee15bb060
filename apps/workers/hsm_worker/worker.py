"""The HSM worker as a Celery worker: it runs the HSM thread and, if the settings name a socket, its lane."""

from apps.workers.hsm_runtime.celery_step import HsmStep
from apps.workers.hsm_worker.peers import find_peers
from apps.workers.hsm_worker.preflight import read_ahead
from apps.workers.hsm_worker.request_handlers import handle_request


class HsmWorkerStep(HsmStep):
    handler = staticmethod(handle_request)
    read_ahead = staticmethod(read_ahead)
    peers = find_peers()
