"""A Hugging Face Hub that hosts Spaces, on the loopback: the routes of `huggingface_hub`, and failures.

Point `HfApi(endpoint=...)` or `HF_ENDPOINT` at `url`. Files are committed as the Hub wants them: text in the commit,
everything else by Git LFS (https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md).
"""

import base64
import json
import re
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

COMMIT = "c0ffee" + "0" * 34
TEXT = re.compile(r"\.(py|md|txt|json|js|css|html)$|LICENSE|Dockerfile")


def preupload(path: str) -> dict[str, Any]:
    """How a file is to be uploaded."""
    mode = "regular" if TEXT.search(path) else "lfs"
    return {"path": path, "uploadMode": mode, "shouldIgnore": False, "oid": None}


@dataclass
class ScriptedHub:
    """The Hub of one account.

    Attributes:
        account: Its answer to `whoami-v2`.
        stages: The Space's stages, one for each time it is asked; the last one stays.
        log: Lines of the log.
        refuse: A status and sentence with which creating a Space is refused.
        created: What Spaces were created, as posted.
        secrets: Their secrets.
        variables: Their variables.
        hardware: What hardware was asked for.
        files: Committed files by name.
        tokens: Tokens of all calls.
        ended: Addresses that ended in a 404.
    """

    account: dict[str, Any] = field(default_factory=lambda: {"type": "user", "name": "ann", "isPro": False, "orgs": []})
    stages: list[str] = field(default_factory=lambda: ["BUILDING", "APP_STARTING", "RUNNING"])
    log: list[str] = field(default_factory=lambda: ["Collecting gradio\n", "ERROR: No matching distribution\n"])
    refuse: tuple[int, str] | None = None
    created: list[dict[str, Any]] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict)
    variables: dict[str, str] = field(default_factory=dict)
    hardware: list[str] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    tokens: set[str] = field(default_factory=set)
    ended: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._uploaded: dict[str, bytes] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "ScriptedHub":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def get(self, path: str) -> Any:
        """What a GET of that path is answered."""
        if path == "/api/whoami-v2":
            return self.account
        if path.startswith("/api/models/"):
            names = ["config.json", "model.safetensors", "pytorch_model.bin", "README.md", "tokenizer.json"]
            siblings = [{"rfilename": name} for name in names]
            return {"id": path.removeprefix("/api/models/"), "sha": COMMIT, "siblings": siblings}
        if path.endswith("/runtime"):
            stage = self.stages.pop(0) if len(self.stages) > 1 else self.stages[0]
            return {"stage": stage, "hardware": {"current": None, "requested": self.hardware[-1]}}
        if "/tree/" in path:
            return [{"type": "file", "path": "old.py", "size": 1, "oid": COMMIT}]
        if path.startswith("/api/spaces/") and self.created:
            return {"id": "ann/demo", "sha": COMMIT, "siblings": [{"rfilename": "old.py"}]}
        return None

    def post(self, path: str, body: bytes) -> Any:
        """What a POST to that path is answered."""
        if path.endswith("/commit/main"):
            return self.commit([json.loads(line) for line in body.splitlines()])
        posted = json.loads(body)
        if path == "/api/repos/create":
            self.created.append(posted)
            return {"url": f"{self.url}/spaces/ann/demo", "name": "ann/demo"}
        if path.endswith("/secrets"):
            self.secrets[posted["key"]] = posted["value"]
            return {}
        if path.endswith("/variables"):
            self.variables[posted["key"]] = posted["value"]
            return {}
        if path.endswith("/hardware"):
            self.hardware.append(posted["flavor"])
            return {"stage": "BUILDING", "hardware": {"current": None, "requested": posted["flavor"]}}
        if path == "/api/validate-yaml":
            return {"warnings": [], "errors": []}
        if "/preupload/" in path:
            return {"files": [preupload(file["path"]) for file in posted["files"]]}
        if path.endswith("/info/lfs/objects/batch"):
            return {"transfer": "basic", "objects": [self.offer_upload(wanted) for wanted in posted["objects"]]}
        return None

    def offer_upload(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """Where a large file is to be put."""
        return wanted | {"actions": {"upload": {"href": f"{self.url}/upload/{wanted['oid']}"}}}

    def commit(self, lines: list[dict[str, Any]]) -> dict[str, str]:
        """Carry out a commit."""
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                self.files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "lfsFile":
                self.files[value["path"]] = self._uploaded[value["oid"]]
            elif line["key"] == "deletedFile":
                self.files.pop(value["path"], None)
        return {"commitOid": COMMIT, "commitUrl": f"{self.url}/spaces/ann/demo/commit/{COMMIT}"}

    def _handler(hub) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_GET(self) -> None:
                hub.tokens.add(self.headers.get("authorization", ""))
                path = self.path.partition("?")[0]
                if "/logs/" in path:
                    events = [f"data: {json.dumps({'data': line, 'timestamp': ''})}\n\n" for line in hub.log]
                    self.respond("".join(events).encode(), kind="text/event-stream")
                else:
                    self.respond_json(hub.get(path))

            def do_POST(self) -> None:
                hub.tokens.add(self.headers.get("authorization", ""))
                body, path = self.read(), self.path.partition("?")[0]
                if hub.refuse and path == "/api/repos/create":
                    status, sentence = hub.refuse
                    self.respond(json.dumps({"error": sentence}).encode(), status)
                else:
                    self.respond_json(hub.post(path, body))

            def do_PUT(self) -> None:
                hub._uploaded[self.path.rpartition("/")[2]] = self.read()
                self.respond(b"")

            def read(self) -> bytes:
                if self.headers.get("transfer-encoding") != "chunked":
                    return self.rfile.read(int(self.headers.get("content-length", 0)))
                parts = []
                while size := int(self.rfile.readline(), 16):
                    parts.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
                return b"".join(parts)

            def respond_json(self, value: Any) -> None:
                if value is None:
                    hub.ended.append(self.path)
                    self.respond(b'{"error": "Not found"}', 404)
                else:
                    self.respond(json.dumps(value).encode())

            def respond(self, body: bytes, status: int = 200, kind: str = "application/json") -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
