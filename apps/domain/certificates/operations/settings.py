"""Contacts and issuers of a vault. The built-in provider's issuer has a certificate authority in the HSM."""

from datetime import datetime
from typing import Any

from django.db import transaction

from apps.audit_log.operation_names import Operation
from apps.core.errors import BadRequest
from apps.domain.access.audit_records import append_attempt, append_change
from apps.domain.access.grants import Grant
from apps.domain.access.permissions import Permission
from apps.domain.certificates import queries
from apps.domain.certificates.models import Contacts, Issuer, IssuingAuthority
from apps.domain.hsm_client import client
from apps.domain.security_worlds.removal import remove_keys
from apps.domain.vaults.models import Vault

BUILT_IN = "VaultPortal"  # the provider whose issuers sign here


class BadIssuer(BadRequest):
    """An issuer or contact that cannot be."""


@transaction.atomic
def set_contacts(*, grant: Grant, vault: Vault, people: list[dict[str, str]]) -> list[dict[str, str]]:
    """Replace the vault's contacts."""
    grant.require(Permission.CERTIFICATES_MANAGE_CONTACTS, vault_id=vault.pk)
    Contacts.objects.update_or_create(vault=vault, defaults={"people": people})
    append_change(
        grant, operation=Operation.CERTIFICATE_CONTACTS_SET, object_id="certificates/contacts", count=len(people)
    )
    return people


@transaction.atomic
def delete_contacts(*, grant: Grant, vault: Vault) -> list[dict[str, str]]:
    """Remove the contacts; those that were. Raises `ContactsNotFound`."""
    grant.require(Permission.CERTIFICATES_MANAGE_CONTACTS, vault_id=vault.pk)
    people = queries.get_contacts(vault_id=vault.pk)
    Contacts.objects.filter(vault=vault).delete()
    append_change(grant, operation=Operation.CERTIFICATE_CONTACTS_DELETE, object_id="certificates/contacts")
    return people


def set_issuer(*, grant: Grant, vault: Vault, name: str, fields: dict[str, Any], now: datetime) -> Issuer:
    """Make or replace an issuer. The built-in provider's gets its authority, made in the HSM; returns when it is ready.

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
        object_id = f"certificates/issuers/{row.name}"
        if (
            row.provider == BUILT_IN
            and not IssuingAuthority.objects.filter(issuer=row, protected__isnull=False).exists()
        ):
            IssuingAuthority.objects.get_or_create(issuer=row, defaults={"created": now})
            append_attempt(grant, operation=Operation.CERTIFICATE_ISSUER_SET, object_id=object_id)
            job = client.submit(
                grant=grant,
                kind="hsm.create_issuing_authority",
                operation=Operation.CERTIFICATE_ISSUER_SET,
                world=vault.world.name,
                subject=("issuer", row.pk),
                object_id=object_id,
                now=now,
            )
        else:
            append_change(grant, operation=Operation.CERTIFICATE_ISSUER_SET, object_id=object_id)
    if job is not None:
        client.wait(job)
    return row


@transaction.atomic
def update_issuer(*, grant: Grant, vault: Vault, name: str, fields: dict[str, Any], now: datetime) -> Issuer:
    """Change what `fields` names. Raises `IssuerNotFound`, `BadIssuer` for another provider."""
    grant.require(Permission.ISSUERS_SET, vault_id=vault.pk)
    row = queries.get_issuer(vault_id=vault.pk, name=name)
    if BUILT_IN in (fields.get("provider"), row.provider) and fields.get("provider", row.provider) != row.provider:
        raise BadIssuer(f"The provider of an issuer cannot change from or to {BUILT_IN}; make another issuer.")
    for field, value in fields.items():
        setattr(row, field, value)
    row.updated = now
    row.save()
    append_change(grant, operation=Operation.CERTIFICATE_ISSUER_UPDATE, object_id=f"certificates/issuers/{row.name}")
    return row


@transaction.atomic
def delete_issuer(*, grant: Grant, vault: Vault, name: str) -> Issuer:
    """Remove an issuer, and the built-in authority with its key. Raises `IssuerNotFound`."""
    grant.require(Permission.ISSUERS_DELETE, vault_id=vault.pk)
    row = queries.get_issuer(vault_id=vault.pk, name=name)
    authority = IssuingAuthority.objects.filter(issuer=row).first()
    Issuer.objects.filter(pk=row.pk).delete()
    if authority is not None and authority.protected_id is not None:
        remove_keys([authority.protected_id])
    append_change(grant, operation=Operation.CERTIFICATE_ISSUER_DELETE, object_id=f"certificates/issuers/{row.name}")
    return row
