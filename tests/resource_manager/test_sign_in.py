"""Who is let in, what is answered to others, and what everybody may read."""

import pytest

from apps.domain.identity import tokens
from apps.domain.identity.queries import addresses
from tests.resource_manager.conftest import code_of
from tests.support import actors
from tests.support.tokens import Authority

pytestmark = pytest.mark.django_db


def test_a_token_for_vaults_is_refused_here_and_one_for_this_api_by_vaults(as_principal, manager, place, authority):
    caller = as_principal(manager, aud=addresses().resource)
    answer = caller.ask("GET", place)
    assert (answer.status_code, code_of(answer)) == (401, "InvalidAuthenticationToken")
    assert f"Invalid audience. Expected {addresses().resource_manager}" in answer.json()["error"]["message"]
    assert f'authorization_uri="{addresses().authority}/' in answer["WWW-Authenticate"]
    token = authority.token(manager, aud=addresses().resource_manager)
    for _ in range(2):  # also one that is remembered
        with pytest.raises(tokens.TokenRejected, match="AKV10022"):
            tokens.authenticate(token)


def test_nobody_is_let_in_without_a_token(as_principal, place, subscription):
    for path in (place, "/subscriptions", "/tenants", f"{subscription}/resourceGroups", f"{subscription}/resources"):
        answer = as_principal(None).ask("GET", path)
        assert (answer.status_code, code_of(answer)) == (401, "AuthenticationFailed")


def test_a_suspended_application_is_let_in_no_more(arm, manager, place):
    from apps.domain.identity.models import User

    User.objects.filter(pk=manager.id).update(is_active=False)
    assert arm.ask("GET", place).status_code == 401


def test_anybody_reads_what_cloud_this_is(as_principal):
    nobody = as_principal(None)
    for path in ("/metadata/endpoints", "//metadata/endpoints"):
        cloud = nobody.ask("GET", path, version="2022-09-01").json()
        assert cloud["authentication"] == {
            "loginEndpoint": addresses().authority,
            "audiences": [addresses().resource_manager],
            "tenant": "common",
            "identityProvider": "AAD",
        }
        assert cloud["resourceManager"] == f"{addresses().resource_manager}/"
        assert cloud["suffixes"]["keyVaultDns"] == addresses().authority_part
        # azurerm of Terraform demands both, and reads the claims of a token for the first.
        assert cloud["microsoftGraphResourceId"] == addresses().resource_manager
        assert cloud["suffixes"]["storage"]
    assert nobody.ask("GET", "/metadata/endpoints", version="2019-05-01").json() == [cloud]


def test_there_is_one_subscription_and_a_group_for_each_world(arm, subscription, vault):
    actors.make_world("asia")
    assert [row["tenantId"] for row in arm.ask("GET", "/tenants").json()["value"]] == [str(actors.TENANT)]
    listed = arm.ask("GET", "/subscriptions").json()["value"]
    assert [row["id"] for row in listed] == [subscription]
    assert arm.ask("GET", subscription).json() == listed[0]
    groups = arm.ask("GET", f"{subscription}/resourcegroups").json()["value"]
    assert [(row["name"], row["location"]) for row in groups] == [("asia", "asia"), ("europe", "europe")]
    address = f"{subscription}/resourceGroups/europe"
    assert arm.ask("GET", address).json() == groups[1]
    assert arm.ask("HEAD", address).status_code == 204
    assert arm.ask("HEAD", f"{subscription}/resourceGroups/mars").status_code == 404
    assert arm.ask("PUT", address, {"location": "Europe"}).json() == groups[1]
    for method, path, body in (
        ("PUT", address, {"location": "asia"}),
        ("PUT", address, {"location": "europe", "tags": {"x": "y"}}),
        ("PUT", f"{subscription}/resourceGroups/mars", {"location": "europe"}),
        ("DELETE", address, None),
    ):
        answer = arm.ask(method, path, body)
        assert (answer.status_code, code_of(answer)) == (400, "NotSupported")
    other = arm.ask("GET", "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups")
    assert (other.status_code, code_of(other)) == (404, "SubscriptionNotFound")


def test_the_providers_that_there_are_are_registered(arm, subscription):
    for address in (f"{subscription}/providers/Microsoft.KeyVault", "/providers/microsoft.keyvault"):
        assert arm.ask("GET", address).json()["registrationState"] == "Registered"
    assert arm.ask("POST", f"{subscription}/providers/Microsoft.KeyVault/register").status_code == 200
    assert code_of(arm.ask("POST", f"{subscription}/providers/Microsoft.Compute/register")) == "NotSupported"
    for kind in ("managedHSMs", "deletedManagedHSMs"):
        assert arm.ask("GET", f"{subscription}/providers/Microsoft.KeyVault/{kind}").json() == {"value": []}


def test_each_request_names_its_version_and_a_known_address(arm, place, subscription):
    for version in ("", "latest", "2023-07-01x"):
        assert code_of(arm.ask("GET", place, version=version)) == "MissingApiVersionParameter"
    for path in ("/", "/api/v1/vaults", f"{subscription}/providers/Microsoft.Compute/disks", f"{place}/keys"):
        answer = arm.ask("GET", path)
        assert (answer.status_code, code_of(answer)) == (404, "InvalidResourceType")
    answer = arm.ask("POST", place)
    assert (answer.status_code, code_of(answer)) == (405, "MethodNotAllowed")


def test_a_person_manages_vaults_with_the_token_of_the_command_line(place, people, authority, settings):
    from django.test import Client

    from apps.core.clock import now
    from apps.domain.identity import device_sign_in

    token = device_sign_in.issue_for_password(person_id=people.secops.id, request=actors.request(), now=now())
    headers = {"HTTP_HOST": "arm.vault.localhost:8443", "HTTP_AUTHORIZATION": f"Bearer {token}"}
    answer = Client().get(f"{place}?api-version=2023-07-01", **headers)
    assert answer.status_code == 200, answer.content


def test_a_refusal_does_not_tell_whether_there_is_such_a_vault(as_principal, place, people, vault, authority):
    from django.test import Client

    from apps.core.clock import now
    from apps.domain.identity import device_sign_in

    token = device_sign_in.issue_for_password(person_id=people.dev.id, request=actors.request(), now=now())
    headers = {"HTTP_HOST": "arm.vault.localhost:8443", "HTTP_AUTHORIZATION": f"Bearer {token}"}
    for ask in (
        lambda path: Client().get(f"{path}?api-version=2023-07-01", **headers),
        lambda path: as_principal(people.stranger).ask("GET", path),
    ):
        for tail in ("", "/providers/Microsoft.Authorization/roleAssignments/00000000-0000-0000-0000-000000000000"):
            hidden, absent = ask(f"{place}{tail}"), ask(f"{place}x{tail}")
            assert (hidden.status_code, code_of(hidden)) == (absent.status_code, code_of(absent))
            assert hidden.status_code == 403
            assert hidden.json()["error"]["message"].replace(place, f"{place}x") == absent.json()["error"]["message"]


def test_another_authority_is_not_believed(as_principal, manager, place, vault):
    from apps.domain.identity.models import SigningKey

    stranger = Authority(vault)
    SigningKey.objects.filter(pk=stranger.row.pk).delete()
    from tests.resource_manager.conftest import Caller

    assert Caller(stranger, manager).ask("GET", place).status_code == 401
