"""An AVIF's boxes are followed exactly, whatever the widths of its numbers, and never beyond their ends."""

import struct

import pytest

from florence_ui.images import avif
from florence_ui.images.avif import PrimaryItem, boxes, hide_exif, is_whole, primary_item
from tests.bad_files import sample


def box(kind: bytes, *contents: bytes, size: int | None = None, wide: bool = False) -> bytes:
    """A box; `size` overrides the true one, `wide` gives it 64 bits."""
    content = b"".join(contents)
    if wide:
        return struct.pack(">L4sQ", 1, kind, len(content) + 16 if size is None else size) + content
    return struct.pack(">L4s", len(content) + 8 if size is None else size, kind) + content


def full_box(kind: bytes, version: int, flags: int, *contents: bytes) -> bytes:
    return box(kind, struct.pack(">L", version << 24 | flags), *contents)


def test_boxes_are_found_by_their_lengths():
    data = box(b"aaaa", b"12") + box(b"bbbb") + box(b"cccc", b"345", wide=True) + box(b"dddd", b"6", size=0)
    assert list(boxes(data)) == [
        (b"aaaa", 0, 8, 10),
        (b"bbbb", 10, 18, 18),
        (b"cccc", 18, 34, 37),
        (b"dddd", 37, 45, 46),
    ]
    assert [kind for kind, *_ in boxes(data, 10, 37)] == [b"bbbb", b"cccc"]
    assert [kind for kind, *_ in boxes(data, 10, 25)] == [b"bbbb"], "fewer than eight bytes are no box"


def test_a_box_that_is_cut_off_ends_with_the_file():
    assert list(boxes(box(b"aaaa", b"12", size=2**32 - 1))) == [(b"aaaa", 0, 8, 10)]
    assert list(boxes(box(b"aaaa", b"12", size=2**64 - 1, wide=True))) == [(b"aaaa", 0, 16, 18)]


@pytest.mark.parametrize(
    "data",
    [
        *(pytest.param(box(b"aaaa", bytes(20), size=size), id=f"size-{size}") for size in (2, 7)),
        *(pytest.param(box(b"aaaa", bytes(20), size=size, wide=True), id=f"wide-{size}") for size in (1, 15)),
    ],
)
def test_a_box_shorter_than_its_own_header_is_refused(data):
    with pytest.raises(ValueError, match="impossible"):
        list(boxes(data))
    assert not is_whole(data)
    assert primary_item(data) == PrimaryItem()


def test_a_level_has_a_bounded_number_of_boxes(monkeypatch):
    monkeypatch.setattr(avif, "MAX_BOXES", 4)
    assert len(list(boxes(box(b"free") * 3))) == 3
    with pytest.raises(ValueError, match="too many boxes"):
        list(boxes(box(b"free") * 5))


WHOLE = sample("AVIF")


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        pytest.param(WHOLE, True, id="as-saved"),
        pytest.param(WHOLE[:-1], False, id="a-byte-short"),
        pytest.param(WHOLE + b"\0\0", False, id="a-rest-behind-it"),
        pytest.param(WHOLE + box(b"mdat", b"12", wide=True), True, id="wide-box-at-the-end"),
        pytest.param((WHOLE + box(b"mdat", b"12", wide=True))[:-1], False, id="wide-box-cut-off"),
        pytest.param(WHOLE + box(b"mdat", b"12", size=0), True, id="box-up-to-the-end"),
        pytest.param(WHOLE + box(b"mdat", b"12", size=2**32 - 1), False, id="huge-box-cut-off"),
        pytest.param(b"", False, id="empty"),
    ],
)
def test_a_file_is_whole_if_its_last_box_is(data, expected):
    assert is_whole(data) == expected


def test_only_the_entries_of_exif_items_are_renamed():
    entries = [
        full_box(b"infe", 2, 0, b"\0\1\0\0", b"Exif\0"),
        full_box(b"infe", 3, 1, b"\0\0\0\2\0\0", b"Exif\0"),
        full_box(b"infe", 2, 0, b"\0\3\0\0", b"av01\0"),
    ]
    data = box(b"ftyp", b"avif") + box(b"meta", *entries) + box(b"mdat", entries[0], b"Exif") + b"rest"
    hidden = hide_exif(data)
    assert len(hidden) == len(data)
    assert hidden[: data.index(b"mdat")].count(b"skip") == 2
    assert b"Exif" not in hidden[: data.index(b"mdat")]
    assert hidden[data.index(b"mdat") :] == data[data.index(b"mdat") :]
    assert hide_exif(b"short") == b"short"


