"""Attacks on the routes that Gradio opens, over real sockets. A new attack is one line."""

import asyncio
import contextlib
import http.client
import io
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from hosting.running import file_value
from hosting.small_page import Served
from PIL import Image

from florence_ui.api.mcp import has_mcp
from florence_ui.hosting import routes
from florence_ui.hosting.request_limits import MAX_FILES, RequestRefused
from florence_ui.hosting.routes import find_route
from florence_ui.storage import disk_budget

OPEN = {
    "page": "/",
    "page, dark": "/?__theme=dark",
    "config": "/config",
    "health": "/healthz",
    "readiness": "/readiness",
    "programs' description": "/gradio_api/info",
    "style": "/theme.css",
    "icon": "/favicon.ico",
    "robots": "/robots.txt",
    "manifest": "/manifest.json",
    "app id": "/gradio_api/app_id",
    "queue": "/gradio_api/queue/status",
    "QR code": "/qr.svg",
}
CLOSED = {
    "fetch proxy": "/gradio_api/file=http://127.0.0.1:9001/info",
    "fetch proxy, https": "/gradio_api/file=https://example.com/",
    "fetch proxy, capitals": "/gradio_api/file=HTTP://127.0.0.1/",
    "fetch proxy, encoded": "/gradio_api/file%3Dhttp%3A%2F%2F127.0.0.1/",
    "fetch proxy, encoded letters": "/gradio_api/fil%65=http://127.0.0.1/",
    "fetch proxy, no slashes": "/gradio_api/file=http:127.0.0.1",
    "fetch proxy, other scheme": "/gradio_api/file=ftp://127.0.0.1/",
    "fetch proxy, file scheme": "/gradio_api/file=file:///etc/passwd",
    "fetch proxy, share": "/gradio_api/file=//127.0.0.1/share",
    "fetch proxy, backslashes": "/gradio_api/file=\\\\127.0.0.1\\share",
    "fetch proxy, old name": "/gradio_api/file/http://127.0.0.1/",
    "fetch proxy, without prefix": "/file=http://127.0.0.1/",
    "reverse proxy": "/gradio_api/proxy=https://example.hf.space/",
    "host's file": "/gradio_api/file=/etc/passwd",
    "host's file, up": "/gradio_api/file=../../../etc/passwd",
    "own source": "/gradio_api/file=florence_ui/settings.py",
    "environment": "/gradio_api/file=/proc/self/environ",
    "folder": "/gradio_api/file=/tmp",
    "monitoring": "/monitoring",
    "monitoring summary": "/monitoring/summary",
    "monitoring with a key": "/monitoring/x",
    "monitoring, slash": "/monitoring/",
    "run history": "/gradio_api/runs",
    "run history records": "/gradio_api/run-history/records",
    "deep link": "/gradio_api/deep_link?session_hash=abc",
    "user": "/gradio_api/user",
    "token": "/gradio_api/token",
    "login": "/gradio_api/login_check",
    "log out": "/logout",
    "reload stream": "/gradio_api/dev/reload",
    "custom component": "/gradio_api/custom_component/a%0AINFO%20forged/client/x/y.js",
    "editor's source": "/gradio_api/vibe-code",
    "profiling": "/gradio_api/profiling/traces",
    "stream": "/gradio_api/stream/abc/1/1/playlist.m3u8",
    "icon of any size": "/pwa_icon/100000",
    "schema": "/openapi.json",
    "docs": "/docs",
    "mcp, elsewhere": "/gradio_api/mcp/x/y",
    "mcp, its old stream": "/gradio_api/mcp/sse",
    "doubled slash": "//gradio_api/info",
    "line break": "/gradio_api/info%0A",
    "nul": "/gradio_api/file=%00",
    "assets, up": "/static/..%2f..%2f..%2froutes.py",
    "assets, up, absolute": "/assets/%2fetc%2fpasswd",
    "session with the queue's marker": "/gradio_api/heartbeat/%3Cgradio-sep%3E",
    "asset of a long name": f"/assets/{'a' * 5000}",
    "asset of a long name, in wide letters": f"/assets/{'%F0%9D%95%8F' * 100}",
    "asset in many folders": f"/static/{'a/' * 2500}",
    "upload of a long name": f"/gradio_api/file={'a' * 5000}",
    "unknown": "/wp-login.php",
}
CLOSED_POSTS = {
    "component server": "/gradio_api/component_server",
    "component server, slash": "/gradio_api/component_server/",
    "recording": "/gradio_api/process_recording",
    "editor": "/gradio_api/vibe-edit",
    "editor's code": "/gradio_api/vibe-code",
    "editor's undo": "/gradio_api/undo-vibe-edit",
    "editor's queries": "/gradio_api/vibe-starter-queries",
    "stream": "/gradio_api/stream/abc",
    "log in": "/login",
    "history bucket": "/gradio_api/run-history/connect",
    "upload without prefix": "/upload",
    "page": "/",
    "mcp, messages of its old stream": "/gradio_api/mcp/messages/?session_id=x",
}


