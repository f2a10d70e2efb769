"""The page visitors see, and the API programs call."""

from __future__ import annotations

import importlib.util
from typing import Any

import gradio as gr

from nst.page import api, look, paint_tab
from nst.page.texts import I18N, TITLE, t
from nst.page.visitors import KEEP_HOURS, leave, sweep

QUEUE = 40  # waiting requests of all kinds; the next one is asked to come back later

LAUNCH: dict[str, Any] = {
    "i18n": I18N,
    "theme": look.theme(),
    "css_paths": look.CSS,
    "footer_links": ["api"],
    "max_file_size": "64mb",
    "show_error": False,
    # Assistants call the API's functions as tools where the package that speaks with them is installed.
    "mcp_server": importlib.util.find_spec("mcp") is not None,
}


def build() -> gr.Blocks:
    """The whole page, ready for ``launch(**LAUNCH)``."""
    sweep()
    # Gradio deletes uploads too, and a visitor may come back to a photo of some hours ago.
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(3600, KEEP_HOURS * 3600)) as page:
        with gr.Column(elem_classes="masthead"):
            gr.Markdown(t("heading"), elem_classes="title")
            gr.Markdown(t("lead"))
        paint_tab.build(page)
        api.build()
        page.unload(leave)
    page.queue(max_size=QUEUE)
    return page
