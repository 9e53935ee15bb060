"""Programs that use one object, as they are copied: a template for each language. The tests run those that can run."""

from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.template import Context, Engine

from apps.domain.identity.queries import addresses, get_organisation
from apps.domain.keys import rules
from apps.domain.keys.test_operation import TestOperation, default_test_operation
from apps.domain.vaults.models import Vault
from apps.interfaces.console.form_commands import command
from apps.interfaces.console.page_context import OWN_CA_NAME

_NOUNS = {"keys": "Key", "secrets": "Secret", "certificates": "Certificate"}


@dataclass(frozen=True, slots=True)
class Language:
    """`install` has places for `kind` and `noun`. `trust`: the variable that names a private certificate authority.

    `every_key`: uses keys of every type. The SDKs of Azure know RSA, EC and oct.
    """

    word: str
    shown: str
    install: str = ""
    file: str = ""
    run: str = ""
    trust: str = ""
    every_key: bool = False


LANGUAGES = (
    Language(
        "python",
        "Python",
        "pip install azure-identity azure-keyvault-{kind}",
        "use.py",
        "python use.py",
        "REQUESTS_CA_BUNDLE",
    ),
    Language(
        "javascript",
        "JavaScript",
        "npm install @azure/identity @azure/keyvault-{kind}",
        "use.mjs",
        "node use.mjs",
        "NODE_EXTRA_CA_CERTS",
    ),
    Language(
        "dotnet",
        ".NET",
        "dotnet new console && dotnet add package Azure.Identity && dotnet add package Azure.Security.KeyVault.{noun}s",
        "Program.cs",
        "dotnet run",
        "SSL_CERT_FILE",
    ),
    Language(
        "java",
        "Java",
        "com.azure:azure-identity, com.azure:azure-security-keyvault-{kind}",
        "Use.java",
        "java -cp 'lib/*' Use.java",
    ),
    Language(
        "go",
        "Go",
        "go mod init use && go get github.com/Azure/azure-sdk-for-go/sdk/{{azidentity,security/keyvault/az{kind}}}",
        "use.go",
        "go run use.go",
        "SSL_CERT_FILE",
    ),
    Language("curl", "curl", trust="CURL_CA_BUNDLE", every_key=True),
    Language("cli", "portal", trust="PORTAL_CA", every_key=True),
)


@dataclass(frozen=True, slots=True)
class UsedObject:
    """The subject of a program: an object, its vault, and how the program signs in.

    `operation` and `algorithm` belong to a key, see `apps.domain.keys.test_operation`.
    """

    kind: str
    name: str
    vault: str
    url: str
    tenant_id: Any
    authority: str
    portal: str
    resource: str
    operation: str = ""
    algorithm: str = ""

    @property
    def noun(self) -> str:
        """The kind, as names of classes have it."""
        return _NOUNS[self.kind]

    @property
    def wraps(self) -> bool:
        """Keys sign or wrap."""
        return self.operation == rules.WRAP

    @property
    def encapsulates(self) -> bool:
        """ML-KEM keys wrap a key that the vault makes."""
        return self.algorithm in rules.ML_KEM_CIPHERTEXT

    @property
    def signs_message(self) -> bool:
        """Ed25519 and ML-DSA keys sign the message, not its digest."""
        return self.algorithm == "EdDSA" or self.algorithm in rules.ML_DSA

    @property
    def bits(self) -> str:
        """The size of the digest that the algorithm signs."""
        return next((bits for bits in ("384", "512") if bits in self.algorithm), "256")

    @property
    def command(self) -> str:
        """The command of the CLI."""
        if self.kind == "secrets":
            count = 'printf %s "$VALUE" | wc -m'
            return command("run", "sh", "-c", count, vault=self.vault, secret=f"VALUE={self.name}")
        if self.kind == "certificates":
            return command("certificate show", self.name, vault=self.vault)
        if self.encapsulates:
            return command("key encapsulate", self.name, vault=self.vault, algorithm=self.algorithm)
        act = "key wrap" if self.wraps else "key sign"
        return command(act, self.name, "-", vault=self.vault, algorithm=self.algorithm)


def languages_for(kind: str, row: Any) -> tuple[Language, ...]:
    """The languages whose programs can use an object."""
    newer = kind == "keys" and row.current.key_type in ("OKP", "AKP")
    return tuple(language for language in LANGUAGES if language.every_key) if newer else LANGUAGES


def render_sample(word: str, used: UsedObject) -> str:
    """The program in a language. Plain text: the page escapes it."""
    template = Engine.get_default().get_template(f"code_samples/{word}.txt")
    return template.render(Context({"used": used}, autoescape=False)).strip("\n") + "\n"


def use_it(vault: Vault, kind: str, row: Any, word: str) -> dict[str, Any]:
    """The context of `parts/use_it.html`, the tab "Code samples"; an unknown language is the first."""
    languages = languages_for(kind, row)
    language = next((language for language in languages if language.word == word), languages[0])
    where = addresses()
    url = f"https://{vault.name.lower()}.{where.authority_part}"
    use = default_test_operation(row.current) if kind == "keys" else TestOperation("", "")
    used = UsedObject(
        kind=kind,
        name=row.name,
        vault=vault.name,
        url=url,
        tenant_id=get_organisation().tenant_id,
        authority=where.authority,
        portal=where.portal,
        resource=where.resource,
        operation=use.operation,
        algorithm=use.algorithm,
    )
    return {
        "languages": languages,
        "language": language.word,
        "chosen": language,
        "snippet": render_sample(language.word, used),
        "install": language.install.format(kind=kind, noun=used.noun),
        "trusting": trust_lines(language) if settings.OWN_CA else "",
        "identifier": f"{url}/{kind}/{row.name}/{row.current.version}",
    }


def trust_lines(language: Language) -> str:
    """The lines that let programs of a language trust the private certificate authority."""
    if language.trust:
        return _export(language.trust)
    store = "vault-portal.jks -storepass changeit"  # Java has no such variable
    return (
        f"keytool -importcert -noprompt -alias vault-portal -file {OWN_CA_NAME} -keystore {store}\n"
        'export JAVA_TOOL_OPTIONS="-Djavax.net.ssl.trustStore=vault-portal.jks'
        ' -Djavax.net.ssl.trustStorePassword=changeit"'
    )


def trust_everywhere() -> str:
    """The same for all languages that take a variable, each variable once."""
    return "\n".join(map(_export, dict.fromkeys(language.trust for language in LANGUAGES if language.trust)))


def _export(variable: str) -> str:
    return f'export {variable}="$PWD/{OWN_CA_NAME}"'
