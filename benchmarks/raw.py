"""The raw limit: the same mechanisms of SoftHSM or Kryoptic, driven by one process per core, with nothing around them.

No HTTP, no token, no authorisation, no audit, no check of the result; keys are session objects, handles are held. What
our boundary does around a mechanism and cannot do without (OAEP over the raw permutation, the sealed format) is done
here with the boundary's own functions.
"""

import multiprocessing
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import quantiles
from typing import Any

import pkcs11
from cryptography.hazmat.primitives import hashes
from pkcs11 import Attribute, KeyType, Mechanism
from pkcs11.util.ec import encode_named_curve_parameters

from apps.hsm import algorithms, envelope
from apps.hsm.rsa_padding import oaep_decode
from apps.launcher import softhsm
from apps.launcher.softhsm_tokens import CONFIGURATIONS
from benchmarks import cpu
from benchmarks.proof import OAEP, rsa_key
from benchmarks.scenarios import Round, WrongAnswer

LABEL = "vp-benchmark"
_START_SECONDS = 60


class Raw:
    """Processes that each own a session to one token of their own making."""

    def __init__(self, workers: list[tuple[Any, Connection]], *, name: str = "raw SoftHSM") -> None:
        self._workers, self.name = workers, name

    def offers(self, scenario: str) -> bool:
        return scenario in ("rsa-sign", "ec-sign", "unwrap", "secret-get", "secret-set")

    def measure(self, scenario: str, *, seconds: int, connections: int) -> Round:
        """One round: all processes at once, or one when `connections` is 1."""
        chosen = self._workers[:1] if connections == 1 else self._workers
        meter = cpu.Meter({"raw": [process.pid for process, _ in chosen]})
        for _, pipe in chosen:
            pipe.send((scenario, seconds))
        answers = [_answer(pipe, seconds + _START_SECONDS) for _, pipe in chosen]
        used, foreign = meter.read()
        return Round(
            requests=sum(answer[0] for answer in answers),
            seconds=max(answer[1] for answer in answers),
            p50=max(answer[2] for answer in answers),
            p99=max(answer[3] for answer in answers),
            cpu=used,
            foreign=foreign,
        )


@contextmanager
def running(*, module: str = "", processes: int = 0) -> Iterator[Raw]:
    """Make a token, start processes on it, stop them and forget the token on the way out.

    `module`: another one than SoftHSM: Kryoptic, or one that opens SoftHSM's tokens; `processes`: 0 for one per core.
    """
    module = module or softhsm.find_module()
    with tempfile.TemporaryDirectory(prefix="vaultportal-raw-") as name:
        directory = Path(name)
        pin = make_token(directory, module=module)
        context = multiprocessing.get_context("spawn")
        workers = []
        try:
            for _ in range(processes or len(os.sched_getaffinity(0))):
                ours, theirs = context.Pipe()
                process = context.Process(target=_serve, args=(theirs, str(directory), pin, module), daemon=True)
                process.start()
                theirs.close()
                workers.append((process, ours))
                _answer(ours, _START_SECONDS)  # one login after another: SoftHSM rewrites the token's file at each
            yield Raw(workers, name="raw Kryoptic" if "kryoptic" in Path(module).name else "raw SoftHSM")
        finally:
            for process, pipe in workers:
                pipe.close()
                process.terminate()
                process.join(10)


