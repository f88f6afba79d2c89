"""The page's colors and shapes as a Gradio theme, its styles and its scripts.

Fonts are the system's own, so nothing is fetched.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.themes.utils import colors

TEAL = colors.Color(
    name="teal",
    c50="#effaf8", c100="#dcefeb", c200="#aee3da", c300="#82dccd", c400="#62cdbc", c500="#1f9c8d",
    c600="#0b6e63", c700="#095a51", c800="#0b4c46", c900="#153a35", c950="#05231f",
)  # fmt: skip
"""The one accent; the style sheets know it as `--accent`."""

SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Liberation Mono", "monospace")
UI = Path(__file__).parent
STYLES = (UI / "page.css", *sorted(UI.glob("*/*.css")))
SCRIPTS = (UI / "polyfills.js", UI / "page.js", *sorted(UI.glob("*/*.js")))
"""The page's own files first, then each tab's; the polyfills must run before Gradio's own scripts."""


TOKENS = {
    "body_background_fill": "bg",
    "body_text_color": "ink",
    "body_text_color_subdued": "ink-2",
    "background_fill_primary": "surface",
    "background_fill_secondary": "raise",
    "border_color_primary": "line",
    "border_color_accent": "accent",
    "color_accent": "accent",
    "color_accent_soft": "accent-soft",
    "link_text_color": "accent",
    "link_text_color_hover": "accent-hover",
    "link_text_color_visited": "accent",
    "link_text_color_active": "accent",
    "block_background_fill": "surface",
    "block_border_color": "line",
    "block_label_background_fill": "surface",
    "block_label_text_color": "ink-2",
    "block_title_text_color": "ink-2",
    "block_info_text_color": "ink-2",
    "panel_background_fill": "surface",
    "input_background_fill": "bg",
    "input_background_fill_focus": "bg",
    "input_border_color": "edge",
    "input_border_color_focus": "accent",
    "input_placeholder_color": "ink-2",
    "checkbox_background_color": "bg",
    "checkbox_border_color": "edge",
    "checkbox_label_background_fill": "surface",
    "checkbox_label_background_fill_hover": "raise",
    "checkbox_label_background_fill_selected": "surface",
    "checkbox_label_text_color_selected": "ink",
    "button_primary_background_fill": "accent",
    "button_primary_background_fill_hover": "accent-hover",
    "button_primary_text_color": "on-accent",
    "button_primary_border_color": "accent",
    "button_secondary_background_fill": "surface",
    "button_secondary_background_fill_hover": "raise",
    "button_secondary_text_color": "ink",
    "button_secondary_border_color": "line",
    "button_cancel_background_fill": "surface",
    "button_cancel_background_fill_hover": "raise",
    "button_cancel_text_color": "ink",
    "button_cancel_border_color": "edge",
    "slider_color": "accent",
    "table_even_background_fill": "surface",
    "table_odd_background_fill": "surface",
    "table_border_color": "line",
}
"""Gradio's name of a property -> the token of `page.css` that it takes, in light and dark."""
RADII = ("block_radius", "input_radius", "button_large_radius", "button_medium_radius", "button_small_radius")


def appearance() -> dict[str, Any]:
    """Theme, styles and scripts, as arguments of `gr.Blocks.launch`.

    The styles stand in the head: Gradio prefixes the selectors of its own `css`, and cuts them at every comma.
    """
    return {"theme": theme(), "head": _join("style", STYLES) + _join("script", SCRIPTS)}


def _join(tag: str, paths: Sequence[Path]) -> str:
    return "".join(f"<{tag}>{path.read_text('utf-8')}</{tag}>" for path in paths)


def theme() -> gr.themes.Base:
    """Gradio's own parts in the page's tokens, which `page.css` defines for light and dark."""
    base = gr.themes.Base(
        primary_hue=TEAL,
        secondary_hue=TEAL,
        neutral_hue=gr.themes.colors.stone,
        spacing_size=gr.themes.sizes.spacing_md,
        radius_size=gr.themes.sizes.radius_md,
        text_size=gr.themes.sizes.text_md,
        font=SANS,
        font_mono=MONO,
    )
    same = {name: f"var(--{token})" for name, token in TOKENS.items()}
    return base.set(
        **same,
        **{f"{name}_dark": token for name, token in same.items() if hasattr(base, f"{name}_dark")},
        **dict.fromkeys(RADII, "var(--r-2)"),
        block_border_width="0px",
        block_label_border_width="0px",
        block_shadow="none",
        block_title_text_weight="500",
        block_title_text_size="12px",
        block_info_text_size="12px",
        input_border_width="1px",
        button_border_width="1px",
        button_transition="none",
    )
