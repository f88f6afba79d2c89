"""The page's parts in front of a scripted server; a module may override `scripted` with another one."""

from collections.abc import Iterator

import pytest
from ui.scripted_page import scripted_page

from florence_ui.bench.scripted_backend import ScriptedBackend
from florence_ui.ui.layout import Page


@pytest.fixture
def scripted() -> Iterator[tuple[ScriptedBackend, Page]]:
    """A scripted server, and the page in front of it."""
    with scripted_page() as both:
        yield both


@pytest.fixture
def backend(scripted: tuple[ScriptedBackend, Page]) -> ScriptedBackend:
    """The scripted server behind `page`."""
    return scripted[0]


@pytest.fixture
def page(scripted: tuple[ScriptedBackend, Page]) -> Page:
    """The page's parts, in front of `backend`."""
    return scripted[1]