def make_token(directory: Path, *, module: str = "") -> str:
    """The PIN of a new token labelled `LABEL`, made as `./portal up` makes its own."""
    pin, so_pin = secrets.token_urlsafe(24), secrets.token_urlsafe(24)
    for name, text in (("pin", pin), ("so-pin", so_pin)):
        (directory / name).write_text(text, encoding="utf-8")
    (directory / "tokens").mkdir()
    for variable, text in CONFIGURATIONS.items():
        _configuration(directory, variable).write_text(text.format(directory=directory / "tokens"), encoding="utf-8")
    files = [str(directory / "so-pin"), str(directory / "pin")]
    result = subprocess.run(
        [sys.executable, "-m", "apps.launcher.softhsm_tokens", module or softhsm.find_module(), LABEL, *files],
        env={**os.environ, **configurations(directory)},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode != 0:
        raise WrongAnswer(f"The benchmark's token could not be made: {result.stderr.strip()[-500:]}")
    return pin


def configurations(directory: Path) -> dict[str, str]:
    """The variables that name the configuration of the token in this directory."""
    return {variable: str(_configuration(directory, variable)) for variable in CONFIGURATIONS}


def _configuration(directory: Path, variable: str) -> Path:
    return directory / f"{variable}.conf"


def _answer(pipe: Connection, seconds: float) -> Any:
    if not pipe.poll(seconds):
        raise WrongAnswer("a process of the raw measurement does not answer")
    try:
        return pipe.recv()
    except EOFError:
        raise WrongAnswer("a process of the raw measurement ended") from None


def _serve(pipe: Connection, directory: str, pin: str, module: str) -> None:
    """In the process: open the token, then run what is asked for until the pipe closes."""
    os.environ |= configurations(Path(directory))
    token = pkcs11.lib(module).get_token(token_label=LABEL)
    with token.open(user_pin=pin) as session:
        operations = _operations(session)
        pipe.send("ready")
        try:
            while True:
                scenario, seconds = pipe.recv()
                pipe.send(_timed(operations[scenario], seconds))
        except (EOFError, KeyboardInterrupt):
            return


def _timed(operation: Callable[[], object], seconds: float) -> tuple[int, float, float, float]:
    """(count, seconds, p50 ms, p99 ms) of running the operation again and again."""
    times = []
    begun = last = time.perf_counter()
    while last - begun < seconds:
        operation()
        now = time.perf_counter()
        times.append(now - last)
        last = now
    cuts = quantiles(times, n=100)
    return len(times), last - begun, 1000 * cuts[49], 1000 * cuts[98]


def _operations(session: Any) -> dict[str, Callable[[], object]]:
    """The mechanisms of each scenario, on keys made here."""
    digest, value = os.urandom(32), os.urandom(1024)
    public, private = session.generate_keypair(KeyType.RSA, 2048, store=False)
    rs256 = algorithms.SIGNING["RS256"]
    block = rs256.prefix + digest
    wrapped = _wrap(public)
    curve = session.create_domain_parameters(
        KeyType.EC, {Attribute.EC_PARAMS: encode_named_curve_parameters("secp256r1")}, local=True
    )
    _, ec_private = curve.generate_keypair(store=False)
    aes = session.generate_key(KeyType.AES, 256, store=False)
    sealed = envelope.seal(aes, context=b"context", plaintext=value)
    return {
        "rsa-sign": lambda: private.sign(block, mechanism=Mechanism.RSA_PKCS),
        "ec-sign": lambda: ec_private.sign(digest, mechanism=Mechanism.ECDSA),
        "unwrap": _unwrap(private, wrapped),
        "secret-get": lambda: envelope.unseal(aes, context=b"context", sealed=sealed),
        "secret-set": lambda: envelope.seal(aes, context=b"context", plaintext=value),
    }


def _unwrap(private: Any, wrapped: bytes) -> Callable[[], object]:
    """OAEP as the boundary does it: by the module if it can with SHA-256, else by us over the raw permutation."""
    row = algorithms.ENCRYPTING["RSA-OAEP-256"]

    def native() -> bytes:
        return bytes(private.decrypt(wrapped, mechanism=row.mechanism, mechanism_param=row.parameter))

    try:
        native()
    except pkcs11.PKCS11Error:
        return lambda: oaep_decode(
            private.decrypt(wrapped, mechanism=Mechanism.RSA_X_509).rjust(256, b"\0"), digest="sha256"
        )
    return native


def _wrap(public: Any) -> bytes:
    key = rsa_key(modulus=public[Attribute.MODULUS], exponent=public[Attribute.PUBLIC_EXPONENT])
    return key.encrypt(os.urandom(hashes.SHA256.digest_size), OAEP)
