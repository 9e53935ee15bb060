"""Pages of developers: of vaults and applications that are not theirs they show nothing."""

import os
import re
import uuid
from urllib.parse import urlsplit

import pytest
from django.urls import get_resolver

from tests.console.test_isolation import csrf
from tests.support import people
from tests.support.people import PORTAL

UUID = str(uuid.UUID(int=0))


def pages():
    """(pattern, methods) of every page."""
    for pattern in get_resolver("apps.interfaces.console.developers.urls").url_patterns:
        yield str(pattern.pattern), sorted(pattern.callback.view_class.permissions)


def filled(pattern, *, vault, item="signing", client=UUID):
    path = pattern.replace("<uuid:client_id>", client).replace("<uuid:credential_id>", UUID)
    samples = {"name": vault, "kind": "keys", "item": item, "version": "0" * 32}
    return f"{PORTAL}/dev/" + re.sub(r"<str:(\w+)>", lambda found: samples[found.group(1)], path)


ALL = list(pages())
IN_A_VAULT = [(pattern, methods) for pattern, methods in ALL if "<str:name>" in pattern]
OF_AN_APPLICATION = [(pattern, methods) for pattern, methods in ALL if "<uuid:client_id>" in pattern]


@pytest.fixture(scope="session")
def second_developer(new_context, secops_state):
    """The browser of a developer to whom nothing belongs, and the token for their forms."""
    name = f"dev-{uuid.uuid4().hex[:8]}"
    with new_context(storage_state=secops_state) as inviting, new_context() as context:
        people.invite(inviting.new_page(), context, name)
        yield context, csrf(context)


@pytest.fixture(scope="session")
def developer(new_context, developer_state):
    """The browser of the developer whose bench it is, and the token for their forms."""
    with new_context(storage_state=developer_state) as context:
        yield context, csrf(context)


def test_the_list_of_pages_is_not_empty():
    assert len(IN_A_VAULT) >= 14


@pytest.mark.parametrize(("pattern", "methods"), IN_A_VAULT)
def test_somebody_elses_vault_is_none(second_developer, developer, bench, pattern, methods):
    """The very same answer as for a vault that does not exist, for the vaults of everybody, with every method."""
    absent = filled(pattern, vault="never-made")
    for (context, token), vault in (
        (second_developer, bench.vault),
        (second_developer, "demo-europe"),
        (developer, "demo-europe"),
    ):
        url = filled(pattern, vault=vault)
        hidden, nothing = context.request.get(url), context.request.get(absent)
        assert hidden.status == 404
        assert hidden.text().replace(vault, "never-made") == nothing.text()
        if "post" in methods:
            form = {"csrfmiddlewaretoken": token, "enabled": "no", "reason": "curious", "value": "x", "base": ""}
            hidden, nothing = (
                context.request.post(where, form=form, headers={"Referer": url}, max_redirects=0)
                for where in (url, absent)
            )
            proof = hidden.status == 302 and "/reauthenticate/" in hidden.headers["location"]
            assert hidden.status == nothing.status and (hidden.status == 404 or proof)


@pytest.fixture(scope="module")
def shared(management):
    """A vault of security operations with the key `Payments`; the developer may read its secrets and no more."""
    vault = urlsplit(management.vault()).hostname.partition(".")[0]
    key = {"name": "Payments", "type": "EC", "parameter": "P-256", "hardware": False}
    assert management.ask("POST", f"vaults/{vault}/new-key", key).status == 201
    role = {"application": f"person:{os.environ['PORTAL_USER_DEVELOPER']}", "role": "key-vault-secrets-user"}
    assert management.ask("POST", f"vaults/{vault}/role-assignments", role).status == 201
    yield vault
    management.ask("DELETE", f"vaults/{vault}/role-assignments", role)


OF_AN_OBJECT = [(pattern, methods) for pattern, methods in IN_A_VAULT if "<str:item>" in pattern]


@pytest.mark.parametrize(("pattern", "methods"), OF_AN_OBJECT)
def test_an_object_of_a_kind_without_a_role_is_none(developer, shared, pattern, methods):
    """In its own spelling and in another. The answer equals the answer for an absent object."""
    context, token = developer
    absent = filled(pattern, vault=shared, item="nobodys")
    form = {"csrfmiddlewaretoken": token, "enabled": "no", "reason": "curious", "value": "x", "base": ""}
    for spelling in ("Payments", "PAYMENTS"):
        url = filled(pattern, vault=shared, item=spelling)
        hidden, nothing = context.request.get(url), context.request.get(absent)
        assert hidden.status == nothing.status == 404 or "get" not in methods
        assert same(hidden, spelling) == same(nothing, "nobodys")
        if "post" in methods:
            hidden, nothing = (
                context.request.post(where, form=form, headers={"Referer": where}) for where in (url, absent)
            )
            assert same(hidden, spelling) == same(nothing, "nobodys")


def same(answer, name):
    """The whole answer to a browser, without the requested name and the token of forms."""
    text = re.sub(r'(csrfmiddlewaretoken" value="|"x-csrftoken": ?")[^"]*', "", answer.text(), flags=re.IGNORECASE)
    text = re.sub(r"\b[A-Za-z0-9]{64}\b", "", text)
    return answer.status, *(part.replace(name, "?").replace(name.lower(), "?") for part in (answer.url, text))


def test_a_search_and_the_callers_tell_nothing_of_a_kind_without_a_role(developer, shared):
    context, _ = developer
    found = context.request.get(f"{PORTAL}/dev/search?q=payments").text()
    assert f"{shared}/" not in found
    assert context.request.get(f"{PORTAL}/api/v1/vaults/{shared}/callers?object=keys/payments").json() == []


@pytest.mark.parametrize(("pattern", "methods"), OF_AN_APPLICATION)
def test_somebody_elses_application_is_none(second_developer, bench, pattern, methods):
    url = filled(pattern, vault="", client=bench.environment["AZURE_CLIENT_ID"])
    context, token = second_developer
    assert context.request.get(url).status in {404, 405}
    if "post" in methods:
        form = {"csrfmiddlewaretoken": token}
        answer = context.request.post(url, form=form, headers={"Referer": url}, max_redirects=0)
        assert answer.status in {302, 404}
    assert bench.application not in context.request.get(f"{PORTAL}/dev/applications").text()


def test_no_page_of_a_developer_names_what_is_somebody_elses(second_developer, bench):
    for path in (
        "",
        "vaults",
        "applications",
        "calendar",
        "usage",
        "explain",
        f"search?q={bench.vault}",
        "search?q=demo",
        "applications/new",
    ):
        text = second_developer[0].request.get(f"{PORTAL}/dev/{path}").text().replace(f"q={bench.vault}", "")
        text = re.sub(r"“[^”]*”|value=\"[^\"]*\"", "", text)
        for secret in (bench.vault, bench.application, "demo-europe", "demo-application"):
            assert secret not in text, path


def test_the_own_application_still_works_after_all_this(developer, bench):
    shown = developer[0].request.get(f"{PORTAL}/dev/applications/{bench.environment['AZURE_CLIENT_ID']}").text()
    assert "active" in shown
    assert "suspended" not in shown
