"""Commands of `manage.py` that need other settings than the web's are found with the settings that they get."""

from importlib import import_module
from pathlib import Path

import pytest

from apps.launcher.django_commands import _SPECIAL

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("command", [name for name in _SPECIAL if name != "migrate"])  # that one is Django's
def test_a_command_belongs_to_an_app_of_its_settings(command):
    settings, _, _ = _SPECIAL[command]
    (file,) = ROOT.glob(f"*/**/management/commands/{command}.py")
    app = ".".join(file.relative_to(ROOT).parts[:-3])
    installed = import_module(f"vaultportal.settings.{settings}").INSTALLED_APPS
    assert any(name == app or name.startswith(f"{app}.") for name in installed)
