"""Files of the app's own as components hold them."""

from pathlib import Path

from gradio.data_classes import FileData


def as_file_data(path: Path | None) -> FileData | None:
    """A file of ours as a component's value holds it; Gradio adds the address."""
    return FileData(path=str(path), orig_name=path.name) if path else None
