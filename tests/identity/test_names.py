"""A name says who it is: none reads as another's id, and no two read as one."""

import uuid

import pytest

from apps.core.clock import now
from apps.core.principals import PersonRole
from apps.domain.access.permissions import Permission
from apps.domain.access.system_grants import system_grant
from apps.domain.identity import operations, queries
from apps.domain.identity.models import ApplicationIdentity
from apps.domain.identity.rules import BadName, check_name

pytestmark = pytest.mark.django_db


@pytest.fixture
def make(people):
    grant = system_grant(Permission.APPLICATIONS_CREATE, origin="tests")
    return lambda name: operations.create_application(grant=grant, name=name, now=now())[0]


@pytest.mark.parametrize("spelled", [str, lambda i: i.hex, lambda i: str(i).upper(), lambda i: f"{{{i}}}"])
def test_no_name_reads_as_a_client_id(spelled):
    with pytest.raises(BadName, match="must not look like a client id"):
        check_name(spelled(uuid.uuid4()))


@pytest.mark.parametrize("name", ["a/b", "/", ".", ".."])
def test_no_name_is_more_than_one_part_of_an_address(name):
    with pytest.raises(BadName):
        check_name(name)


@pytest.mark.parametrize("name", ["-", "--json", "-batch", "=SUM(A1)", "+1", "@home"])
def test_no_name_begins_like_an_option_or_a_formula(name):
    with pytest.raises(BadName, match="begin with -"):
        check_name(name)


@pytest.mark.parametrize("name", ["\uff44\uff45\uff4d\uff4f", "\ufb01nance", "batch\u2460"])
def test_no_name_is_written_in_letters_that_look_like_others(name):
    with pytest.raises(BadName, match="another width"):
        check_name(name)
    check_name("j\u00fcrgen")


def test_an_id_means_its_application_whatever_another_is_called(make):
    real, decoy = make("real"), make("decoy")
    ApplicationIdentity.objects.filter(pk=decoy.pk).update(name=str(real.client_id))  # as an older version let it be
    assert queries.get_application(name=str(real.client_id)).pk == real.pk
    assert queries.get_application(name="real").pk == real.pk


@pytest.mark.parametrize("name", ["Payroll", "PAYROLL", "dev", "Dev"])
def test_nobody_is_called_like_an_application_or_a_person_in_another_case(make, name):
    make("payroll")
    with pytest.raises(operations.NameTaken):
        make(name)


def test_a_person_is_not_called_like_an_application(make):
    make("batch")
    grant = system_grant(Permission.PEOPLE_CREATE, origin="tests")
    with pytest.raises(operations.NameTaken):
        operations.add_person(grant=grant, username="Batch", role=PersonRole.DEVELOPER, password="x" * 20)
