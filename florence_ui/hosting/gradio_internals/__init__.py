"""Everything that relies on private or undocumented parts of Gradio, Starlette and uvicorn, one module per subject.

`tests/hosting/test_gradio_internals.py` checks each assumption made here. After an upgrade, start there: a failing test
shows which assumption no longer holds.
"""
