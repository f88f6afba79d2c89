"""The page's own components: each is a `gr.HTML` with its HTML, CSS and JavaScript in files beside it.

The templates are static: text from visitors, models and servers reaches the page through `textContent` and attributes
set by the script, so it can never become HTML, script or template.
"""