SIZE, CICP = (300, 70_000), (12, 16)


def picture(
    number: int, *, pitm: int = 0, ipma: int = 0, wide: bool = False, before: int = 0, others: int = 1
) -> bytes:
    """An AVIF of boxes alone: other items' properties, then those of the primary item.

    Args:
        number: Of the primary item.
        pitm: Version of the box that names it.
        ipma: Version of the box that lists each item's properties.
        wide: Whether those have 15 bits each instead of 7.
        before: Number of properties before its own.
        others: Number of items listed before it.
    """

    def listed(item: int, *properties: int) -> bytes:
        numbers = [value | (0x8000 if wide else 0x80) for value in properties]  # all of them essential
        head = struct.pack(">LB" if ipma else ">HB", item, len(numbers))
        return head + struct.pack(f">{len(numbers)}{'H' if wide else 'B'}", *numbers)

    properties = [box(b"free")] * before
    properties += [full_box(b"ispe", 0, 0, struct.pack(">LL", *SIZE)), box(b"colr", b"nclx", struct.pack(">HH", *CICP))]
    properties += [full_box(b"ispe", 0, 0, struct.pack(">LL", 1, 1)), box(b"colr", b"nclx", struct.pack(">HH", 1, 13))]
    lists = [listed(item, before + 3, before + 4) for item in range(20, 20 + others)]
    lists.append(listed(number, before + 1, before + 2))
    items = full_box(b"ipma", ipma, int(wide), struct.pack(">L", len(lists)), *lists)
    meta = full_box(
        b"meta",
        0,
        0,
        box(b"free", b"1"),
        full_box(b"pitm", pitm, 0, struct.pack(">L" if pitm else ">H", number)),
        box(b"iprp", box(b"ipco", *properties), items),
    )
    return box(b"ftyp", b"avif") + meta + box(b"iprp", b"outside")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(picture(1), id="narrow"),
        pytest.param(picture(1, others=0), id="alone"),
        pytest.param(picture(1, others=5), id="behind-others"),
        pytest.param(picture(65_535), id="largest-narrow-number"),
        pytest.param(picture(65_536 + 20, pitm=1, ipma=1), id="wide-number"),
        pytest.param(picture(1, ipma=1, others=3), id="wide-numbers-behind-others"),
        pytest.param(picture(2**32 - 1, pitm=1, ipma=1), id="largest-number"),
        pytest.param(picture(1, wide=True, others=3), id="wide-indices"),
        pytest.param(picture(1, before=123), id="most-properties-that-narrow-indices-reach"),
        pytest.param(picture(1, wide=True, before=300), id="more-properties"),
    ],
)
def test_the_primary_items_size_and_colors_are_read(data):
    assert primary_item(data) == PrimaryItem(SIZE, CICP)


def test_colors_in_a_profile_are_not_taken_for_numbers():
    assert primary_item(picture(1).replace(b"nclx", b"prof")) == PrimaryItem(SIZE)


@pytest.mark.parametrize("kind", [b"meta", b"iprp", b"ipco", b"ipma", b"pitm"], ids=bytes.decode)
def test_nothing_is_known_where_a_box_is_missing(kind):
    assert primary_item(picture(1).replace(kind, b"free")) == PrimaryItem()


def test_nothing_is_known_where_the_primary_item_is_not_listed():
    data = picture(1)
    at = data.index(b"pitm") + 8
    assert primary_item(data[:at] + b"\0\7" + data[at + 2 :]) == PrimaryItem()


@pytest.mark.parametrize("length", [0, 30, 60, 100], ids=str)
def test_nothing_is_known_of_a_file_that_is_cut_off(length):
    assert primary_item(picture(1)[:length]) == PrimaryItem()
