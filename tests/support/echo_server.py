"""A WSGI application for tests of what is in front of one: it answers with the request, in parts, or not at all."""

import json
import os
import time
from pathlib import Path

from apps.interfaces.http_server.forwarding import with_forwarded_address

_NEXT_PART_SECONDS = 20


def _application(environ, start_response):
    if environ["PATH_INFO"] == "/exit":
        os._exit(1)
    if environ["PATH_INFO"] == "/parts":
        start_response("200 OK", [])
        return _parts(Path(environ["HTTP_GO_ON"]))
    seen = {name: str(value) for name, value in environ.items() if name.isupper() and name not in os.environ}
    seen["body"] = environ["wsgi.input"].read().decode()
    start_response("201 Created", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
    return [json.dumps(seen).encode()]


def _parts(go_on):
    yield b"first"
    deadline = time.monotonic() + _NEXT_PART_SECONDS
    while not go_on.exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    yield b"second" if go_on.exists() else b"too late"


application = with_forwarded_address(_application)
