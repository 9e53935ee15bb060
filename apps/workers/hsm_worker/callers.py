"""Authentication of callers by what the worker verifies itself, whatever a web process reports."""

from typing import Any

from django.conf import settings

from apps.core import clock
from apps.core.errors import Unavailable
from apps.core.principals import Principal, RequestContext, Scheme
from apps.domain.hsm_client import client
from apps.domain.hsm_client.lane_client import ProtectedKeyAltered
from apps.domain.hsm_client.protocol import CheckSigningKey
from apps.domain.identity import live_sign_ins, tokens
from apps.domain.identity.models import SigningKey
from apps.hsm.api import Hsm
from apps.workers.hsm_runtime.translation import boundary_errors
from apps.workers.hsm_worker import stored_keys

_verified_keys: set[tuple[Any, bytes]] = set()  # (id, public key); there are a few in the life of an installation


def authenticate(hsm: Hsm, caller: RequestContext) -> Principal:
    """The principal of a credential. Raises `TokenRejected`, `ProtectedKeyAltered`."""
    if caller.scheme == Scheme.BEARER:
        return tokens.authenticate(caller.credential, check_key=lambda key: check_signing_key(hsm, key))
    now = clock.now()
    person = None
    if caller.scheme == Scheme.SESSION:
        person = live_sign_ins.find_by_session(session_key=caller.credential, now=now)
    elif caller.scheme == Scheme.MANAGEMENT:
        person = live_sign_ins.find_by_token(token=caller.credential, now=now)
    if person is None:
        raise tokens.TokenRejected("The sign-in has ended. Sign in again.")
    return person


def check_signing_key(hsm: Hsm, key: SigningKey) -> None:
    """Raise `ProtectedKeyAltered` unless the token authority's world has bound this public key.

    A worker of another world asks one of that world, once for each key in the life of the process.
    """
    if key.protected is None:
        raise Unavailable("The token authority's key is being made. Try again shortly.")
    identity = (key.pk, bytes(key.protected.public_key))
    if identity in _verified_keys:
        return
    if key.world_name == settings.HSM_WORLD:
        with boundary_errors():
            hsm.verify_binding(stored_keys.key_of_signing_key(key))
    elif client.call(world=key.world_name, request=CheckSigningKey(0.0, key.pk.hex)) != identity[1]:
        raise ProtectedKeyAltered("The key of the token authority is not the one that its security world made.")
    _verified_keys.add(identity)
