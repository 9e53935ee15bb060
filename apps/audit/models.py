from typing import ClassVar

from django.db import models

from apps.core.ids import uuid7


class AuditRecord(models.Model):
    """One line of the trail, with the meanings of Azure's AuditEvent (azure-wire section 16).

    Names people and things by id and text, without foreign keys: a record outlives what it speaks of. The table
    is append-only by trigger (migration) and by database privileges (`apps.core.privileges`).
    """

    class Phase(models.TextChoices):
        ATTEMPT = "attempt"  # committed before the HSM is asked to change anything
        OUTCOME = "outcome"
        DENIAL = "denial"

    id = models.UUIDField(primary_key=True, default=uuid7)
    at = models.DateTimeField()
    vault_id = models.UUIDField(null=True)  # null: acts of the organisation, sign-ins, unknown vaults
    vault_name = models.TextField()
    operation = models.TextField()  # KeySign, SecretGet, VaultPut, Authentication ...
    phase = models.TextField(choices=Phase.choices)
    status = models.SmallIntegerField()  # HTTP status of the answer; 202 for attempts
    caller_id = models.UUIDField(null=True)
    caller = models.TextField()  # client id or user name
    object_id = models.TextField()  # keys/<name>/<version>; "" when the act has no object
    request_id = models.UUIDField()
    correlation_id = models.TextField()
    address = models.TextField()
    detail = models.JSONField()  # uri, user agent, api version, algorithm, description, milliseconds

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["vault_id", "at", "id"], name="audit_vault_time"),
            models.Index(fields=["at", "id"], name="audit_time"),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(condition=models.Q(phase__in=["attempt", "outcome", "denial"]), name="audit_phase"),
        ]
