"""An outbound HTTP proxy on the loopback, as in company networks; it resolves one name, to a test's server.

with ForwardProxy("models.example", backend.port) as proxy:
    os.environ["HTTP_PROXY"] = proxy.url
"""

import asyncio
import contextlib
import threading
from typing import Self


class ForwardProxy:
    """Takes `GET http://name/path` and `CONNECT name:443`; the latter only where it is the known name.

    Args:
        name: The name that it can reach.
        port: Where on the loopback that name leads.
        greeting: What it answers instead of doing its work, `407` for example; empty for none.

    Attributes:
        asked: The first line of every request, `CONNECT serverless.roboflow.com:443 HTTP/1.1` for example.
        headers: The headers of every request.
    """

    def __init__(self, name: str = "", port: int = 0, greeting: str = "") -> None:
        self.name, self.target, self.greeting = name, port, greeting
        self.asked: list[str] = []
        self.headers: list[str] = []

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._server = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            line, _, headers = head.partition("\r\n")
            self.asked.append(line)
            self.headers.append(headers)
            method, address, version = line.split(" ")
            known = address.removeprefix("http://").partition("/")[0].partition(":")[0] == self.name
            if self.greeting or not known:
                writer.write(f"HTTP/1.1 {self.greeting or '403 Forbidden'}\r\nContent-Length: 0\r\n\r\n".encode())
                await writer.drain()
            else:
                other, there = await asyncio.open_connection("127.0.0.1", self.target)
                if method == "CONNECT":
                    writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                else:
                    path = "/" + address.removeprefix("http://").partition("/")[2]
                    there.write(f"{method} {path} {version}\r\n{headers}".encode("latin-1"))
                await asyncio.gather(self._copy(reader, there), self._copy(other, writer))
        writer.close()

    async def _copy(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await source.read(2**16):
                sink.write(data)
                await sink.drain()
            sink.close()
