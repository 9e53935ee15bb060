"""`./portal bench pack`: an evidence pack of 1 000 000 genuine records, made, fetched and verified away from here.

The records go through `trail.append` into the log of a vault and get their numbers and checkpoints from the running
system, so that each opens and proves. The pack is asked for over the query API; meanwhile the memory of the process
that makes it is read ten times a second, and while the file is fetched that of the web that sends it. Then
`packverify.py` from the pack checks it, with nothing in its environment but PATH, and without a network where the
kernel lets us take that away.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import uuid
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import django
import psutil
import urllib3

os.environ["DJANGO_SETTINGS_MODULE"] = "vaultportal.settings.owner"
django.setup()

from apps.audit_log import writer  # noqa: E402
from apps.audit_reader import log_entries  # noqa: E402
from apps.core.clock import now  # noqa: E402
from apps.core.principals import RequestContext  # noqa: E402
from apps.domain.access.audit_records import make_record  # noqa: E402
from apps.domain.access.grants import Scope  # noqa: E402  models exist only now
from apps.domain.vaults.queries import get_vault  # noqa: E402

RECORDS = int(os.environ.get("PACK_ROWS", "1000000"))
VAULT = "demo-europe"
AT_ONCE = 1000
GOAL_MIB = 32  # more memory than at a tenth of the way, at any time until the end
_OPERATIONS = (("KeySign", "keys", 200), ("SecretGet", "secrets", 200), ("KeyDecrypt", "keys", 403))


class Memory(threading.Thread):
    """Samples the resident memory of a process and its children, with the progress of the work, until `stop`."""

    def __init__(self, name: str, reached: Callable[[], float]) -> None:
        super().__init__(daemon=True)
        status = json.loads((Path(os.environ["TEST_STATE_DIR"]) / "status.json").read_text(encoding="utf-8"))
        parent = psutil.Process(status["processes"][name]["pid"])
        self._processes = [parent, *parent.children(recursive=True)]
        self._reached = reached
        self._ended = threading.Event()
        self.seen: list[tuple[float, int]] = []

    def run(self) -> None:
        while not self._ended.wait(0.1):
            self.seen.append((self._reached(), sum(process.memory_info().rss for process in self._processes)))

    def grown(self, *, after: float) -> int:
        """By how many bytes it grew at most, from when that part of the work was done."""
        self._ended.set()
        self.join()
        later = [size for reached, size in self.seen if reached >= after] or [size for _, size in self.seen]
        return max(later) - later[0]


def main() -> int:
    """Exit 1 when memory grew with the records, or the pack does not verify."""
    began = now()
    filled = _fill()
    http = urllib3.PoolManager(ca_certs=os.environ["PORTAL_CA"], retries=False, timeout=600)
    folder = Path(tempfile.mkdtemp(prefix="vaultportal-pack-"))
    try:
        packed, records, seconds, grown = _packed(http, began)
        file, fetched, sent = _fetched(http, packed["id"], folder)
        code, verified, most = _verified(file, folder)
    finally:
        shutil.rmtree(folder)
    rate, size, mib = records / seconds, packed["bytes"] / 2**20, grown / 2**20
    print("| records | written and numbered, s | packed, s | records/s | more memory, MiB | goal, MiB | pack, MiB |")
    print("|---|---|---|---|---|---|---|")
    print(f"| {records:,} | {filled:.0f} | {seconds:.0f} | {rate:,.0f} | {mib:.1f} | {GOAL_MIB} | {size:,.0f} |")
    print("\n| fetched, s | more memory of the web, MiB | goal, MiB | verified offline, s | its memory, MiB | good |")
    print("|---|---|---|---|---|---|")
    output = "yes" if code == 0 else "no"
    print(f"| {fetched:.1f} | {sent / 2**20:.1f} | {GOAL_MIB} | {verified:.1f} | {most / 2**20:.0f} | {output} |")
    return 1 if code or max(grown, sent) > GOAL_MIB << 20 or records < RECORDS else 0


def _fill() -> float:
    """Seconds until all records are written and have their numbers."""
    vault = get_vault(name=VAULT)
    scope, started = Scope.of(vault), time.monotonic()
    goal = log_entries.head(log_id=vault.pk)[0] + RECORDS
    for first in range(0, RECORDS, AT_ONCE):
        context = RequestContext(request_id=uuid.uuid4(), address="192.0.2.1", user_agent="benchmark", uri="/keys")
        writer.append([_record(scope, context, number) for number in range(first, min(first + AT_ONCE, RECORDS))])
    while log_entries.head(log_id=vault.pk)[0] < goal:
        if time.monotonic() - started > 3600:
            sys.exit("the sequencer did not come so far within an hour")
        time.sleep(0.5)
    return time.monotonic() - started


def _record(scope: Scope, context: RequestContext, number: int) -> writer.Record:
    operation, kind, status = _OPERATIONS[number % len(_OPERATIONS)]
    item = f"{kind}/bench-{number % 1000}/{number:032x}"
    return make_record(None, scope, context, operation=operation, phase="outcome", status=status, object_id=item)


def _asked(http: urllib3.PoolManager, method: str, path: str, **options: Any) -> Any:
    """What the query API answers an auditor's script."""
    user, password = os.environ["PORTAL_USER_AUDITOR"], os.environ["PORTAL_PASSWORD_AUDITOR"]
    headers = urllib3.make_headers(basic_auth=f"{user}:{password}")
    url = f"{os.environ['PORTAL_AUDIT_URL']}/api/v1/audit/{path}"
    answer = http.request(method, url, headers=headers, **options)
    if answer.status not in {200, 201}:
        sys.exit(f"{path} answered {answer.status}: {answer.data[:300]!r}")
    return answer


