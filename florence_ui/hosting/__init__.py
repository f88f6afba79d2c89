"""Serving the page to strangers: routes, request and response limits, uploads, admission, and Gradio's internals."""
