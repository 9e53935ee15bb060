#!/usr/bin/env python3
"""Django's entry for commands. Without DJANGO_SETTINGS_MODULE: the launcher's, as `./portal` uses them."""

import os
import select
import signal
import sys

from django.core.management import execute_from_command_line

# Names of version 0.4 that own units and scripts may still use.
RENAMED = {
    "auditors_worker": "auditor_worker",
    "deliver": "deliver_logs",
    "forget_records": "delete_expired_records",
}


def main() -> None:
    """Run the command. When the reader of its output has gone, as `head` does, end as other programs do."""
    name, *arguments = sys.argv
    try:
        try:
            execute_from_command_line([name, *(RENAMED.get(word, word) for word in arguments[:1]), *arguments[1:]])
        finally:
            sys.stdout.flush()
    except BrokenPipeError:
        if not output_is_closed():
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is buffered is written at the exit
        sys.exit(128 + signal.SIGPIPE)


def output_is_closed() -> bool:
    """Whether nobody reads standard output any more (POLLERR of poll(2))."""
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return bool(poll.poll(0))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "vaultportal.settings.launcher")
    main()
