"""Whether the time of an RSA decryption, or its answer, tells what was wrong with a ciphertext.

Bleichenbacher's attack (CRYPTO 1998) needs to tell good PKCS#1 v1.5 padding from bad, Manger's (CRYPTO 2001) a wrong
first byte of OAEP from the faults behind it. `python -m benchmarks.oracles --samples 10000` makes ciphertexts of each
class of fault with the raw public key, has both custodies decrypt them in random order in one process, with a SoftHSM
token of its own, and compares the classes pairwise by Welch's t-test, as dudect does (Reparaz, Balasch, Verbauwhede,
DATE 2017): the slowest 5 % of all measurements of an algorithm are left out, for they are the scheduler's, and
|t| < 4.5 says that no difference was found with so many samples. RSA1_5 has good ciphertexts among its classes:
implicit rejection is there to make them look like the others.
"""

import argparse
import gc
import hashlib
import os
import random
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import combinations
from math import sqrt
from pathlib import Path
from statistics import fmean, median, variance

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from apps.hsm.api import Hsm
from apps.hsm.errors import HsmError
from apps.hsm.rsa_padding import mgf1
from apps.hsm.types import Binding, Custody, KeyType, ModuleConfig, StoredKey
from apps.launcher import softhsm
from benchmarks.raw import LABEL, configurations, make_token

ALGORITHMS = {"RSA1_5": "", "RSA-OAEP": "sha1", "RSA-OAEP-256": "sha256"}
LIMIT = 4.5
_CROPPED = 0.05
_WARM_UP = 500
_MESSAGE = 32

Maker = Callable[[], bytes]


@dataclass(frozen=True)
class Oracle:
    """One key in one custody, and who opens it."""

    hsm: Hsm
    key: StoredKey
    vault_key: StoredKey

    def answer(self, algorithm: str, ciphertext: bytes) -> str:
        """The answer that a caller gets, without its random parts."""
        try:
            self.hsm.decrypt(self.key, algorithm=algorithm, ciphertext=ciphertext, vault_key=self.vault_key)
        except HsmError as error:
            return f"{type(error).__name__}({error})"
        return "bytes"


def classes(algorithm: str, public: rsa.RSAPublicKey) -> dict[str, Maker]:
    """Makers of ciphertexts, by what is wrong with them."""
    numbers, size = public.public_numbers(), public.key_size // 8

    def encrypted(make: Maker) -> Maker:
        return lambda: pow(int.from_bytes(make()), numbers.e, numbers.n).to_bytes(size)

    blocks = _oaep_blocks(ALGORITHMS[algorithm], size) if ALGORITHMS[algorithm] else _pkcs1_blocks(size)
    made = {name: encrypted(make) for name, make in blocks.items()}
    return made | {"random ciphertext": lambda: secrets.randbelow(numbers.n).to_bytes(size)}


def _pkcs1_blocks(size: int) -> dict[str, Maker]:
    """EME-PKCS1-v1_5 (RFC 8017 section 7.2.1): 00 02, at least eight bytes that are not zero, 00, message."""
    filled = size - 3 - _MESSAGE

    def block(head: bytes = b"\0\2", separator: bytes = b"\0") -> bytes:
        return head + _no_zeros(filled) + separator + _no_zeros(_MESSAGE)

    def early() -> bytes:
        made = bytearray(block())
        made[2 + secrets.randbelow(8)] = 0
        return bytes(made)

    return {
        "good": block,
        "first byte wrong": lambda: block(head=b"\1\2"),
        "second byte wrong": lambda: block(head=b"\0\1"),
        "separator missing": lambda: block(separator=b"\xff"),
        "separator too early": early,
    }


def _oaep_blocks(digest: str, size: int) -> dict[str, Maker]:
    """EME-OAEP (RFC 8017 section 7.1.1): 00, masked seed, masked (hash of the label, zeros, 01, message)."""
    label = hashlib.new(digest).digest()
    zeros = size - 2 * len(label) - 2 - _MESSAGE

    def block(first: bytes = b"\0", label: bytes = label, middle: bytes = bytes(zeros) + b"\1") -> bytes:
        data, seed = label + middle + os.urandom(_MESSAGE), os.urandom(len(label))
        masked_data = _xor(data, mgf1(seed, len(data), digest=digest))
        return first + _xor(seed, mgf1(masked_data, len(seed), digest=digest)) + masked_data

    def foreign() -> bytes:
        middle = bytearray(zeros + 1)
        middle[-1], middle[secrets.randbelow(zeros)] = 1, 2 + secrets.randbelow(254)
        return block(middle=bytes(middle))

    def missing() -> bytes:
        data, seed = label + bytes(zeros + 1 + _MESSAGE), os.urandom(len(label))
        masked_data = _xor(data, mgf1(seed, len(data), digest=digest))
        return b"\0" + _xor(seed, mgf1(masked_data, len(seed), digest=digest)) + masked_data

    return {
        "first byte wrong": lambda: block(first=b"\1"),
        "separator missing": missing,
        "other byte before separator": foreign,
        "hash of label wrong": lambda: block(label=os.urandom(len(label))),
    }


