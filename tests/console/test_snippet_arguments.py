"""The curl snippet gives curl nothing secret as an argument: those are for everybody on the machine to see."""

import base64
import json
import os
import shutil
import subprocess

import pytest

from tests.support import developers
from tests.support.developers import fresh
from tests.support.people import PORTAL

_NOTED = """#!/bin/sh
printf '%s\\n' "$@" >>"$CURL_ARGUMENTS"
exec {curl} "$@"
"""


@pytest.mark.parametrize("kind", ["EC P-256", "AES 256", "secret"])
def test_no_credential_token_or_key_is_an_argument(dev, bench, stack, tmp_path, kind):
    path = "secrets/password"
    if kind != "secret":
        path = f"keys/k{fresh()}"
        developers.make_key(dev, bench.vault, path.removeprefix("keys/"), kind)
    dev.goto(f"{PORTAL}/dev/vaults/{bench.vault}/{path}?tab=use&lang=curl")
    snippet = dev.locator("#snippet").text_content()
    noting, arguments = tmp_path / "curl", tmp_path / "arguments"
    noting.write_text(_NOTED.format(curl=shutil.which("curl")))
    noting.chmod(0o755)
    done = subprocess.run(
        ["bash", "-eu", "-o", "pipefail", "-c", f'{snippet}\nprintf "\\n%s" "$token" "${{value-}}"'],
        env={
            **os.environ,
            **bench.environment,
            "CURL_CA_BUNDLE": stack.ca,
            "CURL_ARGUMENTS": str(arguments),
            "PATH": f"{tmp_path}:{os.environ['PATH']}",
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    *answer, token, value = done.stdout.split("\n")
    found = json.loads("\n".join(answer))["value"]
    assert found == "correct horse\nbattery staple" if kind == "secret" else base64.urlsafe_b64decode(found + "==")
    seen = arguments.read_text()
    assert "oauth2/v2.0/token" in seen
    assert token.startswith("ey")
    for secret in (token, bench.environment["AZURE_CLIENT_SECRET"], *([value] if value else [])):
        assert secret not in seen
