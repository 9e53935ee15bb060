#!/usr/bin/env python3
"""Django's entry for commands. Without DJANGO_SETTINGS_MODULE: the launcher's, as `./portal` uses them."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vaultportal.settings.launcher")
    execute_from_command_line(sys.argv)
