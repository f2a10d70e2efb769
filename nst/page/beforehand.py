"""What a painting will take, said before it is begun."""

from __future__ import annotations

import html
from typing import Any

import gradio as gr

from nst import device
from nst.errors import NSTError
from nst.images import size_of
from nst.page.painting import LONGEST, estimated, shared
from nst.page.pictures import Upload
from nst.page.texts import duration, localized, say
from nst.settings import KNOBS, Settings

USUAL = (4, 3)  # proportions, where there is no photo yet


def told(photo: Upload | None, second: Upload | None, request: gr.Request, *values: Any) -> str:
    """How long it takes and how much memory, as the knobs stand."""
    try:
        settings = Settings.from_dict(dict(zip(KNOBS, values, strict=True)))
        size = USUAL if photo is None else size_of(photo.source)
        found = estimated(size, settings, 1 if second is None else 2)
    except NSTError:
        return ""  # which is said when it is to be painted
    if found is None:
        return ""
    memory = localized(request, f"{max(0.1, found.memory / 1e9):.1f}")
    if found.seconds is None:
        sentences = [say(request, "estimate_memory", memory=memory)]
    else:
        time, where = duration(request, found.seconds), device.describe(device.choose())
        sentences = [say(request, "estimate", time=time, memory=memory, device=where)]
        if shared() and found.seconds > LONGEST:
            sentences.append(say(request, "estimate_too_long", time=duration(request, LONGEST)))
    if max(found.size) < settings.size:
        sentences.append(say(request, "estimate_smaller", side=max(found.size)))
    if found.patch is not None:
        sentences.append(say(request, "estimate_patches"))
    return f"<p>{html.escape(' '.join(sentences))}</p>"