def _packed(http: urllib3.PoolManager, began: Any) -> tuple[dict[str, Any], int, float, int]:
    """The finished pack, its records, how long it took, and by how many bytes its worker grew."""
    period = {"since": (began - timedelta(seconds=1)).isoformat(), "until": (now() + timedelta(seconds=1)).isoformat()}
    task = _asked(http, "POST", "packs", json={"vault": VAULT, **period}).json()
    reached = [0.0]
    memory, started = Memory("auditor-worker", lambda: reached[0]), time.monotonic()
    memory.start()
    while task["state"] in {"queued", "running"}:
        time.sleep(0.3)
        task = _asked(http, "GET", f"packs/{task['id']}").json()
        reached[0] = task["done"] / task["records"]
    if task["state"] != "done":
        sys.exit(f"the pack is {task['state']}: {task['doing']}")
    return task, task["records"], time.monotonic() - started, memory.grown(after=0.1)


def _fetched(http: urllib3.PoolManager, task: str, folder: Path) -> tuple[Path, float, int]:
    """The file, how long it took, and by how many bytes the web grew that sent it."""
    file, reached = folder / "pack.zip", [0.0]
    memory, started = Memory("auditor-web", lambda: reached[0]), time.monotonic()
    memory.start()
    answer = _asked(http, "GET", f"packs/{task}/file", preload_content=False)
    length = int(answer.headers["Content-Length"])
    with file.open("wb") as kept:
        for chunk in answer.stream(1 << 20):
            kept.write(chunk)
            reached[0] = kept.tell() / length
    answer.release_conn()
    return file, time.monotonic() - started, memory.grown(after=0.0)


def _verified(file: Path, folder: Path) -> tuple[int, float, int]:
    """How packverify ended, how long it took, and the most memory that it used."""
    with zipfile.ZipFile(file) as archive:
        archive.extractall(folder)
    file.unlink()
    pack = folder / f"evidence-{VAULT}"
    key = Path(os.environ["AUDIT_VKEY_FILE"]).read_text(encoding="utf-8").splitlines()[0]
    command = [sys.executable, "packverify.py", ".", "--vkey", key]
    alone = ["unshare", "--map-root-user", "--net"]
    if shutil.which(alone[0]) and subprocess.run([*alone, "true"], check=False, capture_output=True).returncode == 0:
        command = [*alone, *command]
    else:
        print("the network could not be taken away from packverify\n")
    started = time.monotonic()
    done = subprocess.run(
        command, cwd=pack, env={"PATH": os.environ["PATH"]}, check=False, capture_output=True, text=True
    )
    print(f"packverify: {' / '.join((done.stdout + done.stderr).strip().splitlines()[-3:])}\n")
    most = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
    return done.returncode, time.monotonic() - started, most


if __name__ == "__main__":
    sys.exit(main())
