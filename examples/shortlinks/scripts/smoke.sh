#!/bin/sh
# Starts what is live on a free port, asks it a few things, and stops it.
set -eu
cd "$(dirname "$0")/../live"
exec python3 -B - <<'PYTHON'
import http.client, json, sys, threading
sys.path.insert(0, ".")
from shortlinks.server import serve
from shortlinks.store import Store

server = serve(Store())
threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()

def ask(method, path, body=None):
    connection = http.client.HTTPConnection(*server.server_address, timeout=5)
    connection.request(method, path, body and json.dumps(body))
    answer = connection.getresponse()
    return answer.status, answer.read()

status, body = ask("POST", "/links", {"url": "https://example.org/"})
assert status == 201, (status, body)
status, _ = ask("GET", "/links/" + json.loads(body)["code"])
assert status == 302, status
assert ask("GET", "/links/none")[0] == 404
print("status=ok")
PYTHON
