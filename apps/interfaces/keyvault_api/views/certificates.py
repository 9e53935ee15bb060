"""The operations on certificates: parse the request, make one domain call, build the response."""

from typing import Any

from apps.audit_log.operation_names import Operation
from apps.core.strict_json import loads_object
from apps.domain.access.permissions import Permission
from apps.domain.certificates import queries
from apps.domain.certificates.kind import CERTIFICATES, CertificateItem
from apps.domain.certificates.models import Certificate, CertificateOperation
from apps.domain.certificates.operations import creation, properties
from apps.domain.certificates.operations.creation import OperationEnded
from apps.domain.certificates.policy import load_policy
from apps.interfaces.keyvault_api.messages import API_VERSION, ApiResponse
from apps.interfaces.keyvault_api.pipeline import ApiOperation, OperationContext, Recorder
from apps.interfaces.keyvault_api.serializers import certificates as wire
from apps.interfaces.keyvault_api.serializers.fields import changes_of
from apps.interfaces.keyvault_api.views.objects import ObjectViews


def _create(context: OperationContext) -> ApiResponse:
    body = wire.CertificateBody.read(context.request.body(largest=wire.LARGEST_BODY))
    if "policy" in body:
        policy = wire.parse_policy(body["policy"])
    else:  # a new version by the existing policy
        policy = load_policy(CERTIFICATES.get(context.vault.pk, context.request.name).policy)
    row = context.call(creation.create, policy=policy, attributes=wire.parse_attributes(body))
    # The first answer is "inProgress" even when the work is done: the Python client fetches the certificate only after
    # it has polled.
    row.status = CertificateOperation.Status.IN_PROGRESS
    operation = wire.operation(row, origin=context.request.origin)
    version = context.request.query[API_VERSION]
    location = f"{operation['id']}?api-version={version}&request_id={operation['request_id']}"
    return ApiResponse(202, operation, (("Location", location), ("Retry-After", "10")))


def _import(context: OperationContext) -> dict[str, Any]:
    body = wire.ImportBody.read(context.request.body(largest=wire.LARGEST_BODY))
    version = context.call(
        creation.import_certificate,
        value=body["value"],
        password=body.get("pwd"),
        attributes=wire.parse_attributes(body),
        read_policy=(lambda base: wire.parse_policy(body["policy"], base=base)) if "policy" in body else None,
    )
    return OBJECTS.current(context, version.certificate.name)


def _get(context: OperationContext) -> dict[str, Any]:
    request = context.request
    if not request.version:
        return OBJECTS.current(context, request.name)
    version = CERTIFICATES.get_version(context.vault.pk, request.name, request.version)
    current = version.pk == version.certificate.current_id
    return wire.bundle(version, context.vault, origin=request.origin, with_policy=current)


def _update(context: OperationContext) -> dict[str, Any]:
    request = context.request
    body = wire.CertificateBody.read(request.body(largest=wire.LARGEST_BODY))
    policy = None
    if body.get("policy"):
        base = load_policy(CERTIFICATES.get(context.vault.pk, request.name).policy)
        policy = wire.parse_policy(body["policy"], base=base)
    changes = changes_of(body, tags="tags")
    version = context.call(properties.update, version=request.version, changes=changes, policy=policy)
    return wire.bundle(version, context.vault, origin=request.origin, with_policy=not request.version)


def _get_policy(context: OperationContext) -> dict[str, Any]:
    certificate = CERTIFICATES.get(context.vault.pk, context.request.name)
    return wire.policy(certificate, origin=context.request.origin)


def _set_policy(context: OperationContext) -> dict[str, Any]:
    body = loads_object(context.request.body(largest=wire.LARGEST_BODY))
    certificate = CERTIFICATES.get(context.vault.pk, context.request.name)
    policy = wire.parse_policy(body, base=load_policy(certificate.policy))
    return wire.policy(context.call(properties.set_policy, policy=policy), origin=context.request.origin)


def _get_operation(context: OperationContext) -> dict[str, Any]:
    request_id = context.request.query.get("request_id", "")
    row = queries.get_operation(vault_id=context.vault.pk, name=context.request.name, request_id=request_id)
    return wire.operation(row, origin=context.request.origin)


def _cancel(context: OperationContext) -> dict[str, Any]:
    if not wire.CancelBody.read(context.request.body())["cancellation_requested"]:
        raise OperationEnded("The property 'cancellation_requested' can only be set to true.")
    row = creation.cancel(grant=context.grant, vault=context.vault, name=context.request.name)
    return wire.operation(row, origin=context.request.origin)


def _delete_operation(context: OperationContext) -> dict[str, Any]:
    row = creation.delete_operation(grant=context.grant, vault=context.vault, name=context.request.name)
    return wire.operation(row, origin=context.request.origin)


