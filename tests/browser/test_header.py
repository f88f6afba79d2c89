"""The header: the theme, the key's field, the API panel; and the search for a task."""

from collections.abc import Callable

import pytest
from browser import steps
from playwright.sync_api import Page, expect

from florence_ui.tasks import TASKS


def test_the_button_of_the_theme_shows_what_it_switches_to(page: Page) -> None:
    moon, sun = page.locator("#theme .moon"), page.locator("#theme .sun")
    expect(moon).to_be_visible()
    expect(sun).to_be_hidden()
    page.get_by_role("button", name="Switch theme").click()
    expect(page.locator("body.dark")).to_be_visible()
    expect(moon).to_be_hidden()
    expect(sun).to_be_visible()


def test_beside_the_key_is_a_link_to_where_one_gets_it_that_takes_nothing_along(page: Page) -> None:
    page.click("#where")
    steps.choose_backend(page, "serverless")
    link = page.locator("#key").get_by_role("link", name="Get a key from Roboflow")
    expect(link).to_have_attribute("href", "https://app.roboflow.com/settings/api")
    expect(link).to_have_attribute("target", "_blank")
    expect(link).to_have_attribute("rel", "noopener noreferrer")


@pytest.mark.parametrize(
    ("query", "words"),
    [
        pytest.param("", "Install the Python client", id="python-first"),
        pytest.param("/?lang=bash", "curl -X POST", id="as-the-address-says"),
    ],
)
def test_the_api_panel_begins_with_python(open_page: Callable[..., Page], query: str, words: str) -> None:
    page = open_page(query)
    page.route("**/monitoring/summary", lambda route: route.fulfill(json={"functions": {}}))
    page.click("#api")
    expect(page.get_by_text(words).first).to_be_visible()


@pytest.mark.parametrize(
    ("query", "title", "missing"),
    [
        pytest.param("find the dog", "Find my classes", "Brief caption", id="find"),
        pytest.param("locate", "Find objects", "Brief caption", id="locate"),
        pytest.param("where is the cat?", "Ground a caption", "Read text", id="where"),
        pytest.param("count", "Find objects", "Segment by words", id="count"),
        pytest.param("read the sign", "Read text", "Find objects", id="read"),
        pytest.param("describe this", "Detailed caption", "Find objects", id="describe"),
        pytest.param("outline the dog", "Segment by words", "Find objects", id="outline"),
        pytest.param("phrase", "Segment by words", "Find objects", id="phrase"),
        pytest.param("read text", "Read and locate text", "Find objects", id="words-of-the-title"),
        pytest.param("<OD>", "Find objects", "Find my classes", id="token"),
    ],
)
def test_a_task_is_found_by_everyday_words(page: Page, query: str, title: str, missing: str) -> None:
    page.click("#task-button")
    page.fill("#task-search", query)
    titles = page.locator(".palette-item b").all_inner_texts()
    assert title in titles
    assert missing not in titles


@pytest.mark.parametrize("query", ["dog", "cat", "dogs and cats", "語"])
def test_a_search_that_no_task_matches_says_what_finds_it(page: Page, query: str) -> None:
    page.click("#task-button")
    page.fill("#task-search", query)
    expect(page.locator(".palette-none")).to_have_text("No task matches. To find something, name it here:")
    expect(page.locator(".palette-item b")).to_have_text(TASKS["<OPEN_VOCABULARY_DETECTION>"].title)
    page.keyboard.press("Enter")
    expect(page.locator("#classes input")).to_be_focused()
