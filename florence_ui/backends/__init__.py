"""The servers that can run the model, all called in the same way: by inference-sdk's `POST /infer/lmm`.

Every failure becomes a `BackendError`: what happened, and what to do next. Nothing that a visitor typed is ever passed
to the SDK as a picture, because the SDK would read a string as a file name or a link; it gets the base64 of bytes that
this app encoded.
"""
