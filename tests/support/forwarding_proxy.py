"""A proxy (CONNECT, RFC 9110 section 9.3.6) of this machine, for programs that only use DNS and so find no `*.localhost`.

It forwards to hosts under `localhost` and refuses all others: a program that reaches us through it asks nobody else.
"""

import contextlib
import selectors
import socket
import socketserver
import threading

_LINE = 4096
_UPDATES = "azcliprod.blob.core.windows.net"  # Azure CLI looks there for a newer version of itself; refused, not noted


class _Handler(socketserver.StreamRequestHandler):
    def handle(self):
        words = self.rfile.readline(_LINE).split()
        while self.rfile.readline(_LINE).strip():
            pass
        host, _, port = words[1].decode().rpartition(":") if len(words) == 3 else ("", "", "")
        if words[:1] != [b"CONNECT"] or not f".{host}".endswith(".localhost"):
            if host != _UPDATES:
                self.server.refused.append(host)
            self.wfile.write(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            return
        with socket.create_connection(("127.0.0.1", self.server.ports.get(int(port), int(port)))) as other:
            self.wfile.write(b"HTTP/1.1 200 Connected\r\n\r\n")
            _exchange(self.connection, other)


def _exchange(one, other):
    """Until either side ends."""
    with selectors.DefaultSelector() as waiting, contextlib.suppress(OSError):
        waiting.register(one, selectors.EVENT_READ, other)
        waiting.register(other, selectors.EVENT_READ, one)
        while True:
            for ready, _ in waiting.select():
                data = ready.fileobj.recv(65536)
                if not data:
                    return
                ready.data.sendall(data)


class ForwardingProxy(socketserver.ThreadingTCPServer):
    """`refused`: the addresses that were asked for and are not ours. `ports`: those that are other ones here."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, ports=()):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.refused, self.ports = [], dict(ports)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def __exit__(self, *_):
        self.shutdown()
        self.server_close()
