"""What Gradio remembers of uploads."""

import os

from gradio.routes import App, file_upload_statuses


def forget_missing_files(app: App) -> None:
    """Drop the paths of files that no longer exist; blocks while it looks."""
    for paths in app.get_blocks().temp_file_sets:
        paths.intersection_update([path for path in paths if os.path.exists(path)])


def tracked_uploads() -> list[str]:
    """The names of uploads whose progress somebody has asked for or Gradio has tracked."""
    return [*file_upload_statuses._signals]


def forget_upload(name: str) -> None:
    """Drop the progress of an upload; Gradio keeps each name that anybody asks about, forever."""
    file_upload_statuses._signals.pop(name, None)
    file_upload_statuses.stop_tracking(name)
