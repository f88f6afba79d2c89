"""The choice of the engine; the only module above the engines that knows them."""

import importlib.util

from florence_ui.server.engine import Engine
from florence_ui.server.errors import EngineUnavailableError

TORCH_PACKAGES = ("torch", "transformers")


def prepare_process(engine: str = "auto") -> None:
    """Set what an engine needs to have set in the main thread, before another is started."""
    if engine == "torch" or (engine == "auto" and _torch_is_installed()):
        from florence_ui.server.torch.memory import keep_freed_memory

        keep_freed_memory()


def choose_engine(engine: str = "auto", precision: str = "exact", *, small: bool = False) -> Engine:
    """Import the engine that suits this machine, and look at its devices; PyTorch's takes seconds.

    Args:
        engine: One of `ENGINES`; `auto` is PyTorch where it is installed and has a card or is faster on the processor.
        precision: One of `PRECISIONS`, for the light engine.
        small: Whether the checkpoint `is_small`; then `auto` does not even import PyTorch.

    Raises:
        EngineUnavailableError: If it is not installed, or cannot be loaded on this machine.
    """
    if engine == "torch":
        return _load_torch()
    if engine == "auto" and precision == "exact" and not small and _torch_is_installed():
        faster = _torch_if_faster()
        if faster is not None:
            return faster
    return _load_onnx(precision)


def _torch_is_installed() -> bool:
    return all(importlib.util.find_spec(name) for name in TORCH_PACKAGES)


def _load_torch() -> Engine:
    try:
        from florence_ui.server.torch.engine import choose
    except (ImportError, OSError) as error:
        raise EngineUnavailableError(
            "torch and transformers are not installed, or cannot be loaded here; run pip install -r "
            "requirements-torch.txt, or let FLORENCE_UI_ENGINE be onnx."
        ) from error
    return choose()


def _torch_if_faster() -> Engine | None:
    """PyTorch's engine, unless ONNX Runtime answers as soon here or PyTorch cannot be loaded."""
    try:
        from florence_ui.server.torch.engine import choose_if_faster
    except (ImportError, OSError):
        return None
    return choose_if_faster()


def _load_onnx(precision: str) -> Engine:
    try:
        from florence_ui.server.onnx.engine import OnnxEngine
    except (ImportError, OSError) as error:
        raise EngineUnavailableError(
            "ONNX Runtime is not installed, or cannot be loaded on this processor or system; run pip install -r "
            "requirements.txt, or install requirements-torch.txt and set FLORENCE_UI_ENGINE=torch."
        ) from error
    return OnnxEngine(fast=precision == "fast")
