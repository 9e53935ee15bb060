"""Contacts and issuers of a vault. The built-in provider's issuer has a certificate authority in the HSM."""

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.core.errors import BadRequest
from apps.core.sql import execute, select
from apps.domain.access.audit_records import append_change
from apps.domain.access.changes import recorded_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.certificates import queries
from apps.domain.certificates.models import Contacts, Issuer, IssuingAuthority
from apps.domain.certificates.policy import Action, check_action
from apps.domain.hsm_client import client
from apps.domain.security_worlds.removal import remove_keys
from apps.domain.vaults.models import Vault

BUILT_IN = "VaultPortal"  # the provider whose issuers sign here
_CONTACTS = "certificates/contacts"
# Plain SQL: the scheduler may not read the other columns, which the ORM would.
_DELETE_CONTACTS = """
    DELETE FROM certificates_contacts c USING vaults_vault v WHERE v.id = c.vault_id AND v.purged IS NOT NULL
    RETURNING c.vault_id"""
_FIND_ISSUERS = """
    SELECT i.id FROM certificates_issuer i JOIN vaults_vault v ON v.id = i.vault_id AND v.purged IS NOT NULL"""
_DELETE_AUTHORITIES = "DELETE FROM certificates_issuingauthority WHERE issuer_id = ANY(%s) RETURNING protected_id"


class BadIssuer(BadRequest):
    """An issuer or contact outside the contract."""


def set_contacts(*, grant: Grant, vault: Vault, people: list[dict[str, str]]) -> list[dict[str, str]]:
    """Replace the vault's contacts."""
    grant.require(Permission.CERTIFICATES_MANAGE_CONTACTS, vault_id=vault.pk)
    with recorded_change(grant, Operation.CERTIFICATE_CONTACTS_SET, object_id=_CONTACTS, count=len(people)):
        Contacts.objects.update_or_create(vault=vault, defaults={"people": people})
    return people


def delete_contacts(*, grant: Grant, vault: Vault) -> list[dict[str, str]]:
    """Delete the contacts. Returns them as they were. Raises `ContactsNotFound`."""
    grant.require(Permission.CERTIFICATES_MANAGE_CONTACTS, vault_id=vault.pk)
    people = queries.get_contacts(vault_id=vault.pk)
    with recorded_change(grant, Operation.CERTIFICATE_CONTACTS_DELETE, object_id=_CONTACTS):
        Contacts.objects.filter(vault=vault).delete()
    return people


def set_default_action(*, grant: Grant, vault: Vault, action: Action | None) -> None:
    """Set the lifetime action that new certificates inherit, in the caller's transaction, which records it.

    None: Azure's default. Raises `BadPolicy`.
    """
    grant.require(Permission.VAULTS_UPDATE)
    if action is not None:
        check_action(action)
    Vault.objects.filter(pk=vault.pk).update(certificate_action=None if action is None else asdict(action))


def set_issuer(*, grant: Grant, vault: Vault, name: str, fields: dict[str, Any], now: datetime) -> Issuer:
    """Create or replace an issuer. The built-in provider's has an authority in the HSM; returns when that is ready.

    `fields` are those of the model. Raises `BadIssuer`, `HsmUnavailable`, `JobPending`.
    """
    grant.require(Permission.ISSUERS_SET, vault_id=vault.pk)
    if not fields.get("provider"):
        raise BadIssuer("The property 'provider' is required.")
    job = None
    with transaction.atomic():
        row, _ = Issuer.objects.update_or_create(
            vault=vault,
            folded_name=name.lower(),
            defaults={**fields, "updated": now},
            create_defaults={**fields, "name": name, "created": now, "updated": now},
        )
        ready = IssuingAuthority.objects.filter(issuer=row, protected__isnull=False)
        if row.provider == BUILT_IN and not ready.exists():
            IssuingAuthority.objects.get_or_create(issuer=row, defaults={"created": now})
            job = client.submit(
                grant=grant,
                kind="hsm.create_issuing_authority",
                operation=Operation.CERTIFICATE_ISSUER_SET,
                world=vault.world.name,
                subject=("issuer", row.pk),
                object_id=_object_id(row),
                now=now,
            )
        else:
            append_change(grant, operation=Operation.CERTIFICATE_ISSUER_SET, object_id=_object_id(row))
    if job is not None:
        client.wait(job)
    return row


def update_issuer(*, grant: Grant, vault: Vault, name: str, fields: dict[str, Any], now: datetime) -> Issuer:
    """Change the fields that are given. Raises `IssuerNotFound`, `BadIssuer` for another provider."""
    grant.require(Permission.ISSUERS_SET, vault_id=vault.pk)
    row = queries.get_issuer(vault_id=vault.pk, name=name)
    if BUILT_IN in (fields.get("provider"), row.provider) and fields.get("provider", row.provider) != row.provider:
        raise BadIssuer(f"The provider of an issuer cannot change from or to {BUILT_IN}; make another issuer.")
    with recorded_change(grant, Operation.CERTIFICATE_ISSUER_UPDATE, object_id=_object_id(row)):
        for field, value in fields.items():
            setattr(row, field, value)
        row.updated = now
        row.save()
    return row


def delete_issuer(*, grant: Grant, vault: Vault, name: str) -> Issuer:
    """Delete an issuer, and the built-in authority with its key. Raises `IssuerNotFound`."""
    grant.require(Permission.ISSUERS_DELETE, vault_id=vault.pk)
    row = queries.get_issuer(vault_id=vault.pk, name=name)
    with recorded_change(grant, Operation.CERTIFICATE_ISSUER_DELETE, object_id=_object_id(row)):
        authority = IssuingAuthority.objects.filter(issuer=row).first()
        Issuer.objects.filter(pk=row.pk).delete()
        if authority is not None and authority.protected_id is not None:
            remove_keys([authority.protected_id])
    return row


def delete_of_purged_vaults(*, grant: Grant) -> int:
    """Delete the issuers and contacts of purged vaults, with the keys of built-in authorities. Returns how many."""
    grant.require(Permission.VAULTS_SWEEP)
    with transaction.atomic():
        contacts = select(_DELETE_CONTACTS)
        issuers = [pk for (pk,) in select(_FIND_ISSUERS)]
        keys = [key for (key,) in select(_DELETE_AUTHORITIES, [issuers]) if key is not None]
        execute("DELETE FROM certificates_issuer WHERE id = ANY(%s)", [issuers])
        remove_keys(keys)
    return len(contacts) + len(issuers)


def _object_id(row: Issuer) -> str:
    return f"certificates/issuers/{row.name}"
