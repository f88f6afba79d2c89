"""The app's own files as values of components."""

from pathlib import Path

from gradio.data_classes import FileData


def as_file_data(path: Path | None) -> FileData | None:
    """A file of ours as part of a component's value; Gradio adds the address."""
    return FileData(path=str(path), orig_name=path.name) if path else None
