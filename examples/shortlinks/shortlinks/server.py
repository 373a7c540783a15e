"""The HTTP side: requests in, answers out. It decides nothing and never reads the clock."""

import json
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

BODY_BYTES_MAX = 64 * 1024


class Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        if self.path != "/links":
            return self._answer(404, {"error": "no such page"})
        length = int(self.headers.get("Content-Length") or 0)
        if length > BODY_BYTES_MAX:
            return self._answer(413, {"error": "the request is too long"})
        try:
            asked = json.loads(self.rfile.read(length))
            if not isinstance(asked, dict):
                raise ValueError("the request must be a JSON object")
            code = self.server.store.add(asked.get("url"))
        except ValueError as error:
            return self._answer(400, {"error": str(error)})
        return self._answer(201, {"code": code})

    def do_GET(self):
        url = self.server.store.find(self.path.removeprefix("/links/"))
        if url is None:
            return self._answer(404, {"error": "no such link"})
        self.send_response(302)
        self.send_header("Location", url)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer(self, status, body):
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        """Quiet: whoever runs it has a log in front of it."""


def serve(store, port=0):
    """A server on this machine; port 0 takes a free one."""
    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.store = store
    return server
