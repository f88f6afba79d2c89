"""What people do on the stage, and what is to be seen there; places are parts of the picture's width and height."""

from browser.steps import STAGE
from playwright.sync_api import CDPSession, Locator, Page


def place(page: Page, x: float, y: float) -> tuple[float, float]:
    """Where a place of the picture is in the window now."""
    area = page.locator(".stage-picture").bounding_box()
    return area["x"] + x * area["width"], area["y"] + y * area["height"]


def point_at(page: Page, x: float, y: float) -> None:
    page.mouse.move(*place(page, x, y))


def click(page: Page, x: float, y: float) -> None:
    page.mouse.click(*place(page, x, y))


def drag(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Drag the mouse from one place to another."""
    point_at(page, *start)
    page.mouse.down()
    page.mouse.move(*place(page, *end), steps=4)
    page.mouse.up()


def drag_handle(page: Page, edges: str, by: tuple[float, float]) -> None:
    """Drag a handle of the region, by CSS pixels."""
    box = page.locator(f".stage-region i[data-edges={edges}]").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + by[0], y + by[1], steps=4)
    page.mouse.up()


def box_of(page: Page, node: Locator) -> list[float]:
    """An element's box as parts of the picture, with two digits."""
    area, box = page.locator(".stage-picture").bounding_box(), node.bounding_box()
    left, top = (box["x"] - area["x"]) / area["width"], (box["y"] - area["y"]) / area["height"]
    corners = [left, top, left + box["width"] / area["width"], top + box["height"] / area["height"]]
    return [round(corner, 2) for corner in corners]


def region(page: Page) -> list[float] | None:
    """The region on the stage, None if there is none."""
    node = page.locator(".stage-region")
    return box_of(page, node) if node.is_visible() else None


def lit_rows(page: Page) -> list[str]:
    """The names of the rows that are lit in the list."""
    return page.locator("#answer-list .row.on .name").all_inner_texts()


def is_lit(page: Page) -> bool:
    """Whether something is lit on the stage."""
    return page.locator(f"{STAGE}.lit").count() == 1


def tool(page: Page, name: str) -> Locator:
    """A button of the toolbar."""
    return page.locator(f".stage-tools [data-tool={name}]")


def zoom(page: Page) -> str:
    """What the zoom bar says."""
    return page.locator(".stage-zoom .percent").inner_text()


def focused(page: Page) -> str:
    """The label, tool or class of the focused element."""
    return page.evaluate(
        """() => {
            const node = document.activeElement;
            return node.dataset.tool ?? node.className.split(" ")[0];
        }"""
    )


def touch(page: Page, session: CDPSession, kind: str, *places: tuple[float, float]) -> None:
    """Put fingers on places of the stage, move or lift them; parts of the stage's size."""
    area = page.locator(STAGE).bounding_box()
    points = [
        {"x": area["x"] + x * area["width"], "y": area["y"] + y * area["height"], "id": finger}
        for finger, (x, y) in enumerate(places)
    ]
    session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
