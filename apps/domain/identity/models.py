from typing import ClassVar

from django.contrib.auth.models import AbstractBaseUser, PermissionsMixin, UserManager
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils.crypto import salted_hmac

from apps.core.ids import uuid7
from apps.core.models import PlainModel, UuidModel
from apps.core.principals import PersonRole, PrincipalKind
from apps.domain.access.roles import ROLES
from apps.domain.security_worlds.models import ProtectedKey


class Organisation(models.Model):
    """The one organisation of an installation; its id is the tenant of every token and challenge."""

    tenant_id = models.UUIDField(primary_key=True)
    name = models.CharField(max_length=128)
    only = models.BooleanField(default=True, unique=True)  # a second row cannot be

    class Meta:
        # A role in the organisation is a django-guardian row with one of these.
        permissions: ClassVar = [(role.codename, role.name) for role in ROLES.values() if role.everywhere]
        constraints: ClassVar = [models.CheckConstraint(condition=models.Q(only=True), name="one_organisation")]


class User(AbstractBaseUser, PermissionsMixin):
    """A principal that role assignments name: a person with one role, or the account of an application identity."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    username = models.CharField(max_length=150, unique=True)
    email = models.EmailField(blank=True)
    kind = models.CharField(
        max_length=11, choices=[(kind.value, kind.value) for kind in (PrincipalKind.PERSON, PrincipalKind.APPLICATION)]
    )
    duty = models.CharField(max_length=20, null=True, choices=[(role.value, role.value) for role in PersonRole])
    is_active = models.BooleanField(default=True)
    is_staff = models.BooleanField(default=False)
    created = models.DateTimeField(auto_now_add=True)
    # Counts on whenever they are stopped or let back: the sessions and tokens of an earlier era are over for good.
    era = models.PositiveIntegerField(default=0, db_default=0)

    objects = UserManager()

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar = []

    class Meta:
        constraints: ClassVar = [
            # A person has exactly one role, an application none.
            models.CheckConstraint(
                name="one_duty_per_person",
                condition=models.Q(kind="person", duty__isnull=False, duty__in=[role.value for role in PersonRole])
                | models.Q(kind="application", duty__isnull=True),
            ),
        ]

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        """Value that sessions and tokens store when they are made: once it differs, they are over."""
        found = str(super()._get_session_auth_hash(secret))  # type: ignore[misc]  # the stubs know the public one alone
        if not self.era:
            return found
        return salted_hmac("apps.identity.User.era", f"{self.era}:{found}", secret, algorithm="sha256").hexdigest()


class Invitation(UuidModel):
    """An invitation to become a person with this role. We keep the token's SHA-256 only."""

    digest = models.BinaryField(unique=True)
    duty = models.CharField(max_length=20, choices=[(role.value, role.value) for role in PersonRole])
    username = models.CharField(max_length=128, blank=True)  # proposed
    invited_by = models.CharField(max_length=150)
    created = models.DateTimeField()
    expires = models.DateTimeField()
    accepted = models.DateTimeField(null=True)


class ApplicationIdentity(models.Model):
    """A program that uses vaults (Azure: service principal). Its user row carries its role assignments."""

    user = models.OneToOneField(User, on_delete=models.PROTECT, primary_key=True, related_name="application")
    client_id = models.UUIDField(unique=True)
    name = models.CharField(max_length=128, unique=True)
    owner_id = models.UUIDField(null=True)  # the developer who made it; null: security operations did
    created = models.DateTimeField()


class ClientSecret(models.Model):
    """A credential of an application: 256 random bits, of which we keep a salted SHA-256 only.

    A slow password hash would add nothing: nobody can search 2^256, and a token request must not cost 300 ms.
    """

    id = models.UUIDField(primary_key=True, default=uuid7)
    application = models.ForeignKey(ApplicationIdentity, on_delete=models.CASCADE, related_name="client_secrets")
    salt = models.BinaryField()
    digest = models.BinaryField()
    created = models.DateTimeField()
    expires = models.DateTimeField()


