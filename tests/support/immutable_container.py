"""A blob store whose container has an immutability policy, as Azure has them."""

import urllib3

from tests.support.https_server import Handler, HttpsServer


class Immutable:
    """Azurite under an immutability policy, which it does not know: no blob is written a second time."""

    def __init__(self, authority, azurite):
        self.refused, written = [], set()
        target, worm = azurite[0].removesuffix("/owner"), self
        pool = urllib3.PoolManager(ca_certs=str(authority.file), retries=False)

        class Container(Handler):
            def do_PUT(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path in written:
                    worm.refused.append(self.path)
                    self.answer(409, headers={"x-ms-error-code": "BlobImmutableDueToPolicy"})
                    return
                written.add(self.path)
                self.pass_on(body)

            def do_HEAD(self):
                self.pass_on(None)

            def pass_on(self, body):
                answer = pool.request(self.command, target + self.path, body=body, headers=dict(self.headers))
                headers = {name.title(): text for name, text in answer.headers.items()}
                for name in {"Connection", "Keep-Alive", "Transfer-Encoding", "Date", "Server"} & headers.keys():
                    del headers[name]
                self.answer(answer.status, answer.data, headers)

        self._server = HttpsServer(Container, *authority.issue("immutable"))
        self.url = f"https://localhost:{self._server.port}/owner"
        self.close = self._server.close