def small_png() -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 6), "teal").save(buffer, "PNG")
    return buffer.getvalue()


def is_refusal(response: httpx.Response) -> bool:
    """One sentence, no traceback, no path of this machine."""
    words = response.text
    tidy = "Traceback" not in words and "site-packages" not in words and "/root" not in words
    return (400 <= response.status_code < 500 or response.status_code == 507) and tidy and len(words) < 400


@pytest.mark.parametrize("path", OPEN.values(), ids=OPEN.keys())
def test_what_the_page_needs_is_open(small_app: Served, path: str) -> None:
    assert small_app.client.get(path).status_code == 200


@pytest.mark.parametrize("name", CLOSED)
def test_what_the_page_does_not_need_is_closed(small_app: Served, name: str) -> None:
    path = CLOSED[name]
    connection = http.client.HTTPConnection(small_app.url.removeprefix("http://"), timeout=20)
    connection.putrequest("GET", path, skip_host=False)
    connection.endheaders()
    response = connection.getresponse()
    body = response.read().decode()
    assert 400 <= response.status < 500, body
    assert "root:" not in body
    assert "Traceback" not in body
    if name.startswith("fetch proxy"):
        assert "nothing at this address" in body, "Gradio was asked to fetch it, and failed by itself"
    connection.close()


@pytest.mark.parametrize(
    "name", ["a" * 30_000, "", "a%3Cgradio-sep%3Eb", "a%00"], ids=["long", "empty", "marker", "nul"]
)
@pytest.mark.parametrize(
    "asked", ["upload_progress?upload_id", "queue/data?session_hash", "upload_progress?x=1&upload_id"]
)
def test_what_gradio_would_remember_must_be_a_name(small_app: Served, asked: str, name: str) -> None:
    response = small_app.client.get(f"/gradio_api/{asked}={name}")
    assert response.status_code == 422
    assert is_refusal(response)


@pytest.mark.parametrize("path", ["/gradio_api/mcp", "/gradio_api/mcp/", "/gradio_api/mcp/schema"])
def test_the_route_for_agents_is_there_where_mcp_is_installed(small_app: Served, path: str) -> None:
    assert small_app.client.get(path, follow_redirects=True).status_code == (200 if has_mcp() else 404)


@pytest.mark.parametrize("path", CLOSED_POSTS.values(), ids=CLOSED_POSTS.keys())
def test_what_nobody_should_post_to_is_closed(small_app: Served, path: str) -> None:
    assert is_refusal(small_app.client.post(path, json={"prompt": "x", "code": "x"}))


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "CONNECT"])
def test_other_methods_are_refused(method: str) -> None:
    for path in ("/", "/gradio_api/upload", "/gradio_api/queue/join"):
        with pytest.raises(RequestRefused):
            find_route(method, path)


