"""The models' names, and constants shared by the page and its local server."""

BASE, LARGE, NANO = "florence-2-base", "florence-2-large", "florence-2-nano"
"""Names: Roboflow's for Microsoft's two checkpoints, and ours for the tiny one that ships."""
OFFICIAL_MODELS = (BASE, LARGE, NANO)

MAX_NEW_TOKENS = 1024
"""Longest answer, in tokens. Always sent: without it Roboflow's server may stop after 20, in mid-sentence."""

SERVER_NAME = "Florence-2 local server"
"""The name of this project's own server in `GET /info`; Roboflow's is "Roboflow Inference Server"."""

DEFAULT_PORT = 9001
"""The port of Roboflow's own local server, so that the same clients find this one."""

ENGINES = ("auto", "onnx", "torch")
"""The local server's engines: ONNX Runtime, PyTorch, or the faster one on this machine."""

PRECISIONS = ("exact", "fast")
"""Whether the light engine answers as transformers does in float32, or sooner with an output layer of 8 bits."""

REPOSITORIES = {BASE: "florence-community/Florence-2-base", LARGE: "florence-community/Florence-2-large"}
"""Where the Hugging Face Hub has the checkpoints, in transformers' own layout."""


def display_name(model_id: str) -> str:
    """A model's name in a sentence: `Florence-2-base` for `florence-2-base`; other ids as they are."""
    return model_id.capitalize() if model_id in OFFICIAL_MODELS else model_id


def normalize_id(model_id: str) -> str:
    """Undo `display_name`, whichever letters are capitals, and strip surrounding spaces; other ids stay as they are."""
    model_id = model_id.strip()
    return model_id.lower() if model_id.lower() in OFFICIAL_MODELS else model_id
