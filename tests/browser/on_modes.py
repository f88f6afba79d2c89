"""People's actions in Compare and Many pictures, one function each."""

from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

SERIOUS = {"serious", "critical"}


def put_picture(page: Page, path: Path) -> None:
    """Choose a picture on the stage of Explore, and wait until it is there."""
    page.evaluate(
        "document.querySelector('#stage .stage-picture').removeAttribute('src')"
    )  # the old one must not count
    page.set_input_files("#stage input[type=file]", path)
    page.wait_for_selector("#stage [data-state=ready] .stage-picture[src]")


def enter(page: Page, name: str) -> None:
    """Open another mode, and wait until the dock is in it."""
    page.get_by_role("tab", name=name).click()
    mode = {"Explore": "explore", "Compare": "compare", "Many pictures": "batch"}[name]
    page.wait_for_selector(f"#{mode} #dock")


def choose_task(page: Page, title: str) -> None:
    """Choose a task in the palette."""
    page.click("#task-button")
    page.fill("#task-search", title)
    page.keyboard.press("Enter")
    expect(page.locator(".task-title")).to_have_text(title)


def choose_model(page: Page, side: str, model: str, shown: str = "") -> None:
    """Type a model's id for one side of a comparison, and wait until the side is called so, or as `shown` says."""
    page.click(f"#compare-{side} button")
    field = page.locator(f"#compare-{side}-model input")
    field.fill(model)
    field.press("Enter")
    expect(page.locator(f"#compare-{side} button")).to_contain_text(shown or model)
    page.keyboard.press("Escape")


def serious(page: Page) -> list[str]:
    """What axe-core finds serious: rule, how often, and the first place."""
    violations = Axe().run(page).response["violations"]
    return [
        f"{found['id']} x{len(found['nodes'])}: {found['nodes'][0]['html'][:160]}"
        for found in violations
        if found["impact"] in SERIOUS
    ]
