"""Addresses and lifetimes of the token authority, digests of tokens, and rules for names. Pure."""

import base64
import hashlib
import unicodedata
from dataclasses import dataclass
from uuid import UUID

from apps.core.errors import BadRequest
from apps.core.principals import Audience

TOKEN_SECONDS = 3599  # as Entra ID's tokens (docs/reference/wire-contract.md section 2.3)
ANNOUNCE_SECONDS = 3  # before a new key signs tokens: lists of keys in other processes are a second old at most
CLIENT_SECRET_DAYS = 365
MAX_APPLICATIONS_PER_DEVELOPER = 50  # of one developer
MAX_CREDENTIALS = 20  # of each kind, for one application, as Azure's


@dataclass(frozen=True, slots=True)
class ServiceAddresses:
    """Addresses of one installation, from its suffix and public port."""

    suffix: str
    port: int
    auditors_port: int = 443

    @property
    def authority_part(self) -> str:
        """Suffix with port; 443 is left out."""
        return self.suffix if self.port == 443 else f"{self.suffix}:{self.port}"

    @property
    def resource(self) -> str:
        """The audience of access tokens and the `resource` of the challenge (wire-contract.md section 2.2)."""
        return f"https://{self.authority_part}"

    @property
    def authority(self) -> str:
        """The authority host that credentials are given."""
        return f"https://login.{self.authority_part}"

    @property
    def regional_authority(self) -> str:
        """The authority's host for clients that put a region in front of the suffix (wire-contract.md section 2.4)."""
        return f"https://auth.{self.authority_part}"

    @property
    def portal(self) -> str:
        """The portal of everyone but auditors."""
        return f"https://portal.{self.authority_part}"

    @property
    def auditors(self) -> str:
        """The portal of auditors."""
        return f"https://audit.{self.suffix}" + ("" if self.auditors_port == 443 else f":{self.auditors_port}")

    @property
    def resource_manager(self) -> str:
        """The resource management API, and the audience of its tokens."""
        return f"https://arm.{self.authority_part}"

    def audience(self, audience: Audience) -> str:
        """`aud` of tokens for an API."""
        return self.resource if audience is Audience.VAULTS else self.resource_manager

    def issuer(self, tenant_id: object) -> str:
        """`iss` of our tokens."""
        return f"{self.authority}/{tenant_id}/v2.0"

    def token_endpoints(self, tenant_id: object) -> frozenset[str]:
        """The addresses of the token endpoint, each of which is the audience of an assertion that is sent there.

        MSAL4J leaves the region out of the audience, so the host without a label is one too.
        """
        hosts = (self.authority, self.regional_authority, self.resource)
        paths = ("oauth2/v2.0/token", "oauth2/token")
        return frozenset(
            f"{host}/{tenant}/{path}" for host in hosts for tenant in (tenant_id, "adfs") for path in paths
        )

    def find_audience(self, text: str) -> Audience | None:
        """The API that a client names as its resource, with or without the port (wire-contract.md section 2.2)."""
        named = text.lower().removesuffix("/")
        for audience, host in ((Audience.VAULTS, self.suffix), (Audience.MANAGEMENT, f"arm.{self.suffix}")):
            if named in (self.audience(audience), f"https://{host}", f"https://{host}:{self.port}"):
                return audience
        return None

    def find_audience_of_scope(self, text: str) -> Audience | None:
        """The API of a scope for all its permissions. A resource with a final slash gives two slashes."""
        resource, slash, permissions = text.rpartition("/")
        return self.find_audience(resource) if slash and permissions.lower() == ".default" else None


def digest_of(secret: str) -> bytes:
    """SHA-256 of a random token: enough for 256 bits, which nobody can search."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def session_key_of(cookie: str) -> str:
    """The name of the row of a browser's session: 240 bits of SHA-256, as many as the column of Django has room for."""
    return base64.urlsafe_b64encode(digest_of(cookie)[:30]).decode()


class BadName(BadRequest):
    """Invalid name of a person or an application."""


def check_name(name: str) -> None:
    """Raise `BadName` for an invalid name of a person or an application.

    It is a part of URLs, so it has no slash and is not a dot. One that begins like an option would be read as one by
    commands, or as a formula by spreadsheets, and one that looks like an id could be mistaken for another
    application's client id. Letters that Unicode has for compatibility look like others (UAX 15, NFKC).
    """
    if not (1 <= len(name) <= 128 and name.isprintable() and name.strip() == name and not set(name) & {":", "/"}):
        raise BadName("A name has 1 to 128 printable characters, no colon or slash, and no blanks around it.")
    if name in {".", ".."}:
        raise BadName("A name must be more than dots. Choose one that people recognise.")
    if name[0] in "-=+@":
        raise BadName("A name must not begin with -, =, + or @. Choose one that people recognise.")
    if unicodedata.normalize("NFKC", name) != name:
        raise BadName("A name has no letters of another width or form, such as \uff41. Write them as usual.")
    try:
        UUID(name)
    except ValueError:
        return
    raise BadName("A name must not look like a client id. Choose one that people recognise.")
