"""A file is opened once while its picture is in use, and again when anything about it changes."""

import asyncio
import os
import threading
from pathlib import Path

import pytest
from workbench import picture_in, template, workbench

from florence_ui.errors import ImageError
from florence_ui.images import load_once, loading
from florence_ui.images.load_once import open_file
from florence_ui.images.loading import ImageLimits
from florence_ui.inference.batch import Batch

pytestmark = pytest.mark.anyio


@pytest.fixture
def opened(monkeypatch) -> list[Path]:
    """The files that are opened, in order."""
    paths: list[Path] = []

    def note(path: Path, limits: ImageLimits) -> loading.Picture:
        paths.append(path)
        assert threading.current_thread().name.startswith("decode"), "never in the event loop's thread"
        return loading.open_picture(path, limits)

    monkeypatch.setattr(load_once, "open_picture", note)
    return paths


def save(path: Path, size: tuple[int, int] = (30, 20), color: str = "red", modified: int = 1_000) -> Path:
    """A picture in a file; of one size, all have equally many bytes."""
    loading.Image.new("RGB", size, color).save(path, "BMP")
    os.utime(path, ns=(modified, modified))
    return path


async def test_a_file_is_opened_once_however_often_a_batch_names_it(tmp_path, opened):
    path, other = picture_in(tmp_path).path, tmp_path / "other.png"
    loading.Image.new("RGB", (30, 20)).save(other)
    with workbench() as (_, pipeline):
        batch = Batch.of([path, other] * 50)
        async for _ in batch.run(pipeline.analyze, template()):
            pass
    assert len(batch.done) == 100
    assert sorted(opened) == sorted([path, other])


async def test_callers_at_the_same_time_and_later_ones_share_a_picture_in_use(tmp_path, opened):
    path = save(tmp_path / "a.bmp")
    pictures = await asyncio.gather(*(open_file(path, ImageLimits()) for _ in range(3)))
    assert await open_file(path, ImageLimits()) is pictures[0] is pictures[1] is pictures[2]
    assert opened == [path]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"size": (31, 20)}, id="in-length"),
        pytest.param({"color": "blue", "modified": 1_001}, id="in-time"),
    ],
)
async def test_a_file_that_changed_is_opened_again(change, tmp_path, opened):
    path = save(tmp_path / "a.bmp")
    first = await open_file(path, ImageLimits())
    assert await open_file(path, ImageLimits()) is first
    save(path, **change)
    second = await open_file(path, ImageLimits())
    assert (second.size, second.display.getpixel((0, 0))) == (
        change.get("size", (30, 20)),
        (0, 0, 255) if "color" in change else (255, 0, 0),
    )


async def test_each_callers_limits_hold_for_a_picture_in_use(tmp_path):
    path = save(tmp_path / "a.bmp")
    picture = await open_file(path, ImageLimits())
    with pytest.raises(ImageError, match="too large"):
        await open_file(path, ImageLimits(max_pixels=599))
    assert picture.limits == ImageLimits()


async def test_other_files_are_other_pictures(tmp_path):
    paths = [save(tmp_path / name, color=color) for name, color in (("a.bmp", "red"), ("b.bmp", "blue"))]
    pictures = [await open_file(path, ImageLimits()) for path in paths]
    assert [picture.path for picture in pictures] == paths
    assert pictures[0].digest != pictures[1].digest


async def test_a_file_that_failed_is_tried_again(tmp_path, opened):
    path = tmp_path / "a.bmp"
    with pytest.raises(ImageError, match="no longer available"):
        await open_file(path, ImageLimits())
    path.write_bytes(b"BM")
    with pytest.raises(ImageError, match="corrupt"):
        await open_file(path, ImageLimits())
    assert (await open_file(save(path), ImageLimits())).size == (30, 20)
    assert len(opened) == 3
