"""Strings (INSTALLED_APPS, middleware, task names) are invisible to import-linter: look at a real web process."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

PROGRAM = """
import sys
from vaultportal.wsgi.{entry} import application
from importlib import import_module
from django.urls import get_resolver

def walk(patterns):
    for pattern in patterns:
        if hasattr(pattern, "url_patterns"):
            walk(pattern.url_patterns)
        else:
            assert callable(pattern.callback)

for urlconf in {urls}:
    walk(get_resolver(urlconf).url_patterns)
loaded = sorted(name for name in sys.modules if name.split(".")[0] == "pkcs11" or name.startswith("apps.hsm"))
loaded += [name for name in sys.modules if name.startswith("apps.workers")]
print("LOADED", loaded)
"""


URLS = {
    "web": ("apps.interfaces.keyvault_api.urls", "apps.interfaces.token_service.urls"),
    "portal": ("vaultportal.urls.portal_host",),
}


@pytest.mark.parametrize("entry", URLS)
def test_a_process_resolves_every_url_without_pkcs11_the_boundary_or_the_workers(entry):
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": f"vaultportal.settings.{entry}"}
    program = PROGRAM.replace("{entry}", entry).replace("{urls}", repr(URLS[entry]))
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "LOADED []"


def test_the_web_settings_hold_nothing_of_the_hsm():
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "vaultportal.settings.web"}
    program = (
        "import django; django.setup()\n"
        "from django.conf import settings\n"
        "print([name for name in dir(settings) if name.startswith(('HSM', 'PIN')) or name.endswith('_PIN_FILE')])"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
