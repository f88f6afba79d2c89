"""Entry point: settings -> services -> page -> launch.

`python app.py` serves the page. Importing this module builds `demo` and starts nothing.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))  # `python -I` does not search the program's folder

from florence_ui import logs, storage
from florence_ui.errors import SettingsError
from florence_ui.network.proxies import disable_proxies
from florence_ui.settings import Settings

disable_proxies()
try:
    storage.use_private_folder()
except SettingsError as error:
    sys.exit(str(error))

from florence_ui.hosting.launch import prepare_environment, serve  # noqa: E402  # Gradio reads the environment when it is imported

prepare_environment()

from florence_ui.playground import build  # noqa: E402  # so does Gradio, which it imports
from florence_ui.visitors.service import Services  # noqa: E402

try:
    settings = Settings.from_environ(os.environ)
except SettingsError as error:
    sys.exit(str(error))
if settings.zero_gpu:
    import florence_ui.zero_gpu  # noqa: F401  # loads the models, before the page is launched
services = Services.of(settings)
demo = build(services)


def main() -> None:
    """Serve the page until SIGTERM or Ctrl-C; a local server that was started ends with it."""
    logs.configure(filter(None, [services.settings.api_key]))
    services.pipeline.start()
    serve(demo, on_end=services.pipeline.stop)


if __name__ == "__main__":
    main()
