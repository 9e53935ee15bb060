#!/usr/bin/env python3
"""Django's entry for commands. Without DJANGO_SETTINGS_MODULE: the launcher's, as `./portal` uses them."""

import os
import sys

from django.core.management import execute_from_command_line

# Names of version 0.4 that own units and scripts may still use.
RENAMED = {
    "auditors_worker": "auditor_worker",
    "deliver": "deliver_logs",
    "forget_records": "delete_expired_records",
}

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vaultportal.settings.launcher")
    name, *arguments = sys.argv
    execute_from_command_line([name, *(RENAMED.get(word, word) for word in arguments[:1]), *arguments[1:]])