def _no_zeros(count: int) -> bytes:
    return bytes(byte or 1 for byte in os.urandom(count))


def _xor(left: bytes, right: bytes) -> bytes:
    return (int.from_bytes(left) ^ int.from_bytes(right)).to_bytes(len(left))


@dataclass(frozen=True)
class Measured:
    """The times of each class in nanoseconds, and every answer that was given."""

    times: dict[str, list[int]]
    answers: set[str]

    @property
    def cropped(self) -> dict[str, list[int]]:
        """Without what is slower than 95 % of all measurements, whatever class it is of."""
        together = sorted(taken for times in self.times.values() for taken in times)
        slowest = together[int(len(together) * (1 - _CROPPED)) - 1]
        return {name: [taken for taken in times if taken <= slowest] for name, times in self.times.items()}

    def differences(self) -> dict[tuple[str, str], float]:
        """Welch's t of each pair of classes."""
        return {
            (first, second): _welch(one, other)
            for (first, one), (second, other) in combinations(self.cropped.items(), 2)
        }


def _welch(one: list[int], other: list[int]) -> float:
    return (fmean(one) - fmean(other)) / sqrt(variance(one) / len(one) + variance(other) / len(other))


def measure(oracle: Oracle, algorithm: str, ciphertexts: dict[str, list[bytes]]) -> Measured:
    """Decrypt all of them in random order."""
    times: dict[str, list[int]] = {name: [] for name in ciphertexts}
    schedule = [(times[name], ciphertext) for name, of_class in ciphertexts.items() for ciphertext in of_class]
    random.shuffle(schedule)
    answers, clock, answer = set(), time.perf_counter_ns, oracle.answer
    for _, ciphertext in schedule[:_WARM_UP]:
        answer(algorithm, ciphertext)
    gc.collect()
    gc.disable()
    try:
        for into, ciphertext in schedule:
            begun = clock()
            given = answer(algorithm, ciphertext)
            into.append(clock() - begun)
            answers.add(given)
    finally:
        gc.enable()
    return Measured(times, answers)


@contextmanager
def opened() -> Iterator[Hsm]:
    """A boundary with one world on a new token, forgotten on the way out. Once per process."""
    with tempfile.TemporaryDirectory(prefix="vaultportal-oracles-") as name:
        directory = Path(name)
        make_token(directory)
        os.environ |= configurations(directory)
        hsm = Hsm.open(ModuleConfig(Path(softhsm.find_module()), LABEL, directory / "pin"))
        try:
            hsm.load_world(hsm.create_masters(world="oracles", generation=1))
            yield hsm
        finally:
            hsm.close()


def _binding(custody: Custody, key_type: KeyType, parameter: str, operations: tuple[str, ...]) -> Binding:
    return Binding("oracles", 1, custody, "ab" * 16, "key", "cd" * 16, key_type, parameter, operations)


def _table(title: str, measured: Measured) -> float:
    """Print it; the largest |t|."""
    print(f"\n{title}\n")
    print(f"| {'class':<28} | {'N':>6} | median ns |\n| {'-' * 28} | {'-' * 5}: | {'-' * 8}: |")
    for name, times in measured.times.items():
        print(f"| {name:<28} | {len(times):>6} | {median(times):>9,.0f} |")
    differences = measured.differences()
    print(f"\n| {'pair':<60} | {'t':>7} |\n| {'-' * 60} | {'-' * 6}: |")
    for (one, other), t in differences.items():
        print(f"| {f'{one} / {other}':<60} | {t:>7.2f} |")
    worst = max(abs(t) for t in differences.values())
    verdict = "no difference found" if worst < LIMIT else "A DIFFERENCE"
    print(f"\nmax |t| = {worst:.2f}: {verdict}; answers: {', '.join(sorted(measured.answers))}", flush=True)
    return worst


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--samples", type=int, default=10_000, help="ciphertexts of each class")
    parser.add_argument("--algorithm", choices=ALGORITHMS, action="append", help="only this one; may be repeated")
    parser.add_argument("--custody", choices=[str(custody) for custody in Custody], help="only this one")
    options = parser.parse_args()
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    material = private.private_bytes(
        serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    sound = True
    with opened() as hsm:
        vault_key = hsm.generate(_binding(Custody.WRAPPED, KeyType.OCT, "256", ("seal",)))
        for algorithm in options.algorithm or ALGORITHMS:
            made = classes(algorithm, private.public_key())
            ciphertexts = {name: [make() for _ in range(options.samples)] for name, make in made.items()}
            for custody in [Custody(options.custody)] if options.custody else Custody:
                what = _binding(custody, KeyType.RSA, "2048", ("decrypt",))
                key = hsm.import_key(what, material=material, vault_key=vault_key)
                measured = measure(Oracle(hsm, key, vault_key), algorithm, ciphertexts)
                worst = _table(f"{algorithm}, RSA-2048, {custody} custody, slowest 5 % left out of t", measured)
                sound = sound and worst < LIMIT and len(measured.answers) == 1
    print("\nverdict:", "|t| < 4.5 everywhere, one answer each" if sound else "NOT UNIFORM, see above")
    return 0 if sound else 1


if __name__ == "__main__":
    sys.exit(main())
