"""The documents: their links are valid, and their tables match the code."""

import importlib.util
import re
from pathlib import Path

import pytest
from test_imports import modules, own_parts, part_of

from florence_ui.playground import build
from florence_ui.settings import Settings
from florence_ui.visitors.service import Services

ROOT = Path(__file__).parents[1]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), ROOT / "assets/florence-2-nano/README.md"])
GUIDES = {"api", "hosting", "how-it-works", "settings", "speed"}

spec = importlib.util.spec_from_file_location("tables", ROOT / "docs" / "tables.py")
tables = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tables)


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def without_code(text: str) -> str:
    return re.sub(r"^( *)```.*?^\1```$", "", text, flags=re.DOTALL | re.MULTILINE)


def anchors(path: Path) -> set[str]:
    """The anchors that GitHub makes of a document's headings."""
    headings = re.findall(r"^#+ (.+)$", without_code(path.read_text("utf-8")), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(path: Path) -> list[str]:
    """Links of a document to files or anchors that are not there."""
    links = re.findall(r"\]\((?!https?:)([^)\s]+)\)", without_code(path.read_text("utf-8")))
    broken = []
    for link in links:
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_link_leads_somewhere(path: Path) -> None:
    assert broken_links(path) == []


@pytest.mark.parametrize(
    ("link", "is_broken"),
    [
        pytest.param("b.md", False, id="file"),
        pytest.param("b.md#two-words", False, id="anchor"),
        pytest.param("#here", False, id="anchor-of-its-own"),
        pytest.param("https://example.com/none", False, id="elsewhere"),
        pytest.param("c.md", True, id="no-file"),
        pytest.param("b.md#three", True, id="no-anchor"),
        pytest.param("b.md#a-comment", True, id="comment-in-code"),
    ],
)
def test_a_broken_link_is_noticed(tmp_path: Path, link: str, is_broken: bool) -> None:
    (tmp_path / "b.md").write_text("# Two words\n\n```sh\n# a comment\n```\n", "utf-8")
    (tmp_path / "a.md").write_text(f"# Here\n\nSee [it]({link}).\n", "utf-8")
    assert broken_links(tmp_path / "a.md") == ([link] if is_broken else [])


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_path_that_is_named_exists(path: Path) -> None:
    named = re.findall(r"`((?:florence_ui|tests|docs|assets)/[\w./-]*)", path.read_text("utf-8"))
    assert [name for name in named if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=name_of)
def test_every_command_of_ours_that_is_named_exists(path: Path) -> None:
    modules = set(re.findall(r"python -m (florence_ui[\w.]*)", path.read_text("utf-8")))
    assert [module for module in modules if importlib.util.find_spec(module) is None] == []


@pytest.mark.parametrize("name", tables.DOCUMENTS)
def test_tables_are_those_of_the_code(name: str) -> None:
    """Run `python docs/tables.py` where this fails."""
    document = (ROOT / name).read_text("utf-8")
    assert tables.with_tables(document, tables.DOCUMENTS[name]) == document


@pytest.mark.parametrize(
    "document",
    [
        pytest.param("<!-- annotators --> no end", id="no-end"),
        pytest.param("no place at all", id="no-place"),
        pytest.param("<!-- annotators -->a<!-- end of annotators -->" * 2, id="two-places"),
    ],
)
def test_a_table_has_one_place(document: str) -> None:
    with pytest.raises(ValueError, match="annotators once"):
        tables.with_tables(document, ["annotators"])


def test_readme_is_short_and_leads_to_every_guide() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert len(text.splitlines()) < 150
    assert set(re.findall(r"\]\(docs/([\w-]+)\.md\)", text)) == GUIDES == {p.stem for p in (ROOT / "docs").glob("*.md")}


def test_every_room_is_described() -> None:
    text = (ROOT / "docs" / "how-it-works.md").read_text("utf-8")
    rooms = {path.parent.name for path in (ROOT / "florence_ui").glob("*/__init__.py")}
    assert {room for room in rooms if f"(../florence_ui/{room})" not in text} == set()


def test_the_drawing_of_the_rooms_is_true() -> None:
    text = (ROOT / "docs" / "how-it-works.md").read_text("utf-8")
    drawn: dict[str, set[str]] = {name: set() for name in re.findall(r"^    (\w+)\[", text, flags=re.MULTILINE)}
    for upper, lower in re.findall(r"^    (\w+) --> (\w+)$", text, flags=re.MULTILINE):
        drawn[upper].add(lower)
    real = {room: set() for room in drawn}
    for path in modules():
        if (room := part_of(path)) in real:
            real[room] |= own_parts(path) & set(drawn) - {room}
    assert {(a, b) for a in drawn for b in drawn[a] - {"base"} if b not in below(a, real)} == set()
    assert {(a, b) for a in real for b in real[a] if b not in below(a, drawn)} == set()


def below(room: str, arrows: dict[str, set[str]]) -> set[str]:
    """The rooms that arrows lead to from a room."""
    return arrows[room].union(*(below(other, arrows) for other in arrows[room]))


def test_every_backend_has_its_row() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert [name for name in tables.PRESETS if f"| `{name}` |" not in text] == []


def test_every_endpoint_has_its_row() -> None:
    services = Services.of(Settings.from_environ({"FLORENCE_UI_START_SERVER": "false"}))
    named = build(services).get_api_info()["named_endpoints"]
    rows = re.findall(r"^\| `(/\w+)` \|", (ROOT / "docs" / "api.md").read_text("utf-8"), flags=re.MULTILINE)
    assert sorted(rows) == sorted(named)
