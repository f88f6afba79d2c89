"""A visit: it opens on an answer, survives reloads and lost connections, and hears when the backend dies."""

from collections.abc import Iterator
from contextlib import ExitStack

import faults
import pytest
from browser import steps
from hosting.running import RunningApp
from playwright.sync_api import Browser, BrowserContext, Page, expect

from florence_ui.bench.scripted_backend import ScriptedBackend

NOTICED = 10_000
"""Milliseconds in which a backend that died has to be noticed."""


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser of its own: what a lost connection writes to its console is no failure here."""
    context = browser.new_context(viewport={"width": 1440, "height": 900}, reduced_motion="reduce")
    yield context
    context.close()


@pytest.fixture
def visit(context: BrowserContext, app: RunningApp) -> Page:
    """The page at its first visit, once the answer that it opens on is there."""
    return opened(context, app)


def opened(context: BrowserContext, app: RunningApp) -> Page:
    page = context.new_page()
    page.goto(app.url)
    expect(page.locator("#answer-list")).to_contain_text("recorded")
    expect(page.locator("#stage .stage[data-state=done]")).to_be_attached()
    return page


def ask(page: Page) -> None:
    """Ask for a phrase; the scripted server finds a car, whatever was asked."""
    page.click("#task-button")
    page.click(".palette-item[data-token='<CAPTION_TO_PHRASE_GROUNDING>']")
    page.fill("#phrase input", "the red car")
    page.click("#run")
    expect(page.locator("#answer-list")).not_to_contain_text("recorded")
    expect(page.locator("#stage .stage[data-state=done]")).to_be_attached()
    expect(page.locator(".thumb[data-name=recent-0]")).to_be_visible()


def expect_the_visit(page: Page) -> None:
    """The page as `ask` left it."""
    expect(page.locator("#phrase input")).to_have_value("the red car")
    expect(page.locator("#task-button")).to_contain_text("Ground a caption")
    expect(page.locator("#stage .stage[data-state=done]")).to_be_attached()
    expect(page.locator("#answer-list")).to_contain_text("Florence-2-base")
    expect(page.locator(".thumb[data-name=recent-0]")).to_be_visible()


def expect_no_visit(page: Page) -> None:
    """A page that opened anew, with the question that the browser remembers and without an answer to it."""
    expect(page.locator("#phrase input")).to_have_value("the red car")
    expect(page.locator("#stage .stage[data-state=ready]")).to_be_attached()
    expect(page.locator(".thumb[data-name=recent-0]")).to_have_count(0)


def load_time(page: Page) -> float:
    return page.evaluate("performance.timeOrigin")


def test_a_first_visit_opens_on_a_recorded_answer_without_a_click(visit: Page, backend: ScriptedBackend) -> None:
    expect(visit.locator("#answer-list")).to_contain_text("Florence-2-nano, recorded")
    expect(visit.locator("#stage")).to_contain_text("Click anything to ask about it")


def test_a_chosen_example_shows_its_recorded_answer_and_asks_nobody(visit: Page, backend: ScriptedBackend) -> None:
    before = backend.count
    visit.locator(".thumb[title='A party'], .thumb[aria-label*='A party']").first.click()
    expect(visit.locator("#task-button")).to_contain_text("Segment a region")
    expect(visit.locator("#answer-list")).to_contain_text("recorded")
    assert backend.count == before


def test_after_a_reload_everything_is_there_again(visit: Page) -> None:
    ask(visit)
    name = visit.evaluate("sessionStorage.getItem('florence-visit')")
    visit.reload()
    expect_the_visit(visit)
    assert visit.evaluate("sessionStorage.getItem('florence-visit')") != name
    assert visit.evaluate("Object.values(localStorage).every((text) => !text.includes('florence-visit'))")


def test_after_a_lost_connection_everything_is_there_again(visit: Page, context: BrowserContext) -> None:
    ask(visit)
    first = load_time(visit)
    context.set_offline(True)
    visit.wait_for_timeout(7000)
    context.set_offline(False)
    visit.wait_for_function("first => performance.timeOrigin > first", arg=first)
    expect_the_visit(visit)


def test_a_question_whose_note_was_lost_with_the_connection_is_there_again(visit: Page) -> None:
    visit.click("#task-button")
    visit.click(".palette-item[data-token='<CAPTION_TO_PHRASE_GROUNDING>']")
    expect(visit.locator("#phrase input")).to_be_visible()
    visit.wait_for_timeout(1000)  # until the browser has noted the task
    visit.route("**/run/predict*", lambda route: None)  # what is sent beside the queue never arrives
    visit.fill("#phrase input", "the red car")
    visit.click("#run")
    expect(visit.locator(".thumb[data-name=recent-0]")).to_be_visible()
    visit.unroute_all()
    visit.reload()
    expect_the_visit(visit)


def test_a_page_that_slept_goes_on(visit: Page, context: BrowserContext) -> None:
    ask(visit)
    devtools = context.new_cdp_session(visit)
    devtools.send("Page.setWebLifecycleState", {"state": "frozen"})
    context.set_offline(True)
    visit.context.pages[0].wait_for_timeout(7000)
    context.set_offline(False)
    devtools.send("Page.setWebLifecycleState", {"state": "active"})
    expect_the_visit(visit)


def test_a_page_whose_storage_is_denied_opens_all_the_same(context: BrowserContext, app: RunningApp) -> None:
    denied = "Object.defineProperty(window, 'sessionStorage', { get() { throw new DOMException('denied') } })"
    context.add_init_script(denied)
    page = opened(context, app)
    ask(page)
    page.wait_for_timeout(1500)  # until the browser has noted the question
    page.reload()
    expect_no_visit(page)


def test_another_tab_has_a_visit_of_its_own(visit: Page, context: BrowserContext, app: RunningApp) -> None:
    ask(visit)
    other = context.new_page()
    other.goto(app.url)
    expect_no_visit(other)


@pytest.fixture
def mortal(context: BrowserContext) -> Iterator[tuple[Page, ExitStack]]:
    """A page in front of a backend of its own, and what ends that backend."""
    with ExitStack() as life, ScriptedBackendApp(life) as app:
        yield opened(context, app), life


class ScriptedBackendApp(RunningApp):
    """The app in front of a scripted backend that may end before it."""

    def __init__(self, life: ExitStack) -> None:
        backend = life.enter_context(ScriptedBackend())
        super().__init__(FLORENCE_UI_LOCAL_URL=backend.url, FLORENCE_UI_START_SERVER="false")


def test_a_backend_that_died_is_noticed_and_the_failure_offers_what_helps(mortal: tuple[Page, ExitStack]) -> None:
    page, life = mortal
    ask(page)
    expect(page.locator("#where")).to_have_attribute("data-tone", "good")
    life.close()
    expect(page.locator("#where")).to_have_attribute("data-tone", "error", timeout=NOTICED)
    page.fill("#phrase input", "another car")
    page.click("#run")
    expect(page.locator("#stage .stage[data-state=failed]")).to_be_attached()
    expect(page.locator("#stage")).to_contain_text("No server answers")
    page.get_by_role("button", name="Use Roboflow serverless").click()
    expect(page.locator("#stage")).to_contain_text("needs an API key")
    expect(page.locator("#where")).to_have_attribute("data-tone", "warning")


def test_try_again_asks_the_same_question_again(visit: Page, backend: ScriptedBackend) -> None:
    async def fail(*_: object) -> object:
        from aiohttp import web

        return web.json_response({"message": "out of order"}, status=500)

    backend.fault = fail
    visit.click("#run")
    expect(visit.locator("#stage .stage[data-state=failed]")).to_be_attached()
    expect(visit.locator("#where")).to_have_attribute("data-tone", "error")
    backend.fault = None
    visit.get_by_role("button", name="Try again").click()
    expect(visit.locator("#stage .stage[data-state=done]")).to_be_attached()
    expect(visit.locator("#where")).to_have_attribute("data-tone", "good")


def test_a_failure_is_dismissed_by_its_button_and_by_another_choice_of_model(
    visit: Page, backend: ScriptedBackend
) -> None:
    backend.fault = faults.status(500)
    failed = visit.locator("#stage .stage[data-state=failed]")
    visit.click("#run")
    expect(failed).to_be_attached()
    visit.get_by_role("button", name="Dismiss").click()
    expect(failed).to_have_count(0)
    expect(visit.locator(".stage-notice")).to_have_text("")
    visit.click("#run")
    expect(failed).to_be_attached()
    steps.choose_model(visit, "large")
    expect(failed).to_have_count(0)
