"""Text from models, servers, file names and links stays text on the page: it never runs or becomes markup.

Any script that hostile text injected would call `window.caught`.
"""

import json
from collections.abc import Callable
from pathlib import Path

import faults
import pytest
from browser import on_stage, steps
from playwright.sync_api import Page, expect

from florence_ui.bench.scripted_backend import ScriptedBackend

HOSTILE = {
    "image": '<img src=x onerror="window.caught=1">',
    "script": "<script>window.caught=1</script>",
    "svg": '<svg onload="window.caught=1"><a xlink:href="javascript:window.caught=1">x</a></svg>',
    "template": "${window.caught=1} {{window.caught=1}} {window.caught=1} <%= window.caught=1 %>",
    "attribute": '" onmouseover="window.caught=1" x="',
    "markdown": "[click](javascript:window.caught=1) ![x](x) **bold** # title",
    "html in markdown": "<b>bold</b><iframe srcdoc='<script>parent.caught=1</script>'></iframe>",
    "formula": "$\\href{javascript:window.caught=1}{x}$ $$x$$",
    "spreadsheet": '=HYPERLINK("http://x","y")',
    "bidi": "dog \u202egod\u202c \u2066x",
    "controls": "dog\x1b[31m\x00\x07 cat\r\nline",
    "entities": "&lt;img&gt; &amp; &#x3C;",
}


def check_quiet(page: Page) -> None:
    """Nothing ran, and no element came out of the text."""
    assert page.evaluate("window.caught") is None
    for selector in ("img[src='x']", "iframe[srcdoc]", "[onmouseover]", "a[href^='javascript:']", "#stage script"):
        assert page.locator(selector).count() == 0, selector


def test_a_label_is_text_everywhere(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    labels = list(HOSTILE.values())
    boxes = [[20 + 40 * n, 60, 50 + 40 * n, 300] for n in range(len(labels))]
    backend.answer = lambda prompt, size: {"<OD>": {"bboxes": boxes, "labels": labels}}
    steps.upload(page, photograph)
    steps.run(page)
    shown = page.locator("#answer-list").inner_text()
    for part in ("<img src=x", "<script>", "<svg", "${window.caught=1}", "onmouseover", "[click](java", "&lt;img&gt;"):
        assert part in shown
    for row in page.locator("#answer-list .row").all():
        row.hover()
        expect(page.locator(".stage-tip")).to_be_visible()
        check_quiet(page)
    for name in ("text", "table", "json", "code", "style", "download"):
        steps.open_drawer(page, name)
        check_quiet(page)
        page.locator(f"#drawer-{name} [data-do=close-drawer]").click()


def test_a_caption_is_text(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    backend.answer = lambda prompt, size: {"<CAPTION>": " ".join(HOSTILE.values())}
    steps.upload(page, photograph)
    steps.choose(page, "<CAPTION>")
    steps.run(page)
    check_quiet(page)
    assert "<script>" in page.locator(".stage-caption p").inner_text()
    steps.open_drawer(page, "text")
    check_quiet(page)
    assert page.locator(".stage-caption :is(b, strong, h1, a), #answer-list b, #answer-text b").count() == 0


def test_a_servers_message_is_text(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    steps.upload(page, photograph)
    for name in ("image", "template"):
        backend.fault = faults.status(500, {"message": HOSTILE[name]})
        steps.run(page, "failed")
        check_quiet(page)
        assert "caught" in page.locator(".stage-notice").inner_text()


def test_a_note_is_text(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    steps.upload(page, photograph)
    steps.run(page)
    words = " ".join(HOSTILE.values())
    backend.answer = lambda prompt, size: {"<REGION_TO_DESCRIPTION>": words}
    page.locator("#answer-list .row .main").first.click()
    on_stage.tool(page, "describe").click()
    expect(page.locator(".stage-note.done")).to_contain_text("<script>")
    check_quiet(page)
    assert page.locator(".stage-note :is(b, strong, h1)").all_inner_texts() == ["Describe"], "only its title is bold"


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("<img src=x onerror=window.caught=1>.png", id="markup"),
        pytest.param("${window.caught=1}{{1}}.png", id="template"),
    ],
)
def test_a_file_name_is_text(page: Page, backend: ScriptedBackend, photograph: Path, tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(photograph.read_bytes())
    steps.upload(page, path)
    steps.run(page)
    expect(page.locator(".thumb[data-name=recent-0]")).to_be_visible()
    check_quiet(page)


def test_a_link_is_text(page: Page) -> None:
    for link in ("javascript:window.caught=1", "http://x/<img src=x onerror=window.caught=1>", "data:text/html,<b>x"):
        steps.open_link(page, link)
        expect(page.locator("#link-notice p.error")).to_be_visible()
        check_quiet(page)


def test_a_link_to_a_setup_is_text(open_page: Callable[..., Page]) -> None:
    query = "?task=%3CCAPTION_TO_PHRASE_GROUNDING%3E&text=%3Cimg%20src%3Dx%20onerror%3D%22window.caught%3D1%22%3E"
    check_quiet(open_page(query + "&model=%3Cscript%3Ewindow.caught%3D1%3C/script%3E"))


def test_a_key_stays_in_its_field(page: Page, backend: ScriptedBackend, photograph: Path) -> None:
    key = "rf_BROWSERKEY_0123456789"
    steps.choose_backend(page, "serverless")
    field = page.locator("#key input")
    expect(field).to_be_visible()
    assert field.get_attribute("type") == "password"
    field.fill(key)
    field.press("Tab")
    page.wait_for_timeout(500)
    kept = page.evaluate("JSON.stringify(localStorage) + JSON.stringify(sessionStorage) + document.cookie")
    assert key not in kept
    assert key not in page.url
    assert key not in page.content()
    assert json.dumps(key) not in page.inner_text("body")
