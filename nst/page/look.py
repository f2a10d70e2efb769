"""The theme of the page: quiet paper and ink around the pictures, one blue for what can be pressed."""

from __future__ import annotations

from pathlib import Path

import gradio as gr
from gradio.themes import Color

CSS = Path(__file__).with_name("look.css")

# System fonts only: none is downloaded.
SANS = ("ui-sans-serif", "system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")

BLUE = Color(
    "#eef3fb",
    "#dbe6f6",
    "#b9cdec",
    "#8caede",
    "#5c88cb",
    "#3c69b3",
    "#2c5394",
    "#254577",
    "#20385f",
    "#1b2c49",
    "#131e33",
)
PAPER = Color(
    "#faf8f4",
    "#f3efe8",
    "#e6e0d5",
    "#d3cabb",
    "#a89d8b",
    "#7d7466",
    "#5e574c",
    "#443f38",
    "#2b2824",
    "#1e1c19",
    "#151412",
)


def theme() -> gr.themes.Base:
    """The theme: colors, sizes and corners, light and dark."""
    base = gr.themes.Base(
        primary_hue=BLUE,
        secondary_hue=BLUE,
        neutral_hue=PAPER,
        font=SANS,
        font_mono=MONO,
        radius_size=gr.themes.sizes.radius_md,
    )
    return base.set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color="*neutral_800",
        body_text_color_dark="*neutral_100",
        body_text_color_subdued="*neutral_600",
        body_text_color_subdued_dark="*neutral_400",
        background_fill_primary="white",
        background_fill_primary_dark="*neutral_900",
        background_fill_secondary="*neutral_50",
        background_fill_secondary_dark="*neutral_900",
        border_color_primary="*neutral_200",
        border_color_primary_dark="*neutral_800",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_width="1px",
        block_shadow="none",
        block_label_background_fill="transparent",
        block_label_background_fill_dark="transparent",
        block_label_border_width="0px",
        block_label_text_color="*neutral_600",
        block_label_text_color_dark="*neutral_400",
        block_title_text_weight="600",
        block_title_text_color="*neutral_800",
        block_title_text_color_dark="*neutral_100",
        block_info_text_color="*neutral_600",
        block_info_text_color_dark="*neutral_400",
        button_primary_background_fill="*primary_600",
        button_primary_background_fill_hover="*primary_700",
        button_primary_background_fill_dark="*primary_500",
        button_primary_background_fill_hover_dark="*primary_400",
        button_primary_text_color="white",
        button_primary_text_color_dark="white",
        button_secondary_background_fill="white",
        button_secondary_background_fill_hover="*neutral_100",
        button_secondary_background_fill_dark="*neutral_800",
        button_secondary_background_fill_hover_dark="*neutral_700",
        button_secondary_border_color="*neutral_300",
        button_secondary_border_color_dark="*neutral_700",
        button_border_width="1px",
        button_border_width_dark="1px",
        button_large_padding="12px 20px",
        button_large_text_size="16px",
        slider_color="*primary_600",
        slider_color_dark="*primary_400",
        input_background_fill="*neutral_50",
        input_background_fill_dark="*neutral_800",
    )
