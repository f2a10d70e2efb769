"""The page's texts in the visitor's language; each language has its own file.

``t(key)`` is a text that the browser translates, for labels; ``say(request, key, ...)`` is a complete
sentence in the language that the browser asked for, with numbers or names filled in.
"""

from __future__ import annotations

import re

import gradio as gr

from nst.page.english import EN
from nst.page.portuguese import PT

TITLE = "Neural style transfer: a photo becomes a painting"  # Gradio does not translate a page's title

TEXTS = {"en": EN, "pt": PT}
I18N = gr.I18n(**TEXTS)
t = I18N


def language(request: gr.Request | None) -> str:
    """The browser's first language if the page has it, as the labels choose; English otherwise."""
    asked = request.headers.get("accept-language", "") if request is not None and request.headers else ""
    code = re.split("[,;-]", asked.lower())[0].strip()
    return code if code in TEXTS else "en"


def say(request: gr.Request | None, key: str, **values: object) -> str:
    """The sentence ``key`` in the visitor's language, with ``values`` filled in."""
    return TEXTS[language(request)][key].format(**values)


def names(key: str) -> dict[str, str]:
    """A text in every language, for components that translate themselves."""
    return {code: texts[key] for code, texts in TEXTS.items()}


def localized(request: gr.Request | None, number: str) -> str:
    """A number with the decimal separator of the visitor's language."""
    return number.replace(".", ",") if language(request) == "pt" else number


def duration(request: gr.Request | None, seconds: float) -> str:
    """Seconds, rounded as a person would say them."""
    if seconds < 90:
        return say(request, "seconds", n=max(1, round(seconds)))
    if seconds < 90 * 60:
        return say(request, "minutes", n=round(seconds / 60))
    return say(request, "hours", n=localized(request, f"{seconds / 3600:.1f}"))
