"""How programs are made to trust a private certificate authority."""

from apps.interfaces.console.snippets.languages import LANGUAGES, Language


def trusting(language: Language, file: str) -> str:
    """The line that lets a program of that language believe the authority in the file."""
    if language.word == "java":
        store = "vault-portal.jks -storepass changeit"
        return (
            f"keytool -importcert -noprompt -alias vault-portal -file {file} -keystore {store}\n"
            'export JAVA_TOOL_OPTIONS="-Djavax.net.ssl.trustStore=vault-portal.jks"'
        )
    return _line(language.trust, file)


def everywhere(file: str) -> str:
    """The same for all that take a variable, each once."""
    names = dict.fromkeys(language.trust for language in LANGUAGES if language.trust)
    return "\n".join(_line(name, file) for name in names)


def _line(variable: str, file: str) -> str:
    return f'export {variable}="$PWD/{file}"'
