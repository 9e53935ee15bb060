"""Toolchains of other languages, with which tests build clients. Users of the product need none of them."""

import re
import shutil
import subprocess

_GO, _JAVA = (1, 23), (17,)


def missing() -> dict[str, str]:
    """Map each language whose tests cannot run to the reason."""
    reasons = {"Go": _missing_go(), "Java": _missing_java()}
    return {language: reason for language, reason in reasons.items() if reason}


def _missing_go() -> str:
    found = _version("go", "env", "GOVERSION")
    return "" if found >= _GO else "Go 1.23 or newer is not installed"


def _missing_java() -> str:
    if shutil.which("mvn") is None:
        return "Maven is not installed"
    return "" if _version("javac", "-version") >= _JAVA else "no JDK 17 or newer is installed"


def _version(program: str, *arguments: str) -> tuple[int, ...]:
    """The first number with dots that a program prints; () when there is no such program."""
    if shutil.which(program) is None:
        return ()
    done = subprocess.run([program, *arguments], capture_output=True, text=True, check=False)
    number = re.search(r"\d+(\.\d+)*", done.stdout + done.stderr)
    return tuple(map(int, number[0].split("."))) if number else ()
