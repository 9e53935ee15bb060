"""The operations on certificates: read the wire, one domain call, write the wire."""

from typing import Any

from apps.audit_log.operation_names import Operation
from apps.core.strict_json import loads_object
from apps.domain.access.permissions import Permission
from apps.domain.certificates import queries
from apps.domain.certificates.models import Certificate, CertificateOperation, CertificateVersion
from apps.domain.certificates.operations import backup, creation, properties, soft_delete
from apps.domain.certificates.operations.creation import OperationEnded
from apps.domain.certificates.policy import load_policy
from apps.interfaces.keyvault_api.call import API_VERSION, ApiResponse
from apps.interfaces.keyvault_api.pipeline import ApiOperation, OperationContext, Recorder
from apps.interfaces.keyvault_api.serializers import certificates as wire
from apps.interfaces.keyvault_api.serializers import common
from apps.interfaces.keyvault_api.serializers.common import page
from apps.interfaces.keyvault_api.serializers.fields import changes_of


def _create(ask: OperationContext) -> ApiResponse:
    body = wire.CertificateBody.read(ask.call.body(largest=wire.LARGEST_BODY))
    if "policy" in body:
        policy = wire.read_policy(body["policy"])
    else:  # a new version by the policy that is there
        policy = load_policy(queries.get_certificate(vault_id=ask.vault.pk, name=ask.call.name).policy)
    row = creation.create(
        grant=ask.grant,
        vault=ask.vault,
        name=ask.call.name,
        policy=policy,
        said=wire.described(body),
        now=ask.now,
    )
    # The first answer is "inProgress" even when the work is done: the Python client fetches the certificate only after
    # it has polled.
    row.status = CertificateOperation.Status.IN_PROGRESS
    shown = wire.operation(row, origin=ask.call.origin)
    version = ask.call.query[API_VERSION]
    location = f"{shown['id']}?api-version={version}&request_id={shown['request_id']}"
    return ApiResponse(202, shown, (("Location", location), ("Retry-After", "10")))


def _import(ask: OperationContext) -> dict[str, Any]:
    body = wire.ImportBody.read(ask.call.body(largest=wire.LARGEST_BODY))
    version = creation.import_certificate(
        grant=ask.grant,
        vault=ask.vault,
        name=ask.call.name,
        value=body["value"],
        password=body.get("pwd"),
        said=wire.described(body),
        now=ask.now,
        read_policy=(lambda base: wire.read_policy(body["policy"], base=base)) if "policy" in body else None,
    )
    return _whole(ask, version.certificate)


def _get(ask: OperationContext) -> dict[str, Any]:
    if ask.call.version:
        version = queries.get_version(vault_id=ask.vault.pk, name=ask.call.name, version=ask.call.version)
        newest = version.pk == version.certificate.current_id
        return wire.bundle(version, ask.vault, origin=ask.call.origin, whole=newest)
    return _whole(ask, queries.get_certificate(vault_id=ask.vault.pk, name=ask.call.name))


def _update(ask: OperationContext) -> dict[str, Any]:
    body = wire.CertificateBody.read(ask.call.body(largest=wire.LARGEST_BODY))
    call = ask.call
    policy = None
    if body.get("policy"):
        base = load_policy(queries.get_certificate(vault_id=ask.vault.pk, name=call.name).policy)
        policy = wire.read_policy(body["policy"], base=base)
    version = properties.update(
        grant=ask.grant,
        vault=ask.vault,
        name=call.name,
        version=call.version,
        changes=changes_of(body, tags="tags"),
        policy=policy,
        now=ask.now,
    )
    return wire.bundle(version, ask.vault, origin=call.origin, whole=not call.version)


def _list(ask: OperationContext) -> dict[str, Any]:
    pending = ask.call.query.get("includePending", "").lower() == "true"
    return page(
        ask,
        collection="certificates",
        load=lambda after, limit: queries.list_certificates(
            vault_id=ask.vault.pk, after=after, limit=limit, include_pending=pending
        ),
        cursor=lambda certificate: certificate.folded_name,
        render=lambda certificate: wire.item(certificate, ask.vault, origin=ask.call.origin),
        kept="&includePending=true" if pending else "",
    )


