"""The cost of a body with two hundred files: one lookup per file, and one trip through a thread per chunk."""

import pytest
from starlette.datastructures import Headers

from florence_ui import storage
from florence_ui.hosting import multipart, visitor_files
from florence_ui.hosting.multipart import UploadParser
from florence_ui.storage.writing import Lease

COUNT = 200


@pytest.fixture
def looks(monkeypatch) -> list[str]:
    """The paths that were looked for."""
    monkeypatch.setattr(visitor_files, "get_upload_folder", lambda: str(storage.folder()))
    asked, find_upload = [], visitor_files.find_upload
    monkeypatch.setattr(visitor_files, "find_upload", lambda path: asked.append(path) or find_upload(path))
    return asked


def test_a_file_is_looked_for_once_however_often_a_request_names_it(looks):
    path = str(storage.write(b"x", ".png"))
    visitor_files.check_file_values({"images": [{"path": path, "meta": visitor_files.FILE_META}] * COUNT})
    assert looks == [path]


@pytest.mark.anyio
async def test_the_tiny_files_of_a_chunk_are_written_together(monkeypatch):
    trips, run = [], multipart.store_pool.run

    def counted(work, *args):
        trips.append(work)
        return run(work, *args)

    monkeypatch.setattr(multipart.store_pool, "run", counted)
    part = b'--edge\r\nContent-Disposition: form-data; name="files"; filename="%d.png"\r\n\r\n%08x\r\n'

    async def stream():
        yield b"".join(part % (number, number) for number in range(COUNT)) + b"--edge--\r\n"

    headers = Headers({"Content-Type": "multipart/form-data; boundary=edge"})
    with Lease(storage.budget(), "192.0.2.1") as lease:
        files = (await UploadParser(headers, stream(), lease, max_file_size=1000).parse()).getlist("files")
        assert [file.path.read_bytes() for file in files] == [b"%08x" % number for number in range(COUNT)]
    assert len(trips) <= 2
