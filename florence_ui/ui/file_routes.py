"""Files in and out: uploads, counted before they are written, and the private folder's files, served to the page.

Both addresses are Gradio's, and so are the forms of their answers; the routes come before Gradio's own.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from gradio.route_utils import file_fetch, upload_fn
from gradio.routes import file_upload_statuses
from gradio.utils import is_static_file
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope

from florence_ui import storage
from florence_ui.errors import StorageError
from florence_ui.storage.room import BLOCK, Room
from florence_ui.storage.writing import STEP, Lease, in_words
from florence_ui.ui.uploads import FILE_ROUTE, own_file, upload_folder


class FileRoutes:
    """The two addresses.

    Args:
        whose: The address of the visitor in whose name an upload counts.
    """

    def __init__(self, whose: Callable[[Scope], str]) -> None:
        self._whose = whose

    @property
    def routes(self) -> list[Route]:
        """To be served before Gradio's own."""
        return [
            Route("/gradio_api/upload", self.take, methods=["POST"]),
            Route(FILE_ROUTE + "{path:path}", self.give, methods=["GET"]),
        ]

    async def take(self, request: Request) -> Response:
        """Keep uploaded files; the answer is a list of their paths.

        Everything is written into a folder of this request, which is deleted at its end, however that comes.
        """
        lease = Lease(storage.budget(), self._whose(request.scope))
        upload_id = request.query_params.get("upload_id")
        try:
            await asyncio.to_thread(lease.open)
            counted = Request(request.scope, _counted(request.receive, lease))
            most = request.app.get_blocks().max_file_size
            progress = file_upload_statuses if upload_id else None
            paths, *_ = await upload_fn(counted, lease.place, most or float("inf"), upload_id, upload_progress=progress)
            return JSONResponse(await asyncio.to_thread(_kept, lease, [Path(path) for path in paths]))
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is there to read it
        except MultiPartException as error:
            too_large = "maximum allowed size" in error.message
            return PlainTextResponse(error.message, 413 if too_large else 400)
        except (StorageError, OSError) as error:
            words = error if isinstance(error, StorageError) else in_words(error)
            return JSONResponse({"error": str(words)}, HTTPStatus.INSUFFICIENT_STORAGE)
        finally:
            if upload_id:
                file_upload_statuses.set_done(upload_id)
            await asyncio.to_thread(lease.close)

    async def give(self, request: Request) -> Response:
        """A file of the private folder, or one that the page itself consists of.

        Raises:
            HTTPException: If it is neither.
        """
        path = request.path_params["path"]
        if not (await asyncio.to_thread(own_file, path) or is_static_file(path)):
            raise HTTPException(HTTPStatus.FORBIDDEN, "There is no such file here.")
        return file_fetch(path, request, request.app.get_blocks(), upload_folder())


def _kept(lease: Lease, paths: list[Path]) -> list[str]:
    """Let the uploaded files stay; files of one content share a folder."""
    folders = {folder: lease.keep_apart(folder) for folder in dict.fromkeys(path.parent for path in paths)}
    return [str(folders[path.parent] / path.name) for path in paths]


def _counted(receive: Receive, lease: Lease) -> Receive:
    """A `receive` that takes room for what comes, before it is handed on."""
    size = files = allowed = 0
    tail = b""
    mark = b"filename="

    async def read() -> Message:
        nonlocal size, files, allowed, tail
        message = await receive()
        chunk = message.get("body", b"")
        size += len(chunk)
        new = (tail + chunk).count(mark)
        tail = chunk[1 - len(mark) :]
        if new or size > allowed:
            more = max(0, size - allowed) and max(STEP, size - allowed)
            await asyncio.to_thread(lease.grow, Room(more + new * 2 * BLOCK, 2 * new))
            allowed += more
        return message

    return read
