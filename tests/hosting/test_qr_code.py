"""The page's address as a QR code, read back by OpenCV as a camera's program reads it."""

import re

import cv2
import numpy as np
import pytest
from hosting.small_page import Served

from florence_ui.hosting.qr_code import MAX_ADDRESS, draw


def read_code(svg: str) -> str:
    """What an SVG's code says: its path is drawn row by row, in pieces of one square's height."""
    side = int(re.search(r'viewBox="0 0 (\d+) \1"', svg)[1])
    picture = np.full((side, side), 255, np.uint8)
    x = y = 0.0
    for command, first, second in re.findall(r"([Mmh])(-?[\d.]+)(?: (-?[\d.]+))?", svg.partition('class="qrline"')[2]):
        if command == "h":
            picture[int(y), int(x) : int(x) + int(first)] = 0
            x += int(first)
        else:
            x, y = (float(first), float(second)) if command == "M" else (x + float(first), y + float(second))
    text, _, _ = cv2.QRCodeDetector().detectAndDecode(picture.repeat(8, axis=0).repeat(8, axis=1))
    return text


@pytest.mark.parametrize(
    ("headers", "address"),
    [
        pytest.param({}, "{url}/", id="direct"),
        pytest.param({"X-Forwarded-Host": "demo.example.com"}, "http://demo.example.com/", id="by-a-proxy"),
        pytest.param(
            {"X-Forwarded-Host": "demo.example.com", "X-Forwarded-Proto": "https"},
            "https://demo.example.com/",
            id="tls",
        ),
    ],
)
def test_the_code_says_the_address_by_which_the_page_was_opened(
    headers: dict[str, str], address: str, small_app: Served
) -> None:
    response = small_app.client.get("/qr.svg?view=api", headers=headers)
    assert response.headers["content-type"] == "image/svg+xml"
    assert response.headers["cache-control"] == "no-store"
    assert read_code(response.text) == address.format(url=small_app.url)


def test_a_name_that_no_camera_could_read_is_refused(small_app: Served) -> None:
    response = small_app.client.get("/qr.svg", headers={"X-Forwarded-Host": f"{'x' * MAX_ADDRESS}.example.com"})
    assert response.status_code == 400
    assert "too long" in response.json()["error"]


def test_what_a_visitor_writes_into_the_name_stays_out_of_the_drawing() -> None:
    assert b"script" not in draw('http://"><script>alert(1)</script>/')
