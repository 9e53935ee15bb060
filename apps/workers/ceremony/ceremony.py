"""The ceremony: it creates a security world from one reviewed file and writes a transcript.

The transcript is written before the database gets the master keys, so that an interrupted ceremony continues from it
instead of creating a second set.
"""

import hashlib
import json
import os
import tomllib
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding
from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.core import clock
from apps.core.errors import BadRequest, Conflict
from apps.core.private_files import replace_file
from apps.domain.access.audit_records import append_change
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.security_worlds.models import SecurityWorld, WorldGeneration
from apps.hsm.api import Hsm
from apps.hsm.types import MasterPin, WorldMasters
from apps.workers.audit_worker import keys
from apps.workers.hsm_runtime import backup_keys, statement_keys
from apps.workers.hsm_runtime.token_startup import module_config
from apps.workers.hsm_runtime.translation import masters_of

_FIELDS = {"world": {"name", "geography", "region", "generation", "rsa1_5_decrypt", "purpose"}, "token": {"label"}}
_MASTERS = ("private_wrapping", "secret_wrapping", "binding_mac", "hmac_wrapping", "export_wrapping")
_REQUIRED = {"world": {"name", "geography", "generation"}, "token": {"label"}}


class BadCeremony(BadRequest):
    """The ceremony's file is not valid."""


class CeremonyRefused(Conflict):
    """The world or its token is not in the required state."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The content of the reviewed file."""

    name: str
    geography: str
    region: str
    purpose: str
    generation: int
    token_label: str
    rsa1_5_decrypt: bool
    config_sha256: str


def read_plan(path: Path) -> Plan:
    """Parse the file strictly: an unknown or missing field stops the ceremony. Raises `BadCeremony`."""
    try:
        data = path.read_bytes()
        config = tomllib.loads(data.decode("utf-8"))
    except (OSError, ValueError) as error:
        raise BadCeremony(f"{path} cannot be read as TOML: {error}") from error
    if set(config) != set(_FIELDS):
        raise BadCeremony(f"The file must have the sections {sorted(_FIELDS)} and no others.")
    for section, allowed in _FIELDS.items():
        fields = set(config[section]) if isinstance(config[section], dict) else set()
        if fields - allowed or _REQUIRED[section] - fields:
            raise BadCeremony(f"[{section}] must have {sorted(_REQUIRED[section])} and may have {sorted(allowed)}.")
    world = config["world"]
    name, generation = world["name"], world["generation"]
    if not (isinstance(name, str) and name.isascii() and name.isalnum() and name.islower() and len(name) <= 24):
        raise BadCeremony("[world] name must be 1-24 lower-case letters and digits.")
    if not (type(generation) is int and 1 <= generation <= 999):
        raise BadCeremony("[world] generation must be a number from 1 to 999.")
    purpose = str(world.get("purpose", SecurityWorld.Purpose.VAULTS))
    if purpose not in SecurityWorld.Purpose.values:
        raise BadCeremony(f"[world] purpose must be one of {', '.join(SecurityWorld.Purpose.values)}.")
    return Plan(
        name=name,
        geography=str(world["geography"]),
        region=str(world.get("region", name)),
        purpose=purpose,
        generation=generation,
        token_label=str(config["token"]["label"]),
        rsa1_5_decrypt=world.get("rsa1_5_decrypt", False) is True,
        config_sha256=hashlib.sha256(data).hexdigest(),
    )


def is_done(plan: Plan) -> bool:
    """True when the database has this generation of this world, with every key that today's ceremonies create."""
    rows = WorldGeneration.objects.filter(world__name=plan.name, number=plan.generation)
    if plan.purpose == SecurityWorld.Purpose.AUDIT and not keys.exist():
        return False
    if plan.purpose == SecurityWorld.Purpose.VAULTS and not (
        statement_keys.exist(world=plan.name, now=clock.now()) and backup_keys.exists(plan.name)
    ):
        return False
    return rows.filter(hmac_wrapping_id__isnull=False, export_wrapping_id__isnull=False).exists()


