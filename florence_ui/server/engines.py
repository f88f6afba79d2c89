"""The choice of the engine; the only module above the engines that knows them."""

from florence_ui.server.engine import Engine
from florence_ui.server.engine_errors import EngineUnavailableError


def prepare_process() -> None:
    """Set what an engine needs to have set in the main thread, before another is started."""
    from florence_ui.server.torch.memory import keep_freed_memory

    keep_freed_memory()


def choose_engine() -> Engine:
    """Import the engine that suits this machine, which takes seconds, and look at its devices.

    Raises:
        EngineUnavailableError: If it is not installed.
    """
    try:
        from florence_ui.server.torch.engine import choose
    except ImportError as error:
        raise EngineUnavailableError(
            "torch and transformers are not installed; run pip install -r requirements.txt."
        ) from error
    return choose()