def values(served: Served, path: str) -> dict[str, object]:
    """Image values that are no upload of this app, by what they try."""
    inline = "data:image/png;base64,iVBORw0KGgo="
    return {
        "bare path": "/etc/passwd",
        "bare upload path": path,
        "bare link": "http://127.0.0.1:9001/info",
        "bare data": inline,
        "path without meta": {"path": "/etc/passwd"},
        "path with meta": file_value("/etc/passwd"),
        "path with an upload's url": file_value("/etc/passwd", url=f"{served.url}/gradio_api/file={path}"),
        "relative path": file_value("README.md"),
        "own source": file_value(__file__),
        "up from the uploads": file_value(f"{path}/../../../../etc/passwd"),
        "up from the uploads, plainly": file_value(f"{path.rpartition('/')[0]}/../../../etc/passwd"),
        "nul byte": file_value(f"{path}\x00.png"),
        "folder": file_value(path.rpartition("/")[0]),
        "device": file_value("/dev/zero"),
        "process memory": file_value("/proc/self/environ"),
        "link as path": file_value("http://127.0.0.1:9001/info"),
        "public link as path": file_value("https://example.com/a.png"),
        "link as url": file_value(path, url="http://127.0.0.1:9001/info"),
        "data as url": file_value(path, url=inline),
        "data as url, no path": {"url": inline, "meta": {"_type": "gradio.FileData"}},
        "data as path": file_value(inline),
        "empty path": file_value(""),
        "no path": {"meta": {"_type": "gradio.FileData"}},
        "path is a number": file_value(7),  # type: ignore[arg-type]
        "path is a list": {"path": [path], "meta": {"_type": "gradio.FileData"}},
        "meta of another type": {"path": path, "meta": {"_type": "gradio.Other"}},
        "meta is a string": {"path": path, "meta": "gradio.FileData"},
        "meta with more": {"path": path, "meta": {"_type": "gradio.FileData", "x": 1}},
        "stream": file_value(path, is_stream=True),
        "nested": [{"image": {"path": "/etc/passwd"}}],
        "nested deep": {"a": [{"b": {"c": [file_value("/etc/hostname")]}}]},
        "home": file_value("~/.ssh/id_rsa"),
        "a number": 5,
    }


NAMES = list(values(Served("", None), "/x/y"))  # type: ignore[arg-type]
WAYS = {
    "queue": lambda s, v: ("/gradio_api/queue/join", {"fn_index": s.fn("show"), "data": [v, ""], "session_hash": "s"}),
    "call": lambda s, v: ("/gradio_api/call/show", {"data": [v, ""]}),
    "call with a slash": lambda s, v: ("/gradio_api/call/show/", {"data": [v, ""]}),
    "call by names": lambda s, v: ("/gradio_api/call/v2/show", {"path": v, "words": ""}),
    "run": lambda s, v: ("/gradio_api/run/show", {"data": [v, ""]}),
    "api": lambda s, v: ("/gradio_api/api/show", {"data": [v, ""]}),
}  # fmt: skip


@pytest.fixture(scope="module")
def upload(small_app: Served) -> str:
    return small_app.upload("picture.png", small_png())


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_is_no_upload_is_refused(small_app: Served, upload: str, name: str, way: str) -> None:
    path, body = WAYS[way](small_app, values(small_app, upload)[name])
    response = small_app.client.post(path, json=body)
    if response.status_code == 200:  # only a bare string by name gets as far as Gradio, which cannot read it either
        assert way == "call by names"
        stream = small_app.client.get(f"/gradio_api/call/show/{response.json()['event_id']}").text
        assert "event: error" in stream
    else:
        assert is_refusal(response), response.text


@pytest.mark.parametrize("name", [n for n in NAMES if n not in ("a number", "bare upload path")])
def test_an_endpoint_for_programs_refuses_them_too(small_app: Served, upload: str, name: str) -> None:
    answer = call(small_app, "named", [values(small_app, upload)[name]])
    assert answer.startswith("refused"), answer


def call(served: Served, name: str, data: list) -> str:
    """The first output of an endpoint, or `refused ...`."""
    response = served.client.post(f"/gradio_api/call/{name}", json={"data": data})
    if response.status_code != 200:
        assert is_refusal(response)
        return f"refused {response.text}"
    stream = served.client.get(f"/gradio_api/call/{name}/{response.json()['event_id']}", timeout=30).text
    event, _, data_line = stream.rpartition("event: ")[2].partition("\ndata: ")
    return str(json.loads(data_line)[0]) if event == "complete" else f"refused {data_line}"


