"""Authentication of callers by what the worker verifies itself, whatever a web process reports."""

import hmac
import logging
from typing import Any

from django.conf import settings

from apps.core import clock
from apps.core.errors import Unavailable, VaultError
from apps.core.principals import Principal, RequestContext, Scheme
from apps.domain.hsm_client import client
from apps.domain.hsm_client.lane_client import ProtectedKeyAltered
from apps.domain.hsm_client.protocol import CheckSigningKey
from apps.domain.identity import live_sign_ins, queries, tokens
from apps.domain.identity.models import SigningKey, SigningKeyBinding
from apps.hsm.api import Hsm
from apps.workers.hsm_runtime.translation import boundary_errors
from apps.workers.hsm_worker import stored_keys

logger = logging.getLogger(__name__)

_SIGNING_KEY = b"vault-portal/signing-key/1"  # separates signing keys from other uses of the world's HMAC
_verified_keys: set[tuple[Any, bytes]] = set()  # (id, public key); there are a few in the life of an installation


def authenticate(hsm: Hsm, caller: RequestContext) -> Principal:
    """The principal of a credential. Raises `TokenRejected`, `ProtectedKeyAltered`."""
    if caller.scheme == Scheme.BEARER:
        return tokens.authenticate(caller.credential, check_key=lambda key: check_signing_key(hsm, key))
    now = clock.now()
    person = None
    if caller.scheme == Scheme.SESSION:
        person = live_sign_ins.find_by_session(cookie=caller.credential, now=now)
    elif caller.scheme == Scheme.MANAGEMENT:
        person = live_sign_ins.find_by_token(token=caller.credential, now=now)
    if person is None:
        raise tokens.TokenRejected("The sign-in has ended. Sign in again.")
    return person


def check_signing_key(hsm: Hsm, key: SigningKey) -> None:
    """Raise `ProtectedKeyAltered` unless the token authority's world has bound this public key.

    A worker of another world asks one of that world, once for each key and world, and binds the answer itself.
    Raises `HsmUnavailable` when there is no binding yet and the authority's world does not answer.
    """
    if key.protected is None:
        raise Unavailable("The token authority's key is being made. Try again shortly.")
    public_key = bytes(key.protected.public_key)
    if (key.pk, public_key) in _verified_keys:
        return
    if key.world_name == settings.HSM_WORLD:
        with boundary_errors():
            hsm.verify_binding(stored_keys.key_of_signing_key(key))
    else:
        _check_of_other_world(hsm, key, public_key)
    _verified_keys.add((key.pk, public_key))


def check_all_signing_keys(hsm: Hsm) -> None:
    """Bind the signing keys of another world while that world answers, so that its absence is not noticed later."""
    try:
        for key in queries.list_signing_keys():
            check_signing_key(hsm, key)
    except queries.NotInitialised:
        return
    except VaultError as error:
        logger.warning("The token authority's keys could not be verified: %s", error.code)


def _check_of_other_world(hsm: Hsm, key: SigningKey, public_key: bytes) -> None:
    world = settings.HSM_WORLD
    with boundary_errors():
        mac = hsm.mac(
            world=world, generation=hsm.first_generation(world), data=_SIGNING_KEY + key.pk.bytes + public_key
        )
    known = SigningKeyBinding.objects.filter(signing_key=key, world_name=world).values_list("mac", flat=True).first()
    if known is not None and hmac.compare_digest(bytes(known), mac):
        return
    if client.call(world=key.world_name, request=CheckSigningKey(0.0, key.pk.hex)) != public_key:
        raise ProtectedKeyAltered("The key of the token authority is not the one that its security world made.")
    SigningKeyBinding.objects.bulk_create(
        [SigningKeyBinding(signing_key=key, world_name=world, mac=mac)], ignore_conflicts=True
    )
