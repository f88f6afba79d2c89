"""Posted values at their limits."""

from pathlib import Path

import pytest

from florence_ui.api import values
from florence_ui.errors import InputError
from florence_ui.inference.batch import MAX_PICTURES


def test_as_many_pictures_as_allowed_are_taken_and_one_more_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(values, "upload_path", lambda value, look: Path(value))
    names, link = [f"{number}.png" for number in range(MAX_PICTURES - 1)], "http://a.example/last.png"
    assert len(values.pictures_of(names, [link])) == MAX_PICTURES
    with pytest.raises(InputError, match=f"{MAX_PICTURES + 1} pictures"):
        values.pictures_of([*names, "one-more.png"], [link])
