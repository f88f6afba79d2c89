"""The local Florence-2 server: Roboflow Inference's `/infer/lmm`, answered by an engine on this machine.

    python -m florence_ui.server [--host H] [--port N] [--model ALIAS=DIRECTORY ...]

It needs no key and no Docker. An engine's packages are imported in a thread, when the first model is loaded, so the
server responds within a second of its start and stays small until then.
"""
