"""Runs programs for `tests.support.programs`: each in a fork, so that Django is loaded once and not by each of them."""

import contextlib
import io
import json
import socketserver
import sys
import traceback

import django
from django.conf import settings
from django.db import connections


def run(program, arguments, changed_settings):
    """(exit code, standard output, standard error) of a program's text."""
    from apps.usage import counters  # which needs the applications that are loaded below

    out, err, code = io.StringIO(), io.StringIO(), 0
    sys.argv = ["program", *arguments]
    for name, value in changed_settings.items():
        setattr(settings, name, value)
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            exec(program, {"__name__": "__main__", "sys": sys})
            counters.flush()
        except SystemExit as end:
            code = end.code or 0
        except BaseException:  # noqa: BLE001  as an interpreter does at its end
            traceback.print_exc()
            code = 1
    connections.close_all()
    return code, out.getvalue(), err.getvalue()


class _Request(socketserver.StreamRequestHandler):
    def handle(self):
        if request := self.rfile.readline():  # none: somebody looked whether we listen
            self.wfile.write(json.dumps(run(*json.loads(request))).encode())


class _Server(socketserver.ForkingMixIn, socketserver.UnixStreamServer):
    max_children = 10


if __name__ == "__main__":
    django.setup()
    with _Server(sys.argv[1], _Request) as server:
        server.serve_forever(poll_interval=0.05)
