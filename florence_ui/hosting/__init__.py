"""Public hosting of the page: routes, request and response limits, uploads, admission, and Gradio's internals."""
