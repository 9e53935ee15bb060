"""At a terminal: curl, and the command line of this service."""

import shlex

from apps.interfaces.console.form_commands import command
from apps.interfaces.console.snippets.subject import SnippetSubject


def curl(used: SnippetSubject) -> str:
    """The HTTP itself. What is secret goes to curl by its standard input: everybody sees a program's arguments."""
    token = f"""
token=$(curl -sS --fail-with-body "{used.authority}/{used.tenant_id}/oauth2/v2.0/token" \\
  --data grant_type=client_credentials --data scope={used.resource}/.default --config - <<END |
user = "$AZURE_CLIENT_ID:$AZURE_CLIENT_SECRET"
END
  sed 's/.*"access_token": *"\\([^"]*\\)".*/\\1/')
"""
    base = f"{used.url}/{used.kind}/{used.name}"
    bearer = 'header = "Authorization: Bearer $token"'
    if used.kind != "keys":
        return token + f'curl -sS --fail-with-body "{base}?api-version=7.4" --config - <<END\n{bearer}\nEND'
    verb, value = "sign", f"printf hello | openssl dgst -sha{used.bits} -binary"
    if used.wraps:
        verb, value = "wrapkey", "openssl rand 32"
    return (
        token
        + f"""value=$({value} | base64 -w0 | tr '+/' '-_' | tr -d '=')
curl -sS --fail-with-body "{base}/{verb}?api-version=7.4" --header "Content-Type: application/json" --config - <<END
{bearer}
data = "{{\\"alg\\": \\"{used.algorithm}\\", \\"value\\": \\"$value\\"}}"
END"""
    )


def portal(used: SnippetSubject) -> str:
    """With an application's credentials in the environment, like the others."""
    where = f"export PORTAL_URL={used.portal} AZURE_TENANT_ID={used.tenant_id}\n"
    if used.kind == "secrets":
        vault = shlex.quote(used.vault)
        return (
            where + f"""portal run --vault {vault} --secret VALUE={used.name} -- sh -c 'printf %s "$VALUE" | wc -m'"""
        )
    if used.kind == "certificates":
        return where + command("certificate show", used.name, vault=used.vault)
    source, act = ("openssl rand 32", "wrap") if used.wraps else ("printf hello", "sign")
    line = command(f"key {act}", used.name, "-", vault=used.vault, algorithm=used.algorithm)
    return where + f"{source} | {line}"
