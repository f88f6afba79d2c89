"""The local Florence-2 server: Roboflow Inference's `/infer/lmm`, answered by transformers on this machine.

    python -m florence_ui.server [--host H] [--port N] [--model ALIAS=DIRECTORY ...]

It needs no key and no Docker. Only `engine` and `runtime` import torch and transformers, in a thread and after the
server answers, so it responds within a second or two of its start.
"""
