"""The page's colors and shapes as a Gradio theme, its styles and its scripts.

Fonts are the system's own, so nothing is fetched.
"""

from pathlib import Path
from typing import Any

import gradio as gr
from gradio.themes.utils import colors

TEAL = colors.Color(
    name="teal",
    c50="#effaf8", c100="#d5f1ec", c200="#aee3da", c300="#7dd3c7", c400="#4dc0b1", c500="#1f9c8d",
    c600="#0b7468", c700="#0a5f56", c800="#0b4c46", c900="#0b3f3a", c950="#05211f",
)  # fmt: skip
STONE = colors.Color(
    name="stone",
    c50="#faf9f7", c100="#f3f1ee", c200="#e6e3de", c300="#d3cec7", c400="#a8a29a", c500="#7a746d",
    c600="#5c5751", c700="#433f3a", c800="#2b2825", c900="#1e1c1a", c950="#141311",
)  # fmt: skip

SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Liberation Mono", "monospace")
UI = Path(__file__).parent
STYLES = (UI / "page.css", *sorted(UI.glob("*/*.css")))
SCRIPTS = (UI / "polyfills.js", UI / "page.js", *sorted(UI.glob("*/*.js")))
"""The page's own files first, then each tab's; the polyfills must run before Gradio's own scripts."""


def appearance() -> dict[str, Any]:
    """Theme, styles and scripts, as arguments of `gr.Blocks.launch`."""
    scripts = "".join(f"<script>{path.read_text('utf-8')}</script>" for path in SCRIPTS)
    return {"theme": theme(), "css_paths": list(STYLES), "head": scripts}


def theme() -> gr.themes.Base:
    """Warm grays and one accent, light and dark."""
    base = gr.themes.Base(
        primary_hue=TEAL,
        secondary_hue=TEAL,
        neutral_hue=STONE,
        radius_size=gr.themes.sizes.radius_lg,
        font=SANS,
        font_mono=MONO,
    )
    return base.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color="*neutral_900",
        body_text_color_dark="*neutral_200",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        background_fill_primary="white",
        background_fill_primary_dark="*neutral_900",
        background_fill_secondary="*neutral_100",
        background_fill_secondary_dark="*neutral_800",
        border_color_primary="*neutral_200",
        border_color_primary_dark="*neutral_700",
        border_color_accent="*primary_600",
        border_color_accent_dark="*primary_400",
        color_accent="*primary_600",
        color_accent_soft="*primary_50",
        color_accent_soft_dark="*primary_900",
        link_text_color="*primary_600",
        link_text_color_dark="*primary_300",
        link_text_color_hover="*primary_700",
        link_text_color_hover_dark="*primary_200",
        link_text_color_visited="*primary_600",
        link_text_color_visited_dark="*primary_300",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_width="1px",
        block_border_color="*neutral_200",
        block_border_color_dark="*neutral_700",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_border_width="0px",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_400",
        block_title_text_color="*neutral_900",
        block_title_text_color_dark="*neutral_200",
        block_title_text_weight="600",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_400",
        block_shadow="none",
        block_radius="16px",
        input_background_fill="white",
        input_background_fill_dark="*neutral_950",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_700",
        input_border_color_focus="*primary_600",
        input_border_color_focus_dark="*primary_400",
        input_placeholder_color="*neutral_500",
        input_placeholder_color_dark="*neutral_400",
        input_radius="10px",
        input_border_width="1px",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_dark="*primary_400",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_hover_dark="*primary_300",
        button_primary_text_color="white",
        button_primary_text_color_dark="*primary_950",
        button_primary_border_color="transparent",
        button_secondary_background_fill="white",
        button_secondary_background_fill_dark="*neutral_900",
        button_secondary_background_fill_hover="*neutral_100",
        button_secondary_background_fill_hover_dark="*neutral_800",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_700",
        button_border_width="1px",
        button_large_radius="12px",
        button_medium_radius="10px",
        button_small_radius="8px",
        button_transition="background .15s, border-color .15s",
        slider_color="*primary_600",
        slider_color_dark="*primary_400",
    )
