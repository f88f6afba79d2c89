"""Record a model's answers to all tasks about all pictures of the gallery, so that the page can show them at once.

    python -m florence_ui.record                                              # nano, which ships
    python -m florence_ui.record --model florence-2-base                      # base, on the local server
    API_KEY=... python -m florence_ui.record --model florence-2-base --backend serverless

Settings are read from the environment, as the page reads them. Nothing is invented: the files hold what the server
responded, with the model's revision or the server's version, and the date.
"""

import argparse
import asyncio
import os
import sys
from pathlib import Path

from florence_ui.assets import RECORDINGS
from florence_ui.errors import FlorenceUIError
from florence_ui.inference.gallery import load_examples
from florence_ui.inference.pipeline import Pipeline
from florence_ui.inference.recorder import record, recordable
from florence_ui.models import NANO
from florence_ui.network.proxies import disable_proxies
from florence_ui.settings import Settings


def main() -> None:
    """Record, and end with a sentence if the model cannot be asked."""
    arguments = parse_arguments(sys.argv[1:])
    disable_proxies()
    try:
        pipeline = Pipeline(Settings.from_environ(os.environ))
        asyncio.run(record_all(pipeline, arguments.model, arguments.backend, arguments.out))
    except FlorenceUIError as error:
        sys.exit(str(error))


def parse_arguments(arguments: list[str]) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m florence_ui.record", description="Record answers for the gallery.")
    parser.add_argument("--model", default=NANO, help=f"default: {NANO}")
    parser.add_argument("--backend", default="local", help="serverless, dedicated or local (default: local)")
    parser.add_argument("--out", type=Path, default=RECORDINGS, help="folder for the files (default: the app's own)")
    return parser.parse_args(arguments)


async def record_all(pipeline: Pipeline, model_id: str, backend: str, folder: Path) -> None:
    """Write one file for each picture into a folder.

    Raises:
        FlorenceUIError: If the model cannot be asked; files that are finished stay.
    """
    try:
        if pipeline.backend(backend).is_local:
            pipeline.local.start()
            await pipeline.local.wait_ready(model_id, print)
        for example in recordable(load_examples(), model_id):
            recording = await record(pipeline, example, model_id, backend, on_progress=print)
            await asyncio.to_thread(recording.write, folder)
    finally:
        await asyncio.to_thread(pipeline.stop)


if __name__ == "__main__":
    main()
