"""Re-authentication: how long ago a person last confirmed their identity, at sign-in or since."""

import time

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.http import HttpRequest


def recently_reauthenticated(request: HttpRequest) -> bool:
    """Tell whether the last proof in this session is newer than ACCOUNT_REAUTHENTICATION_TIMEOUT.

    django-allauth asks again even one second after sign-in; that teaches people to type codes without reading.
    """
    proofs = [record["at"] for record in get_authentication_records(request, request.user)]
    return bool(proofs) and time.time() - max(proofs) < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
