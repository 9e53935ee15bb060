from django.db import migrations

_ROLES = [
    ("key-vault-administrator", "Key Vault Administrator"),
    ("key-vault-crypto-officer", "Key Vault Crypto Officer"),
    ("key-vault-crypto-user", "Key Vault Crypto User"),
    ("key-vault-crypto-service-release-user", "Key Vault Crypto Service Release User"),
    ("key-vault-crypto-service-encryption-user", "Key Vault Crypto Service Encryption User"),
    ("key-vault-secrets-officer", "Key Vault Secrets Officer"),
    ("key-vault-secrets-user", "Key Vault Secrets User"),
    ("key-vault-certificates-officer", "Key Vault Certificates Officer"),
    ("key-vault-certificate-user", "Key Vault Certificate User"),
    ("key-vault-reader", "Key Vault Reader"),
    ("key-vault-contributor", "Key Vault Contributor"),
    ("test-vault-owner", "Test vault owner"),
]
_POLICIES = {
    "certificates": (
        "backup create delete deleteissuers get getissuers import list listissuers managecontacts purge "
        "recover restore setissuers update"
    ),
    "keys": (
        "backup create decrypt delete encrypt get getrotationpolicy import list purge recover release restore "
        "rotate setrotationpolicy sign unwrapkey update verify wrapkey"
    ),
    "secrets": (
        "backup delete get list purge recover restore set"
    ),
}
_POLICY_ROLES = [
    (f"access-policy-{area}-{act}", f"Access policy: {area} {act}")
    for area, acts in _POLICIES.items()
    for act in acts.split()
]


class Migration(migrations.Migration):
    """A role for each permission of an access policy."""

    dependencies = [("vaults", "0009_arm_is_reserved")]

    operations = [
        migrations.AlterModelOptions(
            name="vault", options={"default_permissions": (), "permissions": [*_ROLES, *_POLICY_ROLES]}
        ),
    ]
