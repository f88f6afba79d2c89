"""Measures of the page in a real browser; `python -m florence_ui.bench.page` writes their table."""
