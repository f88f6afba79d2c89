"""Colors of objects: apart from each other, the same in picture and list, legible, and kept."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from florence_ui.rendering.annotate import annotate
from florence_ui.rendering.colors import (
    DISTINCT,
    PALETTES,
    color_keys,
    contrasting_text_color,
    relative_luminance,
)
from florence_ui.rendering.style import Style
from florence_ui.results.result import Result, class_of, make_detections
from florence_ui.tasks import TASKS

BOX = [60, 60, 140, 140]


def result(labels, *, quads=None, names=None) -> Result:
    found = make_detections(labels, [BOX] * len(labels), quads=quads, names=names)
    return Result(TASKS["<OD>"], "<OD>", (400, 300), detections=found)


@given(labels=st.lists(st.text(max_size=3).filter(bool), max_size=60), palette=st.sampled_from(list(PALETTES)))
def test_two_labels_share_a_color_only_after_all_are_taken(labels: list[str], palette: str) -> None:
    labels = [class_of(label) or f"region {row + 1}" for row, label in enumerate(labels)]
    names, colors = list(dict.fromkeys(labels)), len(PALETTES[palette].colors)
    slots = Style(palette=palette).color_slots(result(labels))
    of_name = {name: int(slots[labels.index(name)]) for name in names}
    assert slots.tolist() == [of_name[label] for label in labels], "equal labels have equal colors"
    for start in range(0, len(names), colors):
        group = [of_name[name] for name in names[start : start + colors]]
        assert len(set(group)) == len(group)
        assert all(0 <= slot < colors for slot in group)


def test_the_first_labels_have_the_most_distinct_colors() -> None:
    slots = Style().color_slots(result([f"thing {i}" for i in range(14)]))
    assert sorted(slots[:DISTINCT].tolist()) == list(range(DISTINCT))
    assert slots[DISTINCT:].tolist() == list(range(DISTINCT, 14))


def test_a_label_has_one_color_in_every_picture() -> None:
    alone, with_others = Style().colors_of(result(["dog"])), Style().colors_of(result(["dog", "cat", "car"]))
    assert alone[0] == with_others[0]
    assert len(set(with_others)) == 3


@given(answers=st.lists(st.lists(st.sampled_from([f"thing {i}" for i in range(30)])), max_size=6))
def test_a_class_keeps_its_color_in_a_set_of_pictures_when_more_answers_arrive(answers: list[list[str]]) -> None:
    order: list[str] = []
    of_class: dict[str, str] = {}
    for count, labels in enumerate(answers, start=1):
        order += color_keys(result(labels))
        for known in answers[:count]:
            colors = Style(color_order=tuple(order)).colors_of(result(known))
            assert [of_class.setdefault(label, color) for label, color in zip(known, colors, strict=True)] == colors


def test_a_class_has_one_color_however_it_is_spelled() -> None:
    assert len(set(Style().colors_of(result(["traffic light", "Traffic  Light", " TRAFFIC LIGHT"])))) == 1


def test_an_object_keeps_its_color_when_a_follow_up_answer_joins_its_label() -> None:
    before = Style().colors_of(result(["cat", "dog"]))
    assert Style().colors_of(result(["cat: a grey cat", "dog: asleep"], names=["cat", "dog"])) == before


def test_objects_without_a_label_have_a_color_each() -> None:
    assert len(set(Style().colors_of(result([""] * 5)))) == 5


def test_lines_of_text_have_one_color_together() -> None:
    quad = [[60, 60], [140, 60], [140, 140], [60, 140]]
    assert len(set(Style().colors_of(result(["STOP", "MAIN ST"], quads=[quad, quad])))) == 1


@pytest.mark.parametrize("palette", PALETTES)
def test_hiding_some_objects_changes_nobodys_color_and_the_list_has_the_same(palette: str) -> None:
    labels = ["dog", "cat", "car", "tree"]
    answer = result(labels)
    picture = Image.new("RGB", (400, 300), (120, 120, 120))
    for row, color in enumerate(Style(palette=palette).colors_of(answer)):
        drawn = annotate(picture, answer, Style(palette=palette, labels=False), shown=[row])
        assert "#{:02x}{:02x}{:02x}".format(*drawn.getpixel((60, 100))) == color


def test_an_unknown_palette_has_the_colors_of_the_default_one() -> None:
    assert Style(palette="<script>").colors_of(result(["dog"])) == Style().colors_of(result(["dog"]))


@pytest.mark.parametrize("name", PALETTES)
def test_text_on_a_palettes_colors_is_legible(name: str) -> None:
    for color in PALETTES[name].colors:
        light, dark = sorted(map(relative_luminance, (color, contrasting_text_color(color))), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= (7.4 if name == "default" else 4.5), color


def test_no_two_colors_of_the_default_palette_are_alike() -> None:
    colors = np.array([color.as_rgb() for color in PALETTES["default"].colors])
    apart = np.abs(colors[:, None] - colors[None]).sum(axis=2)[np.triu_indices(len(colors), 1)]
    assert apart.min() > 30