def _list_versions(ask: OperationContext) -> dict[str, Any]:
    def render(version: CertificateVersion) -> dict[str, Any]:
        identifier = f"{ask.call.origin}/certificates/{version.certificate.name}/{version.version}"
        return wire.version_item(version, ask.vault, identifier=identifier)

    return page(
        ask,
        collection=f"certificates/{ask.call.name}/versions",
        load=lambda after, limit: queries.list_versions(
            vault_id=ask.vault.pk, name=ask.call.name, after=after, limit=limit
        ),
        cursor=lambda version: version.version,
        render=render,
    )


def _get_policy(ask: OperationContext) -> dict[str, Any]:
    certificate = queries.get_certificate(vault_id=ask.vault.pk, name=ask.call.name)
    return wire.policy(certificate, origin=ask.call.origin)


def _set_policy(ask: OperationContext) -> dict[str, Any]:
    given = loads_object(ask.call.body(largest=wire.LARGEST_BODY))
    certificate = queries.get_certificate(vault_id=ask.vault.pk, name=ask.call.name)
    policy = wire.read_policy(given, base=load_policy(certificate.policy))
    changed = properties.set_policy(grant=ask.grant, vault=ask.vault, name=ask.call.name, policy=policy, now=ask.now)
    return wire.policy(changed, origin=ask.call.origin)


def _get_operation(ask: OperationContext) -> dict[str, Any]:
    asked = ask.call.query.get("request_id", "")
    row = queries.get_operation(vault_id=ask.vault.pk, name=ask.call.name, request_id=asked)
    return wire.operation(row, origin=ask.call.origin)


def _cancel(ask: OperationContext) -> dict[str, Any]:
    if not wire.CancelBody.read(ask.call.body())["cancellation_requested"]:
        raise OperationEnded("The property 'cancellation_requested' can only be set to true.")
    return wire.operation(creation.cancel(grant=ask.grant, vault=ask.vault, name=ask.call.name), origin=ask.call.origin)


def _forget_operation(ask: OperationContext) -> dict[str, Any]:
    row = creation.delete_operation(grant=ask.grant, vault=ask.vault, name=ask.call.name)
    return wire.operation(row, origin=ask.call.origin)


def _merge(ask: OperationContext) -> ApiResponse:
    body = wire.MergeBody.read(ask.call.body(largest=wire.LARGEST_BODY))
    said = wire.described(body) if body.keys() & {"attributes", "tags"} else None
    version = creation.merge(
        grant=ask.grant, vault=ask.vault, name=ask.call.name, chain=body["x5c"], said=said, now=ask.now
    )
    return ApiResponse(201, _whole(ask, version.certificate))


def _delete(ask: OperationContext) -> dict[str, Any]:
    soft_delete.delete(grant=ask.grant, vault=ask.vault, name=ask.call.name, now=ask.now)
    return _get_deleted(ask)


def _get_deleted(ask: OperationContext) -> dict[str, Any]:
    certificate = queries.get_deleted(vault_id=ask.vault.pk, name=ask.call.name)
    shown = _shown(ask, certificate)
    return shown | common.deleted(certificate, collection="certificates", origin=ask.call.origin)


def _list_deleted(ask: OperationContext) -> dict[str, Any]:
    def render(certificate: Certificate) -> dict[str, Any]:
        shown = wire.item(certificate, ask.vault, origin=ask.call.origin)
        return shown | common.deleted(certificate, collection="certificates", origin=ask.call.origin)

    return page(
        ask,
        collection="deletedcertificates",
        load=lambda after, limit: queries.list_deleted(vault_id=ask.vault.pk, after=after, limit=limit),
        cursor=lambda certificate: certificate.folded_name,
        render=render,
    )


def _recover(ask: OperationContext) -> dict[str, Any]:
    certificate = soft_delete.recover(grant=ask.grant, vault=ask.vault, name=ask.call.name)
    return _whole(ask, certificate)


def _purge(ask: OperationContext) -> ApiResponse:
    soft_delete.purge(grant=ask.grant, vault=ask.vault, name=ask.call.name, now=ask.now)
    return ApiResponse(204)


