"""python3 -m shortlinks [PORT]"""

import sys

from .server import serve
from .store import Store

if __name__ == "__main__":
    server = serve(Store(), int(sys.argv[1]) if len(sys.argv) > 1 else 8080)
    print(f"listening on port {server.server_address[1]}", flush=True)
    server.serve_forever()