def _merge(context: OperationContext) -> ApiResponse:
    body = wire.MergeBody.read(context.request.body(largest=wire.LARGEST_BODY))
    version = context.call(creation.merge, chain=body["x5c"], changes=wire.parse_attribute_changes(body))
    return ApiResponse(201, OBJECTS.current(context, version.certificate.name))


def _bundle(context: OperationContext, certificate: Certificate) -> dict[str, Any]:
    """The current version with policy and pending operation."""
    if certificate.current is None:
        return wire.unfinished(certificate, context.vault, origin=context.request.origin)
    certificate.current.certificate = certificate
    return wire.bundle(certificate.current, context.vault, origin=context.request.origin, with_policy=True)


def _item(context: OperationContext, item: CertificateItem) -> dict[str, Any]:
    return wire.item(item, context.vault, identifier=f"{context.request.origin}/certificates/{item.name}")


def _version_item(context: OperationContext, item: CertificateItem) -> dict[str, Any]:
    identifier = f"{context.request.origin}/certificates/{item.name}/{item.version}"
    return wire.item(item, context.vault, identifier=identifier)


OBJECTS = ObjectViews(CERTIFICATES, bundle=_bundle, item=_item, version_item=_version_item)
P, CHANGE, PIPELINE, C = Permission, Recorder.CHANGE, Recorder.PIPELINE, "certificate"

CREATE = ApiOperation(Operation.CERTIFICATE_CREATE, P.CERTIFICATES_CREATE, C, CHANGE, _create, quota=None)
IMPORT = ApiOperation(Operation.CERTIFICATE_IMPORT, P.CERTIFICATES_IMPORT, C, CHANGE, _import, quota=None)
GET = ApiOperation(Operation.CERTIFICATE_GET, P.CERTIFICATES_GET, C, PIPELINE, _get)
UPDATE = ApiOperation(Operation.CERTIFICATE_UPDATE, P.CERTIFICATES_UPDATE, C, CHANGE, _update)
LIST = ApiOperation(Operation.CERTIFICATE_LIST, P.CERTIFICATES_LIST, C, PIPELINE, OBJECTS.list_live)
LIST_VERSIONS = ApiOperation(
    Operation.CERTIFICATE_LIST_VERSIONS, P.CERTIFICATES_LIST, C, PIPELINE, OBJECTS.list_versions
)
GET_POLICY = ApiOperation(Operation.CERTIFICATE_POLICY_GET, P.CERTIFICATES_GET, C, PIPELINE, _get_policy)
SET_POLICY = ApiOperation(Operation.CERTIFICATE_POLICY_UPDATE, P.CERTIFICATES_UPDATE, C, CHANGE, _set_policy)
GET_OPERATION = ApiOperation(Operation.CERTIFICATE_PENDING_GET, P.CERTIFICATES_GET, C, PIPELINE, _get_operation)
CANCEL = ApiOperation(Operation.CERTIFICATE_PENDING_UPDATE, P.CERTIFICATES_UPDATE, C, CHANGE, _cancel)
DELETE_OPERATION = ApiOperation(
    Operation.CERTIFICATE_PENDING_DELETE, P.CERTIFICATES_UPDATE, C, CHANGE, _delete_operation
)
MERGE = ApiOperation(Operation.CERTIFICATE_PENDING_MERGE, P.CERTIFICATES_CREATE, C, CHANGE, _merge)
DELETE = ApiOperation(Operation.CERTIFICATE_DELETE, P.CERTIFICATES_DELETE, C, CHANGE, OBJECTS.delete)
GET_DELETED = ApiOperation(Operation.CERTIFICATE_GET_DELETED, P.CERTIFICATES_GET, C, PIPELINE, OBJECTS.get_deleted)
LIST_DELETED = ApiOperation(Operation.CERTIFICATE_LIST_DELETED, P.CERTIFICATES_LIST, C, PIPELINE, OBJECTS.list_deleted)
RECOVER = ApiOperation(Operation.CERTIFICATE_RECOVER, P.CERTIFICATES_RECOVER, C, CHANGE, OBJECTS.recover)
PURGE = ApiOperation(Operation.CERTIFICATE_PURGE, P.CERTIFICATES_PURGE, C, CHANGE, OBJECTS.purge)
BACK_UP = ApiOperation(Operation.CERTIFICATE_BACKUP, P.CERTIFICATES_BACKUP, C, Recorder.WORKER, OBJECTS.back_up)
RESTORE = ApiOperation(Operation.CERTIFICATE_RESTORE, P.CERTIFICATES_RESTORE, C, CHANGE, OBJECTS.restore)
ACKNOWLEDGE = ApiOperation(
    Operation.CERTIFICATE_ACKNOWLEDGE, P.CERTIFICATES_GET, "certificate", CHANGE, OBJECTS.acknowledge
)
