"""Estimates shown before a painting is started: in the labels of "How", and in a sentence."""

from __future__ import annotations

import html
from dataclasses import replace

import gradio as gr

from nst import device
from nst.backbones.kinds import SCHEDULES
from nst.errors import NSTError
from nst.images import size_of
from nst.page.fast_events import Pace
from nst.page.inputs import Given, Inputs, Updates
from nst.page.job import LONGEST, estimated, shared
from nst.page.texts import duration, localized, say
from nst.requests import FAST
from nst.settings import KNOBS, Settings

USUAL = (4, 3)  # aspect ratio if there is no photo yet
HOWS = (FAST, *KNOBS["network"].choices)  # in the order of the page, from fast to fine


class TimeLabels:
    """The event handlers."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs, self.parts = inputs, inputs.parts

    @property
    def asked(self) -> set[gr.components.Component]:
        """The components it reads."""
        p = self.parts
        return {*self.inputs.chosen, p.second, p.original, *p.knobs.values()}

    @property
    def told(self) -> list[gr.components.Component]:
        """The components it updates."""
        return [self.parts.estimate, self.parts.how]

    def tell(self, given: Given, request: gr.Request) -> Updates:
        """Show how long each way of painting takes with these knobs, and how much memory the chosen one needs."""
        p = self.parts
        try:
            settings = self.inputs.settings(given)
            size = USUAL if given[p.photo] is None else size_of(given[p.photo].source)
        except NSTError:
            return {p.estimate: ""}  # reported when painting starts
        labels = [(label(request, how, size, settings), how) for how in HOWS]
        divided = self.inputs.division(given)
        paintings = len(divided.sub_styles) if divided else 1 + (given[p.second] is not None)
        sentence = "" if given[p.how] == FAST else told(request, size, settings, paintings)
        return {p.estimate: sentence, p.how: gr.Radio(choices=labels)}


def told(request: gr.Request, size: tuple[int, int], settings: Settings, paintings: int) -> str:
    """The estimate for the full method: time, memory, and what will be different."""
    try:
        found = estimated(size, settings, paintings)
    except NSTError:
        return ""  # reported when painting starts
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


def label(request: gr.Request, how: str, size: tuple[int, int], settings: Settings) -> str:
    """The label of an option of "How", with its time if known."""
    name = say(request, f"choice_{how}")
    seconds = seconds_of(how, size, settings)
    if seconds is None:
        return name
    time = say(request, "under_a_second") if seconds < 1 else duration(request, seconds)
    return f"{name} · {time}"


def seconds_of(how: str, size: tuple[int, int], settings: Settings) -> float | None:
    """Estimate the seconds to paint a photo of this aspect ratio this way; None if unknown."""
    if how == FAST:
        return Pace.of(round(settings.size**2 * min(size) / max(size)))
    if device.spaces is not None:
        return None
    if not SCHEDULES[how].can(settings.pooling, settings.content_layer):
        kind = SCHEDULES[how].coarse
        settings = replace(settings, pooling=kind.poolings[0], content_layer=kind.content_layer)
    from nst.optimization import estimates  # torch is not needed before

    return estimates.foreseen(size, settings.judged_by(how), guess=True).seconds
