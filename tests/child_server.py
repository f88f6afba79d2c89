"""A stand-in for the local server's process that answers at once and ends when its stdin closes.

python tests/child_server.py PORT
"""

import os
import sys

from florence_ui.bench.scripted_backend import ScriptedBackend

if __name__ == "__main__":
    keys = [name for name in ("API_KEY", "ROBOFLOW_API_KEY") if name in os.environ]
    print(f"keys: {keys}", file=sys.stderr, flush=True)
    models = {"florence-2-base": {"state": "ready", "on_disk": True}}
    info = {"name": "Florence-2 local server", "version": "0"}
    with ScriptedBackend(port=int(sys.argv[1]), models=models, info=info):
        sys.stdin.buffer.read()
