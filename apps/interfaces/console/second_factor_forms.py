"""A code of an authenticator app works once, in whatever process it is used (RFC 6238 section 5.2).

django-allauth remembers a used code for 30 seconds, but takes it for 90 (one step of tolerance to each side). Here the
steps that were used are in the authenticator's row, which is locked meanwhile: of two requests with the same code at
the same time, in two processes, one goes on.
"""

import base64
import string
import time
from typing import Any

from allauth.mfa.adapter import get_adapter
from allauth.mfa.base.forms import AuthenticateForm, ReauthenticateForm
from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.hotp import HOTP
from django.conf import settings
from django.db import transaction
from django.http import HttpRequest

_STEP_SECONDS, _DIGITS = 30, 6
_KEPT = 10  # used steps in a row; more than can be valid at a time, so that a clock that is set back opens none
_IGNORED = str.maketrans("", "", string.punctuation + string.whitespace)


class _Once:
    """A form whose code of an authenticator app must not have been used."""

    authenticator: Authenticator

    def clean_code(self) -> str:
        """The code. Raises `ValidationError`."""
        code: str = super().clean_code()  # type: ignore[misc]  # of the form beside this class
        if self.authenticator.type == Authenticator.Type.TOTP and not use_code(self.authenticator.pk, code):
            raise get_adapter().validation_error("incorrect_code")
        return code


class AuthenticateOnceForm(_Once, AuthenticateForm):  # type: ignore[misc]  # untyped base
    """The second factor of a sign-in."""


class ReauthenticateOnceForm(_Once, ReauthenticateForm):  # type: ignore[misc]  # untyped base
    """The confirmation of an identity."""


def mark_first_code(*, request: HttpRequest, authenticator: Authenticator, **_: Any) -> None:
    """Receive `authenticator_added`: the code that set an app up is used, too."""
    if authenticator.type == Authenticator.Type.TOTP:
        use_code(authenticator.pk, request.POST.get("code", ""))


@transaction.atomic
def use_code(authenticator_id: int, code: str) -> bool:
    """Note the step of a code as used. Returns False when it was used before, or is the code of no step of now."""
    row = Authenticator.objects.select_for_update().filter(pk=authenticator_id, type=Authenticator.Type.TOTP).first()
    if row is None:
        return False
    used: list[int] = sorted(row.data.get("used_steps", []))
    oldest = used[0] if len(used) >= _KEPT else -1
    step = _step_of(get_adapter().decrypt(row.data["secret"]), code.translate(_IGNORED))
    if step is None or step in used or step < oldest:
        return False
    row.data["used_steps"] = sorted([*used, step])[-_KEPT:]
    row.save(update_fields=["data"])
    return True


def _step_of(secret: str, code: str) -> int | None:
    """The step whose code this is, among those that are accepted now."""
    now, tolerance = int(time.time()) // _STEP_SECONDS, settings.MFA_TOTP_TOLERANCE
    # The key is as long as the app's, 160 bits (RFC 4226 section 4); SHA-1 is what apps can do.
    hotp = HOTP(base64.b32decode(secret, casefold=True), _DIGITS, SHA1())  # noqa: S303
    steps = range(now - tolerance, now + tolerance + 1)
    return next((step for step in steps if hotp.generate(step).decode() == code), None)
