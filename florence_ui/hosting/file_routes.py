"""Files in and out: uploads, counted before they are written, and the private folder's files, served to the page.

Both addresses are Gradio's, and so are the forms of their answers; the routes come before Gradio's own.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from gradio.exceptions import InvalidPathError
from gradio.route_utils import file_fetch
from gradio.routes import file_upload_statuses
from gradio.utils import is_static_file, safe_join
from gradio_client.utils import strip_invalid_filename_characters
from python_multipart.multipart import parse_options_header
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import Message, Receive, Scope

from florence_ui import storage
from florence_ui.concurrency.fair_pool import store_pool
from florence_ui.errors import StorageError
from florence_ui.hosting.multipart import PartFile, UploadParser
from florence_ui.hosting.uploads import FILE_ROUTE, find_upload, upload_folder
from florence_ui.identity import Visitor, current_visitor
from florence_ui.storage.disk_space import DiskSpace
from florence_ui.storage.writing import STEP, Lease, as_storage_error


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
        address = self._whose(request.scope)
        current_visitor.set(Visitor("", address))
        lease = Lease(storage.budget(), address)
        upload_id = request.query_params.get("upload_id")
        try:
            await store_pool.run(lease.open)
            files = await self._parse(request, lease, upload_id)
            return JSONResponse(await store_pool.run(_kept, lease, files))
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody is there to read it
        except MultiPartException as error:
            too_large = "maximum allowed size" in error.message
            return PlainTextResponse(error.message, 413 if too_large else 400)
        except InvalidPathError:
            return PlainTextResponse("A file of this name cannot be kept: rename it.", HTTPStatus.BAD_REQUEST)
        except (StorageError, OSError) as error:
            words = error if isinstance(error, StorageError) else as_storage_error(error)
            return JSONResponse({"error": str(words)}, HTTPStatus.INSUFFICIENT_STORAGE)
        finally:
            if upload_id:
                file_upload_statuses.set_done(upload_id)
            await store_pool.run(lease.close)

    async def _parse(self, request: Request, lease: Lease, upload_id: str | None) -> list[PartFile]:
        """The files of an upload, written where the lease says.

        Raises:
            MultiPartException: If it is put together wrongly, or too much.
        """
        kind, _ = parse_options_header(request.headers.get("content-type"))
        if kind != b"multipart/form-data":
            raise MultiPartException("An upload must be multipart/form-data.")
        if upload_id:
            file_upload_statuses.track(upload_id)
        parser = UploadParser(
            request.headers,
            Request(request.scope, _counted(request.receive, lease)).stream(),
            lease,
            upload_id=upload_id,
            upload_progress=file_upload_statuses if upload_id else None,
            max_file_size=request.app.get_blocks().max_file_size or float("inf"),
        )
        return (await parser.parse()).getlist("files")

    async def give(self, request: Request) -> Response:
        """A file of the private folder, or one that the page itself consists of.

        Raises:
            HTTPException: If it is neither.
        """
        path = request.path_params["path"]
        if not (await asyncio.to_thread(find_upload, path) or is_static_file(path)):
            raise HTTPException(HTTPStatus.FORBIDDEN, "There is no such file here.")
        return file_fetch(path, request, request.app.get_blocks(), upload_folder())


def _kept(lease: Lease, files: list[PartFile]) -> list[str]:
    """Let the uploaded files stay under their names; files of one content share a folder.

    Raises:
        InvalidPathError: If a name leads out of that folder.
    """
    paths = []
    for file in files:
        folder = lease.folder / file.sha.hexdigest()
        folder.mkdir(exist_ok=True)
        name = strip_invalid_filename_characters(Path(file.filename or "").name)
        paths.append(Path(safe_join(str(folder), name)))
        file.path.rename(paths[-1])
    folders = {folder: lease.keep_subfolder(folder) for folder in dict.fromkeys(path.parent for path in paths)}
    return [str(folders[path.parent] / path.name) for path in paths]


def _counted(receive: Receive, lease: Lease) -> Receive:
    """A `receive` that takes room for what comes, before it is handed on."""
    size = allowed = 0

    async def read() -> Message:
        nonlocal size, allowed
        message = await receive()
        size += len(message.get("body", b""))
        if size > allowed:
            more = max(STEP, size - allowed)
            await store_pool.run(lease.grow, DiskSpace(more, 0))
            allowed += more
        return message

    return read