class ClientCertificate(UuidModel):
    """A credential of an application: a certificate, whose key signs the assertions that ask for tokens (RFC 7523)."""

    application = models.ForeignKey(ApplicationIdentity, on_delete=models.CASCADE, related_name="client_certificates")
    der = models.BinaryField()
    sha1 = models.BinaryField()  # `x5t` of assertions, as azure-identity sends it: which certificate, not whether
    sha256 = models.BinaryField()  # `x5t#S256`
    subject = models.CharField(max_length=300)
    created = models.DateTimeField()
    expires = models.DateTimeField()

    class Meta(UuidModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["application", "sha256"], name="client_certificate_once")
        ]


class FederatedTrust(UuidModel):
    """An application signs in with the tokens of another issuer: exactly this subject, meant for this audience."""

    application = models.ForeignKey(ApplicationIdentity, on_delete=models.CASCADE, related_name="federated_trusts")
    issuer = models.CharField(max_length=512)
    subject = models.CharField(max_length=512)
    audience = models.CharField(max_length=512)
    created = models.DateTimeField()

    class Meta(UuidModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["application", "issuer", "subject"], name="federated_trust_once")
        ]


class UsedAssertion(PlainModel):
    """An assertion of a client certificate that gave a token: until it ends, no other address may use it."""

    digest = models.BinaryField(primary_key=True)  # SHA-256
    address = models.TextField()
    expires = models.DateTimeField()


class SigningKey(models.Model):
    """The HSM key (P-256) under which the authority signs access tokens. The newest signs, all unretired verify."""

    id = models.UUIDField(primary_key=True, default=uuid7)
    protected = models.OneToOneField(ProtectedKey, on_delete=models.PROTECT, null=True)  # null until made
    world_name = models.CharField(max_length=24)
    created = models.DateTimeField()
    ready = models.DateTimeField(null=True)  # when the HSM had made it; null for keys of version 0.4: `created`
    retired = models.DateTimeField(null=True)


class SigningKeyBinding(PlainModel):
    """The HMAC of another security world over a signing key that the authority's world vouched for once.

    So each world verifies tokens while the authority's HSM is away, also after a restart.
    """

    signing_key = models.ForeignKey(SigningKey, on_delete=models.CASCADE, related_name="bindings")
    world_name = models.CharField(max_length=24)
    mac = models.BinaryField()

    class Meta(PlainModel.Meta):
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["signing_key", "world_name"], name="signing_key_bound_once")
        ]


class AttestationAuthority(UuidModel):
    """An issuer of attestation tokens that security operations trust for releasing keys."""

    url = models.CharField(max_length=512, unique=True)  # without a slash at the end
    ca_pem = models.TextField(default="")  # "": the system's certificate authorities
    created = models.DateTimeField()


class DeviceRequest(UuidModel):
    """A command line that waits for a person to confirm its sign-in in the browser (RFC 8628).

    Of the device code we keep the SHA-256; of the short code for people an HMAC, since it could be searched.
    """

    class State(models.TextChoices):
        WAITING = "waiting"
        CONFIRMED = "confirmed"
        DENIED = "denied"

    device_digest = models.BinaryField(unique=True)
    user_code_mac = models.BinaryField(unique=True)
    label = models.CharField(max_length=64, blank=True)  # what the program says of itself: not to be believed
    address = models.CharField(max_length=64)
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    person = models.ForeignKey(User, on_delete=models.CASCADE, null=True)
    password_mark = models.BinaryField(default=bytes)
    confirmed = models.DateTimeField(null=True)
    polled = models.DateTimeField(null=True)
    created = models.DateTimeField()
    expires = models.DateTimeField()


class ManagementToken(UuidModel):
    """What a person's command line shows the management API: 256 random bits, of which we keep the SHA-256.

    `password_mark` is of the password at the time: changing it ends every token, as it ends the sessions.
    """

    digest = models.BinaryField(unique=True)
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="management_tokens")
    password_mark = models.BinaryField()
    label = models.CharField(max_length=64, blank=True)
    address = models.CharField(max_length=64)
    created = models.DateTimeField()
    proven = models.DateTimeField()  # when the person confirmed: dangerous acts want that to be recent
    expires = models.DateTimeField()
    used = models.DateTimeField(null=True)
    ended = models.DateTimeField(null=True)


class AuditorSession(AbstractBaseSession):
    """A session on the auditors' host."""

    class Meta(AbstractBaseSession.Meta):
        default_permissions = ()
