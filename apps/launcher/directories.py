"""Directories of a state: for one account all private to it; for separated accounts each with the owner that needs it.

A state of an earlier version, in which one account owned everything, is corrected at the next start.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from apps.launcher.account import NAME, WORKERS, Account

_PUBLIC = (
    "softhsm-*.conf",
    "kryoptic-*.conf",
    "ceremony-*.toml",
    "tls/*.pem",
    "audit/sealing.pem",
    "audit/checkpoint.vkey",
)
_LAUNCHERS = ("*.json", "*.toml", "*.conf", "lock", "secrets/*", "tls/*", "logs/*", "token-heads/*/*")
# Directories in which processes keep files of their own, and the kind of process.
_OWNED = {"audit": "audit", "delivered": "delivery", "evidence": "auditor"}


@dataclass(frozen=True)
class Directory:
    """One directory. `owner`: a kind of process, "": the launcher; `group`: a kind, `NAME` for all, "": the owner's."""

    path: Path
    owner: str = ""
    mode: int = 0o700
    group: str = ""


def directories(state: Path, run: Path, worlds: tuple[str, ...], audit: str) -> Iterator[Directory]:
    """All directories of a state, each after its parent."""
    yield Directory(state, mode=0o711)
    for name in ("secrets", "logs", "token-heads"):
        yield Directory(state / name)
    yield Directory(state / "tls", mode=0o755)
    for name in ("tokens", "ceremonies"):
        yield Directory(state / name, mode=0o711)
    for world in (*worlds, audit):
        kind = audit if world == audit else f"hsm-{world}"
        yield Directory(state / "token-heads" / world)
        yield Directory(state / "tokens" / world, kind)
        yield Directory(state / "ceremonies" / world, kind)
    for name, kind in _OWNED.items():
        yield Directory(state / name, kind, 0o755 if name == "audit" else 0o700)
    yield Directory(state / "audit" / "witness", "audit", 0o2750, "verifier")
    yield Directory(run, mode=0o710, group=NAME)
    yield Directory(run / "data", NAME, 0o710)  # sockets of PostgreSQL and Valkey, which every process may reach
    yield Directory(run / "credentials", mode=0o711)
    yield Directory(run / "scheduler", "jobs")
    yield Directory(run / "owner", "owner")
    yield Directory(run / "portal", "web")  # the socket of the portal process
    yield Directory(run / "lane", mode=0o710, group=NAME)
    for world in worlds:
        yield Directory(run / "lane" / world, mode=0o710, group=NAME)
        for peer, group in (("web", "web"), ("delivery", "delivery"), ("events", "events"), ("workers", WORKERS)):
            yield Directory(run / "lane" / world / peer, f"hsm-{world}", 0o2750, group)
    yield Directory(run / "audit-lane", mode=0o710, group=NAME)
    for peer, group in (("auditors", "auditor"), ("delivery", "delivery"), ("verifier", "verifier")):
        yield Directory(run / "audit-lane" / peer, "audit", 0o2750, group)


def make(entry: Directory, account: Account) -> None:
    """Create a directory. Without separated accounts an existing one keeps its mode and its owner."""
    if not account.is_separated:
        if not entry.path.is_dir():
            entry.path.mkdir(mode=0o700, parents=True)
            account.own(entry.path)
        return
    entry.path.mkdir(mode=0o700, parents=True, exist_ok=True)
    owner = _ids(entry.owner, account)
    group = _ids(entry.group, account)[1] if entry.group else owner[1]
    if entry.path.lstat().st_uid != owner[0] and entry.owner:
        _give(entry.path, owner)  # of a state in which one account owned everything
    os.chown(entry.path, owner[0], group)
    entry.path.chmod(entry.mode)


def correct_files(state: Path, account: Account) -> None:
    """Files that the launcher owns, and those of them that every process reads. Call it for separated accounts."""
    for pattern in _LAUNCHERS:
        for path in state.glob(pattern):
            os.chown(path, 0, 0, follow_symlinks=False)
    for path in state.glob("audit/witness/*"):
        os.chown(path, -1, _ids("verifier", account)[1])
        path.chmod(0o640)
    publish(state, account)


def publish(state: Path, account: Account) -> None:
    """Let every process read what is not secret."""
    if account.is_separated:
        for pattern in _PUBLIC:
            for path in state.glob(pattern):
                path.chmod(0o644)


def _ids(kind: str, account: Account) -> tuple[int, int]:
    if not kind:
        return 0, 0
    return (account if kind == NAME else account.members[kind]).ids or (0, 0)


def _give(directory: Path, owner: tuple[int, int]) -> None:
    for folder, _folders, files in os.walk(directory):
        for path in (folder, *(os.path.join(folder, name) for name in files)):  # noqa: PTH118  os.walk's own paths
            os.chown(path, *owner, follow_symlinks=False)
