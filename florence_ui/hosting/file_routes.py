"""Routes for files: uploads, counted before they are written, and downloads from the private folder.

Paths and response formats are Gradio's; these routes precede its own.
"""

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from gradio.data_classes import DeveloperPath
from gradio.exceptions import InvalidPathError
from gradio.route_utils import file_fetch
from gradio.routes import file_upload_statuses
from gradio.utils import is_static_file, safe_join
from gradio_client.utils import strip_invalid_filename_characters
from python_multipart.exceptions import FormParserError
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
from florence_ui.hosting.visitor_files import FILE_ROUTE, find_upload, upload_folder
from florence_ui.storage.disk_space import DiskSpace
from florence_ui.storage.writing import STEP, Lease, as_storage_error
from florence_ui.visitor_identity import Visitor, current_visitor


class FileRoutes:
    """The two routes.

    Args:
        client_address: Scope -> the address of the visitor that an upload counts for.
    """

    def __init__(self, client_address: Callable[[Scope], str]) -> None:
        self._client_address = client_address

    @property
    def routes(self) -> list[Route]:
        """Both routes, to be served before Gradio's own."""
        return [
            Route("/gradio_api/upload", self.upload, methods=["POST"]),
            Route(FILE_ROUTE + "{path:path}", self.download, methods=["GET"]),
        ]

    async def upload(self, request: Request) -> Response:
        """Store uploaded files and respond with their paths.

        Everything is written into this request's own folder, which is always deleted when the request ends.
        """
        address = self._client_address(request.scope)
        current_visitor.set(Visitor("", address))
        lease = Lease(storage.budget(), address)
        upload_id = request.query_params.get("upload_id")
        try:
            await store_pool.run(lease.open)
            files = await self._parse(request, lease, upload_id)
            return JSONResponse(await store_pool.run(_keep_files, lease, files))
        except ClientDisconnect:
            return Response(status_code=HTTPStatus.BAD_REQUEST)  # nobody reads it
        except MultiPartException as error:
            too_large = "maximum allowed size" in error.message
            return PlainTextResponse(error.message, 413 if too_large else 400)
        except InvalidPathError:
            return PlainTextResponse("A file cannot be stored under this name. Rename it.", HTTPStatus.BAD_REQUEST)
        except (StorageError, OSError) as error:
            refusal = error if isinstance(error, StorageError) else as_storage_error(error)
            return JSONResponse({"error": str(refusal)}, HTTPStatus.INSUFFICIENT_STORAGE)
        finally:
            if upload_id:
                file_upload_statuses.set_done(upload_id)
            await store_pool.run(lease.close)

    async def _parse(self, request: Request, lease: Lease, upload_id: str | None) -> list[PartFile]:
        """Write the files of an upload into the lease's folder.

        Raises:
            MultiPartException: If the body is malformed or too large.
        """
        kind, _ = parse_options_header(request.headers.get("content-type"))
        if kind != b"multipart/form-data":
            raise MultiPartException("An upload must be multipart/form-data.")
        if upload_id:
            file_upload_statuses.track(upload_id)
        parser = UploadParser(
            request.headers,
            Request(request.scope, _reserve_space(request.receive, lease)).stream(),
            lease,
            upload_id=upload_id,
            upload_progress=file_upload_statuses if upload_id else None,
            max_file_size=request.app.get_blocks().max_file_size or float("inf"),
        )
        try:
            files = (await parser.parse()).getlist("files")
        except (FormParserError, TypeError):  # what Gradio's parser raises for odd boundaries and headers
            raise MultiPartException("The upload is not well-formed multipart/form-data.") from None
        return [file for file in files if isinstance(file, PartFile)]

    async def download(self, request: Request) -> Response:
        """Serve a file of the private folder, or one of the page's own.

        Raises:
            HTTPException: If it is neither.
        """
        path = request.path_params["path"]
        if not (await asyncio.to_thread(find_upload, path) or is_static_file(path)):
            raise HTTPException(HTTPStatus.FORBIDDEN, "There is no such file here.")
        return file_fetch(path, request, request.app.get_blocks(), upload_folder())


def _keep_files(lease: Lease, files: list[PartFile]) -> list[str]:
    """Keep the uploaded files under their names; files of equal content share a folder.

    Raises:
        InvalidPathError: If a name leads out of that folder.
    """
    paths = []
    for file in files:
        folder = lease.folder / file.sha.hexdigest()
        folder.mkdir(exist_ok=True)
        name = strip_invalid_filename_characters(Path(file.filename or "").name)
        paths.append(Path(safe_join(DeveloperPath(str(folder)), name)))
        file.path.rename(paths[-1])
    folders = {folder: lease.keep_subfolder(folder) for folder in dict.fromkeys(path.parent for path in paths)}
    return [str(folders[path.parent] / path.name) for path in paths]


def _reserve_space(receive: Receive, lease: Lease) -> Receive:
    """A `receive` that reserves space for what arrives before it is passed on."""
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
