"""People's actions on the page, one function each."""

from pathlib import Path

from playwright.sync_api import Page

SETTLED = "#stage [data-state={}]"


def upload(page: Page, path: Path) -> None:
    """Choose a file, and wait until Run is on or says what else it needs."""
    page.evaluate("document.querySelector('#stage .stage-img').removeAttribute('src')")  # the old one must not count
    page.set_input_files("#picture input[type=file]", path)
    page.wait_for_selector("#stage [data-state=ready] img[src*=picture]")


def choose(page: Page, family: str, variant: str = "") -> None:
    """Choose a family of tasks and one of its variants."""
    page.locator("#family label", has_text=family).click()
    if variant:
        page.locator("#variant label", has_text=variant).click()


def run(page: Page, state: str = "done") -> None:
    """Press Run and wait for the answer, or another end; what the stage showed before does not count."""
    page.wait_for_selector("#run:not([disabled])")
    page.evaluate("document.querySelector('#stage .stage').dataset.state = 'asked'")
    page.click("#run")
    settle(page, state)


def settle(page: Page, state: str = "done") -> None:
    """Wait until the run is over and the stage is in that state."""
    page.wait_for_selector(SETTLED.format(state), state="attached")
    page.wait_for_selector("#run")


def labels(page: Page) -> list[str]:
    """The labels in the list of what was found."""
    return page.locator(".stage-row").all_inner_texts()


def draw_box(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw a box with the mouse; corners in parts of the picture."""
    picture = page.locator("#picker .bp-img")

    def move_to(x: float, y: float) -> None:  # the page may move below the mouse, so where the picture is is read anew
        area = picture.bounding_box()
        page.mouse.move(area["x"] + x * area["width"], area["y"] + y * area["height"], steps=4)

    picture.scroll_into_view_if_needed()
    move_to(*start)
    page.mouse.down()
    move_to(*end)
    page.mouse.up()


def color_at(page: Page, x: float, y: float) -> tuple[int, int, int]:
    """The color of the picture on the stage at a place, in parts of its width and height."""
    return tuple(
        page.evaluate(
            """async ([x, y]) => {
                const image = document.querySelector("#stage .stage-img");
                await image.decode();
                const canvas = document.createElement("canvas");
                canvas.width = image.naturalWidth;
                canvas.height = image.naturalHeight;
                const context = canvas.getContext("2d");
                context.drawImage(image, 0, 0);
                return [...context.getImageData(x * canvas.width, y * canvas.height, 1, 1).data].slice(0, 3);
            }""",
            [x, y],
        )
    )


def is_grey(color: tuple[int, int, int]) -> bool:
    """Whether a color has no hue, give or take what JPEG adds."""
    return max(color) - min(color) < 24