def test_an_upload_is_read_as_posted_by_the_page(small_app: Served, upload: str) -> None:
    value = file_value(
        upload, url=f"{small_app.url}/gradio_api/file={upload}", orig_name="p.png", size=9, mime_type="image/png"
    )
    assert call(small_app, "show", [value, "hello"]) == "89504e47 hello"
    assert call(small_app, "named", [file_value(upload)]).startswith("read")


@pytest.mark.parametrize(
    ("name", "status"), [pytest.param("named", 422, id="program"), pytest.param("unlisted", 400, id="page")]
)
def test_an_upload_that_has_aged_out_is_said_to_be_gone(small_app: Served, name: str, status: int) -> None:
    """To the page with another status than to programs: Gradio's page shows no words that come with 422."""
    path = small_app.upload("old.png", small_png())  # under the name of no other test's upload
    Path(path).unlink()
    event = {"fn_index": small_app.fn(name), "data": [file_value(path)], "session_hash": "s"}
    response = small_app.client.post("/gradio_api/queue/join", json=event)
    assert response.status_code == status
    assert "no longer available" in response.json()["error"]


def test_an_upload_may_be_named_by_its_path_alone(small_app: Served, upload: str) -> None:
    assert call(small_app, "named", [{"path": upload}]).startswith("read")
    assert call(small_app, "show", [{"path": upload}, "hello"]) == "89504e47 hello"


