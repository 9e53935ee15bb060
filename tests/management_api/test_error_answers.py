"""What the management API says of our failures: a status, a code, and when to come back."""

import pytest

from apps.core import errors
from apps.interfaces.management_api.errors import handle


@pytest.mark.parametrize(("kind", "status"), [(errors.Throttled, 429), (errors.Unavailable, 503)])
def test_who_may_come_back_is_told_when(kind, status):
    answer = handle(kind("Service unavailable."), {})
    assert (answer.status_code, answer.headers["Retry-After"]) == (status, "1")


def test_what_will_not_change_has_no_time():
    answer = handle(errors.Conflict("It is there already."), {})
    assert answer.status_code == 409
    assert "Retry-After" not in answer.headers
