"""Making vaults."""

from datetime import datetime

from django.db import transaction

from apps.access.grants import Grant
from apps.access.permissions import Permission
from apps.access.recording import append_attempt
from apps.core.errors import Conflict
from apps.jobs import dispatch
from apps.jobs.lane import HsmUnavailable
from apps.vaults import queries, rules
from apps.vaults.models import Vault
from apps.worlds.queries import get_world


class VaultExists(Conflict):
    """The name is taken."""


def create(*, grant: Grant, name: str, world_name: str, now: datetime) -> Vault:
    """Make a vault in a world, with its key in that world's HSM. Returns when it is ready.

    A vault whose key could not be made may be created again under its name. Raises `BadVaultName`, `WorldNotFound`,
    `VaultExists`, `HsmUnavailable`, `JobPending`.
    """
    grant.require(Permission.VAULTS_CREATE)
    rules.check_name(name)
    world = get_world(name=world_name)
    with transaction.atomic():
        vault = Vault.objects.select_for_update().filter(name__iexact=name).first()
        if vault is None:
            vault, _ = Vault.objects.get_or_create(
                name=name, defaults={"world": world, "state": Vault.State.FAILED, "created": now}
            )
            vault = Vault.objects.select_for_update().get(pk=vault.pk)
        if vault.state != Vault.State.FAILED:
            raise VaultExists(f"There is a vault '{vault.name}' already. Choose another name.")
        Vault.objects.filter(pk=vault.pk).update(state=Vault.State.PENDING, world=world)
        append_attempt(grant, operation="VaultPut", object_id=f"vaults/{name}", world=world.name)
        job = dispatch.submit(
            grant=grant,
            kind="hsm.create_vault_key",
            operation="VaultPut",
            world=world.name,
            subject=("vault", vault.pk),
            object_id=f"vaults/{name}",
            now=now,
        )
    try:
        dispatch.wait(job)
    except HsmUnavailable:
        Vault.objects.filter(pk=vault.pk, state=Vault.State.PENDING).update(state=Vault.State.FAILED)
        raise
    queries.forget(name=name)
    return queries.get_vault(name=name)
