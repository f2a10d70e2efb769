"""The Gradio app: the page for visitors, and the API for programs."""

from __future__ import annotations

import importlib.util
from typing import Any

import gradio as gr

from nst.page import api, look, look_tab, paint_tab
from nst.page.texts import I18N, TITLE, t
from nst.page.visitors import KEEP_HOURS, leave, sweep

QUEUE = 40  # events that may wait in the queue; further ones are asked to try again later

LAUNCH: dict[str, Any] = {
    "i18n": I18N,
    "theme": look.theme(),
    "css_paths": look.CSS,
    "footer_links": ["api"],
    "max_file_size": "64mb",
    "show_error": False,
    # Assistants can call the API functions as tools if the package mcp is installed.
    "mcp_server": importlib.util.find_spec("mcp") is not None,
}


def build() -> gr.Blocks:
    """Build the app, ready for ``launch(**LAUNCH)``."""
    sweep()
    # Gradio deletes uploads by age; a visitor may return to a photo from some hours ago.
    with gr.Blocks(title=TITLE, analytics_enabled=False, delete_cache=(3600, KEEP_HOURS * 3600)) as page:
        with gr.Column(elem_classes="masthead"):
            gr.Markdown(t("heading"), elem_classes="title")
            gr.Markdown(t("lead"))
        with gr.Tabs():
            with gr.Tab(t("tab_paint"), elem_id="tab-paint"):
                paint_tab.build(page)
            with gr.Tab(t("tab_look"), elem_id="tab-look"):
                look_tab.build()
        api.build()
        page.unload(leave)
    page.queue(max_size=QUEUE)
    return page
