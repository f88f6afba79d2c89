"""Write the tables that come from code into the documents: `python docs/tables.py`.

Each table stands between the marks `<!-- name -->` and `<!-- end of name -->` of its document.
"""

import re
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from florence_ui.api.registration import FIELDS  # noqa: E402
from florence_ui.backend_presets import PRESETS  # noqa: E402
from florence_ui.rendering.annotators import ANNOTATORS  # noqa: E402
from florence_ui.settings import Settings  # noqa: E402
from florence_ui.tasks import CUSTOM, TASKS, InputKind  # noqa: E402

NEEDS = {
    InputKind.NONE: "",
    InputKind.PHRASE: "a phrase",
    InputKind.CLASSES: "classes",
    InputKind.REGION: "a region",
    InputKind.PROMPT: "a prompt",
}


def main() -> None:
    """Rewrite every document whose tables are out of date."""
    for name, tables in DOCUMENTS.items():
        path = ROOT / name
        path.write_text(with_tables(path.read_text("utf-8"), tables), "utf-8")


def with_tables(document: str, tables: Iterable[str]) -> str:
    """A document with these tables as the code has them now.

    Raises:
        ValueError: If a table's marks are missing, or there twice.
    """
    for name in tables:
        pattern = rf"(<!-- {name} -->).*?(<!-- end of {name} -->)"
        document, found = re.subn(pattern, lambda m, name=name: m[1] + TABLES[name]() + m[2], document, flags=re.DOTALL)
        if found != 1:
            raise ValueError(f"Expected the marks of the table {name} once, found them {found} times.")
    return document


def tasks() -> str:
    """One row a task."""
    rows = [
        (
            task.family,
            f"**{task.title}**{' (experimental)' if task.experimental else ''}",
            "your own" if task.token == CUSTOM else f"`{task.token}`",
            NEEDS[task.input_kind],
            task.help,
        )
        for task in TASKS.values()
    ]
    return table(("Family", "Task", "Token", "Needs", "What it does"), rows)


def settings() -> str:
    """One row an environment variable."""
    rows = [(", ".join(f"`{name}`" for name in row.names), row.default, row.help) for row in Settings.variables()]
    return table(("Variable", "Default", "What it does"), rows)


def fields() -> str:
    """One row for each field of the endpoints that has a fixed set of values."""
    known = {name: field.choices for name, field in FIELDS.items() if field.choices} | {"backend": tuple(PRESETS)}
    return table(("Field", "Values"), [(f"`{name}`", ", ".join(f"`{v}`" for v in known[name])) for name in known])


def annotators() -> str:
    """Their names, in one line."""
    return ", ".join(ANNOTATORS)


def table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """A table in Markdown, a blank line around it."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n\n" + "".join(f"| {' | '.join(line)} |\n" for line in lines) + "\n"


TABLES = {"tasks": tasks, "settings": settings, "fields": fields, "annotators": annotators}
DOCUMENTS = {"README.md": ("tasks", "annotators"), "docs/settings.md": ("settings",), "docs/api.md": ("fields",)}

if __name__ == "__main__":
    main()
