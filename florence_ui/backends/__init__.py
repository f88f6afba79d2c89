"""The places where the model can run, all asked in the same way: by inference-sdk's `POST /infer/lmm`.

Everything that fails becomes a `BackendError`: what happened, and what to do next. Nothing that a visitor typed is ever
given to the SDK as a picture, because it would read a string as the name of a file or as a link; it gets base64 of
bytes that this app encoded.
"""
