"""The languages, in the order of the tabs: what each needs installed, and how its program is run."""

from collections.abc import Callable
from dataclasses import dataclass

from apps.interfaces.console.snippets import dotnet, go, java, javascript, python, terminal
from apps.interfaces.console.snippets.subject import SnippetSubject

_GO = "go mod init use && go get github.com/Azure/azure-sdk-for-go/sdk/{azidentity,security/keyvault/"


@dataclass(frozen=True, slots=True)
class Language:
    """`install`: by the kind of object. `trust`: the variable that names a private certificate authority."""

    word: str
    shown: str
    program: Callable[[SnippetSubject], str]
    install: dict[str, str]
    file: str = ""
    run: str = ""
    trust: str = ""


def _for_each(pattern: str, keys: str, secrets: str, certificates: str) -> dict[str, str]:
    return {"keys": pattern % keys, "secrets": pattern % secrets, "certificates": pattern % certificates}


LANGUAGES = (
    Language(
        "python",
        "Python",
        python.program,
        _for_each("pip install azure-identity azure-keyvault-%s", "keys", "secrets", "certificates"),
        "use.py",
        "python use.py",
        "REQUESTS_CA_BUNDLE",
    ),
    Language(
        "javascript",
        "JavaScript",
        javascript.program,
        _for_each("npm install @azure/identity @azure/keyvault-%s", "keys", "secrets", "certificates"),
        "use.mjs",
        "node use.mjs",
        "NODE_EXTRA_CA_CERTS",
    ),
    Language(
        "dotnet",
        ".NET",
        dotnet.program,
        _for_each(
            "dotnet new console && dotnet add package Azure.Identity && dotnet add package Azure.Security.KeyVault.%s",
            "Keys",
            "Secrets",
            "Certificates",
        ),
        "Program.cs",
        "dotnet run",
        "SSL_CERT_FILE",
    ),
    Language(
        "java",
        "Java",
        java.program,
        _for_each("com.azure:azure-identity, com.azure:azure-security-keyvault-%s", "keys", "secrets", "certificates"),
        "Use.java",
        "java -cp 'lib/*' Use.java",
    ),
    Language(
        "go",
        "Go",
        go.program,
        _for_each(_GO + "%s}", "azkeys", "azsecrets", "azcertificates"),
        "use.go",
        "go run use.go",
        "SSL_CERT_FILE",
    ),
    Language("curl", "curl", terminal.curl, {}, trust="CURL_CA_BUNDLE"),
    Language("cli", "portal", terminal.portal, {}, trust="PORTAL_CA"),
)


def find_language(word: str) -> Language:
    """An unknown one is Python."""
    return next((language for language in LANGUAGES if language.word == word), LANGUAGES[0])


def snippet(word: str, used: SnippetSubject) -> str:
    """The program."""
    return find_language(word).program(used).strip("\n") + "\n"
