"""A blob store whose container has an immutability policy, as Azure has them."""

import http.server
import ssl
import threading

import urllib3


class Immutable:
    """Azurite under an immutability policy, which it does not know: no blob is written a second time."""

    def __init__(self, authority, azurite):
        self.refused, written = [], set()
        target, worm = azurite[0].removesuffix("/owner"), self
        pool = urllib3.PoolManager(ca_certs=str(authority.file), retries=False)

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_PUT(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path in written:
                    worm.refused.append(self.path)
                    self.answer(409, {"x-ms-error-code": "BlobImmutableDueToPolicy"}, b"")
                    return
                written.add(self.path)
                self.pass_on(body)

            def do_HEAD(self):
                self.pass_on(None)

            def pass_on(self, body):
                answer = pool.request(self.command, target + self.path, body=body, headers=dict(self.headers))
                self.answer(answer.status, dict(answer.headers), answer.data)

            def answer(self, status, headers, body):
                self.send_response(status)
                named = {"content-length": str(len(body))} | {name.lower(): text for name, text in headers.items()}
                for name in named.keys() - {"connection", "keep-alive", "transfer-encoding", "date", "server"}:
                    self.send_header(name, named[name])
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.issue("immutable"))
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://localhost:{self._server.server_port}/owner"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self):
        self._server.shutdown()
        self._server.server_close()