def run_ceremony(plan: Plan, *, transcript: Path, now: datetime) -> dict[str, Any]:
    """Create the master keys (or continue an interrupted ceremony from its transcript), and store the world.

    A generation from before WK-H and WK-X existed gets those two, a world from before backup keys or keys for
    statements gets those. The certificate of the authority of its statements is written beside the transcript,
    `statement-authority-WORLD.pem`.

    Raises `CeremonyRefused`, and the boundary's errors.
    """
    config = module_config()
    if plan.token_label != config.token_label:
        raise CeremonyRefused(f"The file is for token '{plan.token_label}', this process has '{config.token_label}'.")
    if not os.access(transcript.parent, os.W_OK):  # before keys are made that no transcript would name
        raise CeremonyRefused(f"{transcript.parent} is no directory in which this account can write a transcript.")
    hsm = Hsm.open(config)
    try:
        backup_key = transcript.with_suffix(".backup-key.json")
        completed = transcript.with_suffix(".completed.json")
        transcript = completed if completed.exists() else transcript
        registered = WorldGeneration.objects.filter(world__name=plan.name, number=plan.generation).first()
        if registered is not None and not transcript.exists():
            # Never a second set of master keys for one generation: what the first set sealed could not be opened again.
            masters = masters_of(registered, world_name=plan.name)
            hsm.load_world(masters)  # raises unless this token has them
            _write(transcript, _transcript(plan, hsm, masters, now))
        if transcript.exists():
            masters = _masters_from(transcript, plan)
            if masters.hmac_wrapping is None:
                masters = hsm.complete_masters(masters)
                transcript = completed
                _write(transcript, _transcript(plan, hsm, masters, now))
        else:
            masters = hsm.create_masters(world=plan.name, generation=plan.generation)
            _write(transcript, _transcript(plan, hsm, masters, now))
        hsm.load_world(masters)  # find them by id and check value, as every worker does
        authority = _store(plan, hsm, masters, transcript=transcript, backup_key=backup_key, now=now)
    finally:
        hsm.close()
    result: dict[str, Any] = json.loads(transcript.read_text(encoding="utf-8"))
    if authority is not None:
        pem = transcript.with_name(f"statement-authority-{plan.name}.pem")
        replace_file(pem, authority.public_bytes(Encoding.PEM), mode=0o644)  # public: verifiers need it
        result["statement_authority"] = authority.fingerprint(hashes.SHA256()).hex()
    return result


def preview(plan: Plan) -> dict[str, Any]:
    """The token and the capabilities of its module. Creates nothing."""
    hsm = Hsm.open(module_config())
    try:
        return {"plan": asdict(plan), "token_serial": hsm.token_serial, "profile": hsm.profile}
    finally:
        hsm.close()


def _transcript(plan: Plan, hsm: Hsm, masters: WorldMasters, now: datetime) -> dict[str, Any]:
    pins = {name: getattr(masters, name) for name in _MASTERS}
    return {
        "ceremony": "create-world",
        "held": now.isoformat(),
        "plan": asdict(plan),
        "token_serial": hsm.token_serial,
        "profile": hsm.profile,
        "masters": {
            name: {"id": pin.object_id.hex(), "check_value": pin.check_value.hex()} for name, pin in pins.items() if pin
        },
    }


def _masters_from(transcript: Path, plan: Plan) -> WorldMasters:
    try:
        text = json.loads(transcript.read_text(encoding="utf-8"))
        if text["plan"]["name"] != plan.name or text["plan"]["generation"] != plan.generation:
            raise CeremonyRefused(f"{transcript} is the transcript of another ceremony. Name another file.")
        pins = {
            name: MasterPin(bytes.fromhex(pin["id"]), bytes.fromhex(pin["check_value"]))
            for name, pin in text["masters"].items()
        }
        return WorldMasters(world=plan.name, generation=plan.generation, **pins)
    except (ValueError, KeyError, TypeError) as error:
        raise CeremonyRefused(f"{transcript} exists and is not a transcript. Move it away.") from error


def _write(path: Path, text: dict[str, Any]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(text, file, indent=2, sort_keys=True, default=str)
        file.flush()
        os.fsync(file.fileno())


@transaction.atomic
def _store(
    plan: Plan, hsm: Hsm, masters: WorldMasters, *, transcript: Path, backup_key: Path, now: datetime
) -> x509.Certificate | None:
    """Store the world and its generation; return the certificate of the authority of its statements, if it has one."""
    world, created = SecurityWorld.objects.get_or_create(
        name=plan.name,
        defaults={
            "geography": plan.geography,
            "region": plan.region,
            "purpose": plan.purpose,
            "generation": plan.generation,
            "rsa1_5_decrypt": plan.rsa1_5_decrypt,
            "profile": hsm.profile,
            "created": now,
        },
    )
    if not created:
        SecurityWorld.objects.filter(pk=world.pk).update(generation=plan.generation, profile=hsm.profile)
    pins = {name: pin for name in _MASTERS if (pin := getattr(masters, name)) is not None}
    values = {f"{name}_id": pin.object_id for name, pin in pins.items()}
    values |= {f"{name}_check": pin.check_value for name, pin in pins.items()}
    WorldGeneration.objects.update_or_create(
        world=world, number=plan.generation, defaults=values, create_defaults={**values, "created": now}
    )
    if plan.purpose == SecurityWorld.Purpose.AUDIT:
        keys.ensure(hsm, world, now=now)  # before the first record, which is sealed to one of them
        authority, detail = None, {}
    else:
        authority = statement_keys.ensure(hsm, world, now=now)
        detail = {"statementAuthoritySha256": authority.fingerprint(hashes.SHA256()).hex()}
        backup_keys.ensure(hsm, world, file=backup_key, now=now)
    append_change(
        system_grant(Permission.ORGANISATION_INITIALISE, origin="hsm_ceremony"),
        operation=Operation.WORLD_CEREMONY,
        object_id=f"worlds/{plan.name}/{plan.generation}",
        transcriptSha256=hashlib.sha256(transcript.read_bytes()).hexdigest(),
        configSha256=plan.config_sha256,
        **detail,
    )
    return authority