def _back_up(ask: OperationContext) -> dict[str, Any]:
    return {"value": backup.back_up(grant=ask.grant, vault=ask.vault, name=ask.call.name, now=ask.now)}


def _restore(ask: OperationContext) -> dict[str, Any]:
    blob = common.read_blob(ask)
    newest = backup.restore(grant=ask.grant, vault=ask.vault, blob=blob, now=ask.now)
    return _whole(ask, newest.certificate)


def _whole(ask: OperationContext, certificate: Certificate) -> dict[str, Any]:
    """The newest version with policy and operation, read anew."""
    return _shown(ask, queries.get_certificate(vault_id=ask.vault.pk, name=certificate.name))


def _shown(ask: OperationContext, certificate: Certificate) -> dict[str, Any]:
    if certificate.current is None:
        return wire.unfinished(certificate, ask.vault, origin=ask.call.origin)
    certificate.current.certificate = certificate
    return wire.bundle(certificate.current, ask.vault, origin=ask.call.origin, whole=True)


P, CHANGE, PIPELINE, C = Permission, Recorder.CHANGE, Recorder.PIPELINE, "certificate"

CREATE = ApiOperation(Operation.CERTIFICATE_CREATE, P.CERTIFICATES_CREATE, C, CHANGE, _create, quota=None)
IMPORT = ApiOperation(Operation.CERTIFICATE_IMPORT, P.CERTIFICATES_IMPORT, C, CHANGE, _import, quota=None)
GET = ApiOperation(Operation.CERTIFICATE_GET, P.CERTIFICATES_GET, C, PIPELINE, _get)
UPDATE = ApiOperation(Operation.CERTIFICATE_UPDATE, P.CERTIFICATES_UPDATE, C, CHANGE, _update)
LIST = ApiOperation(Operation.CERTIFICATE_LIST, P.CERTIFICATES_LIST, C, PIPELINE, _list)
LIST_VERSIONS = ApiOperation(Operation.CERTIFICATE_LIST_VERSIONS, P.CERTIFICATES_LIST, C, PIPELINE, _list_versions)
GET_POLICY = ApiOperation(Operation.CERTIFICATE_POLICY_GET, P.CERTIFICATES_GET, C, PIPELINE, _get_policy)
SET_POLICY = ApiOperation(Operation.CERTIFICATE_POLICY_UPDATE, P.CERTIFICATES_UPDATE, C, CHANGE, _set_policy)
GET_OPERATION = ApiOperation(Operation.CERTIFICATE_PENDING_GET, P.CERTIFICATES_GET, C, PIPELINE, _get_operation)
CANCEL = ApiOperation(Operation.CERTIFICATE_PENDING_UPDATE, P.CERTIFICATES_UPDATE, C, CHANGE, _cancel)
FORGET_OPERATION = ApiOperation(
    Operation.CERTIFICATE_PENDING_DELETE, P.CERTIFICATES_UPDATE, C, CHANGE, _forget_operation
)
MERGE = ApiOperation(Operation.CERTIFICATE_PENDING_MERGE, P.CERTIFICATES_CREATE, C, CHANGE, _merge)
DELETE = ApiOperation(Operation.CERTIFICATE_DELETE, P.CERTIFICATES_DELETE, C, CHANGE, _delete)
GET_DELETED = ApiOperation(Operation.CERTIFICATE_GET_DELETED, P.CERTIFICATES_GET, C, PIPELINE, _get_deleted)
LIST_DELETED = ApiOperation(Operation.CERTIFICATE_LIST_DELETED, P.CERTIFICATES_LIST, C, PIPELINE, _list_deleted)
RECOVER = ApiOperation(Operation.CERTIFICATE_RECOVER, P.CERTIFICATES_RECOVER, C, CHANGE, _recover)
PURGE = ApiOperation(Operation.CERTIFICATE_PURGE, P.CERTIFICATES_PURGE, C, CHANGE, _purge)
BACK_UP = ApiOperation(Operation.CERTIFICATE_BACKUP, P.CERTIFICATES_BACKUP, C, PIPELINE, _back_up)
RESTORE = ApiOperation(Operation.CERTIFICATE_RESTORE, P.CERTIFICATES_RESTORE, C, CHANGE, _restore)
