"""A Hugging Face Hub with one repository, on the loopback: the requests of `snapshot_download`, and failures.

Point `HF_ENDPOINT` at `url`. The routes and headers are those of https://huggingface.co/docs/hub/api.
"""

import hashlib
import json
import re
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

COMMIT = "c0ffee" + "0" * 34
CHUNK = 64 * 1024


class FakeHub:
    """Serves a directory as a repository.

    Attributes:
        pause: Seconds before every chunk of a file.
        status: Answer everything with that status, if set.
        hang: Accept, and never answer.
        corrupt: How many downloads of weights arrive with a changed byte, before good ones.
        ranges: Whether a part of a file can be asked for; otherwise all of it is sent.
        break_after: Break off each file after so many bytes, if set.
        downloads: How often each file was asked for, or a part of it.
        sent: Bytes of each file that were sent.
    """

    def __init__(self, repo_id: str, directory: Path) -> None:
        self.repo_id = repo_id
        self.files = {p.name: p.read_bytes() for p in sorted(directory.iterdir()) if p.is_file()}
        self.pause = 0.0
        self.status = 0
        self.hang = False
        self.corrupt = 0
        self.ranges = True
        self.break_after = 0
        self.sent: Counter[str] = Counter()
        self.downloads: Counter[str] = Counter()
        self.ended = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> "FakeHub":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()

    def entry(self, name: str) -> dict:
        """A file in the repository's tree; weights are large files, named by SHA-256."""
        data = self.files[name]
        entry = {"type": "file", "path": name, "size": len(data), "oid": git_sha1(data)}
        if name.endswith(".safetensors"):
            entry["lfs"] = {"oid": hashlib.sha256(data).hexdigest(), "size": len(data), "pointerSize": 134}
        return entry

    def etag(self, name: str) -> str:
        """The checksum by which the cache names the file."""
        entry = self.entry(name)
        return entry["lfs"]["oid"] if "lfs" in entry else entry["oid"]

    def content(self, name: str) -> bytes:
        """The file, or a corrupt copy of the same length."""
        data = self.files[name]
        if not (self.corrupt and name.endswith(".safetensors")):
            return data
        self.corrupt -= 1
        return data[:-1] + bytes([data[-1] ^ 1])

    def _handler(hub) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def do_HEAD(self) -> None:
                self.do_GET(head=True)

            def do_GET(self, head: bool = False) -> None:
                if hub.hang:
                    hub.ended.wait()
                    return
                if hub.status:
                    self.respond(b"{}", hub.status)
                    return
                path = urlsplit(self.path).path
                repo, _, name = path.strip("/").partition(f"/resolve/{COMMIT}/")
                if path.startswith(f"/api/models/{hub.repo_id}/tree/"):
                    self.respond(json.dumps([hub.entry(name) for name in hub.files]).encode())
                elif path.startswith(f"/api/models/{hub.repo_id}"):
                    self.respond(json.dumps({"id": hub.repo_id, "sha": COMMIT, "siblings": []}).encode())
                elif repo == hub.repo_id and name in hub.files:
                    self.send_file(name, head)
                else:
                    self.respond(b'{"error": "Repository not found"}', 404)

            def respond(self, body: bytes, status: int = 200) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                if status in (401, 404):
                    self.send_header("X-Error-Code", "RepoNotFound")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body)

            def send_file(self, name: str, head: bool) -> None:
                data = hub.files[name] if head else hub.content(name)
                begin = self.first_byte() if hub.ranges else 0
                self.send_response(206 if begin else 200)
                if begin:
                    self.send_header("Content-Range", f"bytes {begin}-{len(data) - 1}/{len(data)}")
                self.send_header("Content-Length", str(len(data) - begin))
                self.send_header("ETag", f'"{hub.etag(name)}"')
                self.send_header("X-Repo-Commit", COMMIT)
                self.send_header("Accept-Ranges", "bytes" if hub.ranges else "none")
                self.end_headers()
                if head:
                    return
                hub.downloads[name] += 1
                for start in range(begin, len(data), CHUNK):
                    hub.ended.wait(hub.pause)
                    if hub.break_after and start - begin >= hub.break_after:
                        self.close_connection = True
                        return
                    self.wfile.write(data[start : start + CHUNK])
                    hub.sent[name] += len(data[start : start + CHUNK])

            def first_byte(self) -> int:
                """Where a request of the form `Range: bytes=N-` wants to begin."""
                asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
                return int(asked[1]) if asked else 0

            def log_message(self, *arguments: object) -> None:
                pass

        return Handler


def git_sha1(data: bytes) -> str:
    """The name that git gives to a file's content."""
    return hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
