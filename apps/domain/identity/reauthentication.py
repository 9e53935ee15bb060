"""Step-up: how long ago somebody last proved who they are, at sign-in or since."""

import time

from allauth.account.authentication import get_authentication_records
from django.conf import settings
from django.http import HttpRequest


def recently_reauthenticated(request: HttpRequest) -> bool:
    """Whether the last proof in this session is fresh enough for a dangerous act (ACCOUNT_REAUTHENTICATION_TIMEOUT).

    django-allauth asks again even one second after sign-in; that teaches people to type codes without reading.
    """
    proofs = [record["at"] for record in get_authentication_records(request, request.user)]
    return bool(proofs) and time.time() - max(proofs) < settings.ACCOUNT_REAUTHENTICATION_TIMEOUT