BODIES = {
    "no JSON": b"{",
    "list": b"[]",
    "nothing": b"",
    "deep": b'{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "long number": b'{"data": [' + b"9" * 100_000 + b"]}",
    "broken text": b'{"data": ["\xff\xfe"]}',
    "no data": b'{"fn_index": 0}',
    "data is a string": b'{"data": "x", "fn_index": 0}',
    "too few inputs": b'{"data": [], "fn_index": 0, "session_hash": "abc"}',
    "too many inputs": b'{"data": [1,2,3,4,5,6,7,8,9], "fn_index": 0, "session_hash": "abc"}',
    "unknown function": b'{"data": [null, ""], "fn_index": 999, "session_hash": "abc"}',
    "negative function": b'{"data": [null, ""], "fn_index": -1, "session_hash": "abc"}',
    "function is text": b'{"data": [null, ""], "fn_index": "0", "session_hash": "abc"}',
    "function is true": b'{"data": [null, ""], "fn_index": true, "session_hash": "abc"}',
    "session with the queue's marker": b'{"data": [null, ""], "fn_index": 0, "session_hash": "a<gradio-sep>b"}',
    "long session": b'{"data": [null, ""], "fn_index": 0, "session_hash": "' + b"a" * 1000 + b'"}',
    "session is a list": b'{"data": [null, ""], "fn_index": 0, "session_hash": ["a"]}',
    "trigger is a list": b'{"data": [null, ""], "fn_index": 0, "session_hash": "a", "trigger_id": []}',
    "beyond the limit": b'{"data": [null, "' + b"x" * 1_100_000 + b'"], "fn_index": 0, "session_hash": "abc"}',
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
def test_a_body_that_makes_no_sense_is_refused(small_app: Served, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    assert is_refusal(small_app.client.post("/gradio_api/queue/join", content=body, headers=headers))


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_another_site_cannot_post_through_a_visitors_browser(small_app: Served, kind: str) -> None:
    body = json.dumps({"data": [None, "x"], "fn_index": small_app.fn("show"), "session_hash": "abc"})
    response = small_app.client.post("/gradio_api/queue/join", content=body, headers={"Content-Type": kind})
    assert response.status_code == 415


def test_a_batched_call_cannot_be_faked(small_app: Served) -> None:
    body = {"data": [None, "x"], "fn_index": small_app.fn("show"), "session_hash": "abc", "batched": True}
    assert small_app.client.post("/gradio_api/queue/join", json=body).status_code == 200
    assert '"success":true' in small_app.client.get("/gradio_api/queue/data?session_hash=abc").text


@pytest.mark.parametrize("chunked", [False, True], ids=["with length", "chunked"])
@pytest.mark.parametrize(
    ("path", "kind"),
    [("/gradio_api/queue/join", "application/json"), ("/gradio_api/upload", "multipart/form-data; boundary=x")],
)
def test_a_body_beyond_the_limit_is_cut_off(small_app: Served, path: str, kind: str, chunked: bool) -> None:
    size = 40 << 20
    sent = 0

    def pieces():
        nonlocal sent
        head = (
            b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n\r\n' if "up" in path else b'{"'
        )
        yield head
        while sent < size:
            sent += 65536
            yield b"x" * 65536

    content = pieces() if chunked else b"x" * size
    with contextlib.suppress(httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
        response = small_app.client.post(path, content=content, headers={"Content-Type": kind}, timeout=60)
        assert response.status_code == 413
    assert sent < size
    assert not [p for p in temp_files(small_app) if "tmp" in p.name]


def temp_files(served: Served) -> list:
    from florence_ui.hosting.visitor_files import upload_folder

    return [path for path in upload_folder().rglob("*") if path.is_file()]


class Stream:
    """An upload of files of half a megabyte, none of them too large for itself; counts what has been sent."""

    def __init__(self, files: int) -> None:
        self.files, self.sent = files, 0

    def __iter__(self) -> Iterator[bytes]:
        for number in range(self.files):
            yield b'--x\r\nContent-Disposition: form-data; name="files"; filename="%d.png"\r\n\r\n' % number
            yield b"x" * (1 << 19) + b"\r\n"
            self.sent += 1 << 19
            time.sleep(0.01)
        yield b"--x--\r\n"

    def refused_by(self, app: Served, words: str) -> None:
        """The app breaks it off, says so, and keeps nothing of it."""
        before = temp_files(app)
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        with contextlib.suppress(httpx.WriteError, httpx.ReadError, httpx.RemoteProtocolError):
            response = app.client.post("/gradio_api/upload", content=iter(self), headers=headers)
            assert is_refusal(response)
            assert words in response.text
        assert self.sent < self.files << 19
        assert temp_files(app) == before


def test_files_that_are_too_much_together_are_cut_off(small_app: Served) -> None:
    Stream(files=150).refused_by(small_app, "20 MB")


def test_an_upload_ends_when_the_disk_is_full(small_app: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """There was room when it began, as for all that began with it."""
    stream, room = Stream(files=40), disk_budget.MIN_FREE_BYTES + (5 << 20)
    monkeypatch.setattr(disk_budget.shutil, "disk_usage", lambda _: SimpleNamespace(free=room - stream.sent))
    stream.refused_by(small_app, "disk of this page's machine is full")


def test_one_address_has_only_so_many_requests_open(small_app: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "MAX_OPEN_PER_ADDRESS", 3)
    with contextlib.ExitStack() as stack:
        for number in range(3):
            stack.enter_context(small_app.client.stream("GET", f"/gradio_api/heartbeat/open-{number}"))
        response = small_app.client.get("/")
        assert response.status_code == 429
        assert is_refusal(response)
    for _ in range(100):
        if small_app.client.get("/").status_code == 200:
            return
        time.sleep(0.1)
    pytest.fail("a request that is over still counts")


def test_too_many_files_at_a_time_are_refused(small_app: Served) -> None:
    files = [("files", (f"{i}.png", b"x")) for i in range(MAX_FILES + 1)]
    response = small_app.client.post("/gradio_api/upload", files=files)
    assert response.status_code == 400
    assert "Too many files" in response.text


@pytest.mark.parametrize("word", [b"filename", b"FILENAME", b"filename "], ids=["small", "capitals", "blank"])
@pytest.mark.parametrize("size", [1 << 16, 7], ids=["large chunks", "split chunks"])
def test_files_are_counted_however_their_parts_are_spelled(small_app: Served, word: bytes, size: int) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    for count in (MAX_FILES, MAX_FILES + 1):
        body = b'--x\r\nContent-Disposition: form-data; name="files"; %s="a"\r\n\r\n%%d\r\n' % word
        body = b"".join(body % number for number in range(count)) + b"--x--\r\n"
        chunks = (body[start : start + size] for start in range(0, len(body), size))
        before = temp_files(small_app)
        response = small_app.client.post("/gradio_api/upload", content=chunks, headers=headers)
        if count > MAX_FILES:
            assert response.status_code == 400
            assert "Too many files" in response.text
            assert temp_files(small_app) == before
        else:
            assert len(response.json()) == len(set(response.json())) == count


@pytest.mark.skipif(sys.platform != "linux", reason="descriptors are counted by Linux's account")
def test_an_upload_that_never_ends_holds_no_descriptor_for_each_file(small_app: Served) -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a"\r\n\r\n%d\r\n'
    body = b"".join(part % number for number in range(MAX_FILES))
    kind, length = "Content-Type: multipart/form-data; boundary=x", f"Content-Length: {2 * len(body)}"
    head = f"POST /gradio_api/upload HTTP/1.1\r\nHost: 127.0.0.1\r\n{kind}\r\n{length}\r\n\r\n".encode()
    files, held = len(temp_files(small_app)), len(os.listdir("/proc/self/fd"))
    with contextlib.ExitStack() as stack:
        for _ in range(3):
            port = small_app.client.base_url.port
            connection = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
            connection.sendall(head + body)
        until = time.monotonic() + 30
        while len(temp_files(small_app)) < files + 3 * (MAX_FILES - 1):  # the last part may still go on
            assert time.monotonic() < until, "the files were not written"
            time.sleep(0.05)
        assert len(os.listdir("/proc/self/fd")) < held + 20


@pytest.mark.parametrize(
    "name",
    ["../../../../tmp/evil.png", "..", ".", "a" * 5000 + ".png", "a\x00b.png", "<img src=x onerror=alert(1)>.png",
     "${alert(1)}.png", "{{7*7}}.png", "a\r\nSet-Cookie: x=1.png", "\u202egnp.exe", "𝕏" * 200 + ".png", " ", "con.png"],
    ids=["up", "dots", "dot", "long", "nul", "html", "template", "jinja", "header", "bidi", "wide", "blank", "device"],
)  # fmt: skip
def test_an_uploads_name_stays_inside_the_folder(small_app: Served, name: str) -> None:
    from florence_ui.hosting.visitor_files import upload_folder

    response = small_app.client.post("/gradio_api/upload", files={"files": (name, small_png())})
    if response.status_code == 200:
        [path] = response.json()
        assert str(path).startswith(f"{upload_folder()}/")
        assert "\r" not in path
        assert "\n" not in path
    else:
        assert is_refusal(response), response.text


PART = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.png"\r\n'
ODD_UPLOADS = {
    "longer boundary": ("x" * 5000, b"ab"),
    "long boundary": ("x" * 257, b"ab"),
    "odd boundary": ("\xff", b"ab"),
    "no boundary": ("", b"ab"),
    "half a quote": ('"', b"ab"),
    "another boundary": ("x", b"--y\r\n"),
    "long header": ("x", PART + b"A: " + b"b" * 100_000 + b"\r\n\r\nc\r\n--x--\r\n"),
    "many headers": ("x", PART + b"A: b\r\n" * 10_000 + b"\r\nc\r\n--x--\r\n"),
    "header of no name": ("x", PART + b": b\r\n\r\nc\r\n--x--\r\n"),
    "part of no name": ("x", b"--x\r\nContent-Disposition: form-data\r\n\r\nc\r\n--x--\r\n"),
    "part of no kind": ("x", b"--x\r\n\r\nc\r\n--x--\r\n"),
    "text in place of a file": ("x", b'--x\r\nContent-Disposition: form-data; name="files"\r\n\r\nc\r\n--x--\r\n'),
    "many texts": ("x", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nc\r\n' * 2000 + b"--x--\r\n"),
}


@pytest.mark.parametrize("name", ODD_UPLOADS)
def test_an_upload_that_is_put_together_wrongly_is_refused(
    small_app: Served, name: str, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    boundary, body = ODD_UPLOADS[name]
    before = temp_files(small_app)
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}".encode("latin-1")}
    response = small_app.client.post("/gradio_api/upload", content=body, headers=headers)
    assert is_refusal(response), response.text
    assert "Traceback" not in capsys.readouterr().err + caplog.text
    assert temp_files(small_app) == before


HOSTILE_FILES = {
    "page.html": b"<script>alert(1)</script>",
    "picture.svg": b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>',
    "page.xhtml": b'<html xmlns="http://www.w3.org/1999/xhtml"><script>alert(1)</script></html>',
    "script.js": b"alert(1)",
    "polyglot.png": b"<script>alert(1)</script>",
    "none": b"<script>alert(1)</script>",
    "data.xml": b"<a/>",
}


@pytest.mark.parametrize("name", HOSTILE_FILES)
def test_an_uploaded_file_never_runs_as_a_page(small_app: Served, name: str) -> None:
    path = small_app.upload(name, HOSTILE_FILES[name])
    response = small_app.client.get(f"/gradio_api/file={path}")
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-security-policy"].startswith("sandbox;")
    kind = response.headers["content-type"]
    assert response.headers["content-disposition"].startswith("attachment") or kind.startswith(
        ("image/png", "image/jpeg")
    )
    assert "svg" not in kind
    assert "html" not in kind


def test_security_headers_are_on_pages_and_on_refusals(small_app: Served) -> None:
    for path in ("/", "/gradio_api/proxy=x", "/config"):
        headers = small_app.client.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        policy = headers["content-security-policy"]
        assert "connect-src 'self'" in policy
        assert "frame-ancestors 'self' https://huggingface.co" in policy
        assert "https://*.hf.space" in policy
        assert "default-src 'self'" in policy


def test_a_range_does_not_echo_the_request(small_app: Served, upload: str) -> None:
    headers = {"Range": "bytes=0-3", "Cookie": "secret=1", "X-Probe": "mirror"}
    response = small_app.client.get(f"/gradio_api/file={upload}", headers=headers)
    assert response.status_code == 200
    assert "x-probe" not in response.headers
    assert "cookie" not in response.headers


def test_the_openapi_description_has_the_public_endpoints_and_only_those(small_app: Served) -> None:
    paths = small_app.client.get("/gradio_api/openapi.json").json()["paths"]
    names = {path.rpartition("/")[2] for path in paths}
    assert {"show", "named", "upload"} <= names
    assert "unlisted" not in names


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        pytest.param({}, "{url}", id="direct"),
        pytest.param(
            {"X-Forwarded-Host": "demo.example.com", "X-Forwarded-Proto": "https"},
            "https://demo.example.com",
            id="proxy",
        ),
    ],
)
def test_the_openapi_description_says_where_the_endpoints_are(
    headers: dict[str, str], address: str, small_app: Served
) -> None:
    response = small_app.client.get("/gradio_api/openapi.json", headers=headers)
    assert response.json()["servers"] == [{"url": address.format(url=small_app.url)}]
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "Host"])
def test_a_forged_host_does_not_stay_in_the_description_for_others(small_app: Served, header: str) -> None:
    small_app.client.get("/gradio_api/info", headers={header: "evil.example"})
    assert "evil.example" not in small_app.client.get("/gradio_api/info").text
    assert "evil.example" not in small_app.client.get("/config").text


@pytest.mark.parametrize("host", ['x"><script>', "a b", "a/b", "a@b", "x" * 3000, "é"])
@pytest.mark.parametrize("header", ["X-Forwarded-Host", "Host", "X-Gradio-Server"])
def test_a_host_that_is_none_is_refused(small_app: Served, header: str, host: str) -> None:
    response = small_app.client.get("/", headers={header: host.encode()})
    assert is_refusal(response)


HOSTS_THAT_ARE_NONE = {
    "a port of letters": "a:b",
    "a port of too much": "a.example:65536",
    "two ports": "evil.example:80:90",
    "words after an address": "[::1]evil",
    "no address in brackets": "[zz]",
    "an old address in brackets": "[127.0.0.1]",
    "a new address without brackets": "::1",
    "an address of too much": "999.1.1.1",
    "only a port": ":80",
    "none after a comma": "a.example,",
    "an odd one after a comma": "a.example, a:b",
    "too many": ", ".join(["a.example"] * 11),
}


@pytest.mark.parametrize("host", HOSTS_THAT_ARE_NONE.values(), ids=HOSTS_THAT_ARE_NONE)
@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/info", "/gradio_api/openapi.json", "/qr.svg"])
def test_no_page_is_built_for_a_forwarded_host_that_is_none(
    small_app: Served, path: str, host: str, caplog: pytest.LogCaptureFixture
) -> None:
    response = small_app.client.get(path, headers={"X-Forwarded-Host": host})
    assert response.status_code == 400
    assert response.json() == {"error": "The request has no valid Host header."}
    assert "Traceback" not in caplog.text


@pytest.mark.parametrize("host", ["a.example", "a.example:8443, inner:80", "[::1]:7860", "10.0.0.1", "my_box."])
def test_a_forwarded_host_may_be_any_name_or_address(small_app: Served, host: str) -> None:
    assert small_app.client.get("/qr.svg", headers={"X-Forwarded-Host": host}).status_code == 200


def test_a_failing_function_shows_no_traceback(small_app: Served) -> None:
    answer = call(small_app, "failing", [])
    assert answer.startswith("refused")
    assert "division" not in answer


def test_a_websocket_is_refused(small_app: Served) -> None:
    headers = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
               "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ=="}  # fmt: skip
    assert small_app.client.get("/gradio_api/queue/join", headers=headers).status_code in (403, 404, 405)


@pytest.mark.parametrize("how", ["page", "program"])
def test_leaving_is_noticed(small_app: Served, how: str) -> None:
    async def leave() -> str:
        async with httpx.AsyncClient(timeout=20) as client:
            if how == "page":
                session = "leaver1"
                body = {"data": [20], "fn_index": small_app.fn("slow"), "session_hash": session}
                await client.post(f"{small_app.url}/gradio_api/queue/join", json=body)
                address = f"{small_app.url}/gradio_api/queue/data?session_hash={session}"
            else:
                answer = await client.post(f"{small_app.url}/gradio_api/call/slow", json={"data": [20]})
                session = answer.json()["event_id"]
                address = f"{small_app.url}/gradio_api/call/slow/{session}"
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(2), client.stream("GET", address) as stream:
                    async for _ in stream.aiter_bytes():
                        pass
            return session

    session = asyncio.run(leave())
    for _ in range(100):
        if session in small_app.left:
            return
        time.sleep(0.1)
    pytest.fail("nobody noticed that the page was closed")


def test_staying_until_the_answer_is_no_leaving(small_app: Served) -> None:
    assert call(small_app, "slow", [0.1]) == "done"
    before = list(small_app.left)
    assert call(small_app, "slow", [0.1]) == "done"
    assert small_app.left == before


@pytest.mark.parametrize(("name", "data"), [("slow", [0.1]), ("failing", [])], ids=["done", "failed"])
def test_nothing_of_a_finished_call_is_kept(small_app: Served, name: str, data: list) -> None:
    for _ in range(2):
        event = small_app.client.post(f"/gradio_api/call/{name}", json={"data": data}).json()["event_id"]
        assert small_app.client.get(f"/gradio_api/call/{name}/{event}").text.startswith("event: ")
        sessions = small_app.demo.app.state_holder
        for _ in range(100):  # the client has its answer a moment before the server is done
            if event not in sessions.session_data:
                break
            time.sleep(0.02)
        assert event not in sessions.session_data
        assert event not in sessions.time_last_used


def test_health_tells_page_and_backend_apart(small_app: Served) -> None:
    answer = small_app.client.get("/healthz")
    assert answer.status_code == 200
    assert answer.json() == {"page": "ok", "backend": "ok", "detail": "It works."}


@pytest.mark.parametrize("path", ["/", "/config", "/gradio_api/info"])
@pytest.mark.parametrize("coding", ["br", "gzip"])
def test_the_large_texts_travel_compressed(small_app: Served, path: str, coding: str) -> None:
    plain = small_app.client.get(path, headers={"Accept-Encoding": "identity"})
    squeezed = small_app.client.get(path, headers={"Accept-Encoding": coding})
    assert squeezed.headers["content-encoding"] == coding
    assert int(squeezed.headers["content-length"]) < len(plain.content) / 2
    assert "accept-encoding" in squeezed.headers["vary"].lower()
    assert squeezed.status_code == 200
    assert squeezed.headers["content-security-policy"] == plain.headers["content-security-policy"]


def test_a_stream_of_events_is_not_held_back_by_compression(small_app: Served) -> None:
    with small_app.client.stream("GET", "/gradio_api/heartbeat/abcdefgh") as stream:
        assert "content-encoding" not in stream.headers
