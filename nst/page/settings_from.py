"""Take ready-made settings: from a preset, or from the recipe in a result."""

from __future__ import annotations

import html
import json
from typing import Any

import gradio as gr

import nst
from nst.backbones.at_hand import usual
from nst.feedforward import fast
from nst.page.inputs import Given, Inputs, Updates
from nst.page.refusals import answers
from nst.page.texts import say
from nst.requests import FAST, OWN, fingerprint
from nst.settings import PRESETS, Settings


class ReadySettings:
    """The event handlers."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs, self.parts = inputs, inputs.parts

    @property
    def asked(self) -> set[Any]:
        """The components that are compared with the recipe."""
        p = self.parts
        return {p.taken, p.own_painting, p.own, p.style, p.second}

    @property
    def turned(self) -> list[Any]:
        """The components that a preset sets."""
        p = self.parts
        return [p.about, p.strength, p.original, *p.knobs.values()]

    @property
    def told(self) -> list[Any]:
        """The components that a result sets."""
        p = self.parts
        return [*self.turned, p.from_fast, p.style, p.own, p.share]

    def preset(self, name: str, request: gr.Request) -> Updates:
        """Set the knobs from a preset and show its source; a preset that names no network gets the default one of this
        machine."""
        chosen = PRESETS[name].settings()
        if "network" not in PRESETS[name].values:
            chosen = chosen.judged_by(usual())
        return {self.parts.about: paragraphs(say(request, f"source_{name}"))} | self.inputs.turned_to(chosen)

    @answers
    def from_result(self, given: Given, request: gr.Request) -> Updates:
        """Set the knobs and the style from an uploaded result, with notes on what differs."""
        recipe = nst.read_recipe(given[self.parts.taken])
        if recipe is not None and recipe.get("engine") == FAST:
            return self._fast(recipe, given, request)
        p, (settings, notes) = self.parts, Settings.from_recipe(recipe)
        sentences = [say(request, "taken"), *notes]
        began = recipe.get("fast_style")
        style = self._style(recipe.get("style") or (began != OWN and began), given, sentences)
        if began and began != OWN and not recipe.get("style"):
            sentences.append(say(request, "other_start"))
        paintings = [("second", given[p.second])]
        if not recipe.get("style"):
            paintings.append(("painting", given[p.own_painting]))
        for key, chosen in paintings:
            try:
                here = chosen and fingerprint(chosen.open())
            except nst.ImageError:
                here = None
            if here != recipe.get(f"{key}_pixels", here):
                sentences.append(say(request, f"other_{key}", name=str(recipe.get(key, "?"))[:80]))
        if parts := recipe.get("sub_styles"):
            sentences.append(say(request, "other_parts", number=str(parts)[:8]))
        if recipe.get("places"):
            sentences.append(say(request, "places_again"))
        share = recipe.get("share")
        known = isinstance(share, int | float) and 0 <= share <= 1
        told = {p.about: paragraphs(*sentences), p.from_fast: bool(began), p.style: style}
        told |= {p.own: None} if recipe.get("style") else {}
        return told | ({p.share: share} if known else {}) | self.inputs.turned_to(settings)

    def _fast(self, recipe: dict[str, Any], given: Given, request: gr.Request) -> Updates:
        """The same for a picture of the fast engine."""
        p, sentences = self.parts, [say(request, "taken")]
        if parts := recipe.get("sub_styles"):
            sentences.append(say(request, "other_parts", number=str(parts)[:8]))
        style = self._style(recipe.get("style"), given, sentences)
        told = {p.about: paragraphs(*sentences), p.style: style, p.own: None, p.knobs["network"]: FAST}
        size = recipe.get("size")
        told |= {p.original: size is None, p.strength: fast.STRENGTH.check(recipe.get("strength", 1.0))}
        knobs = {"stroke": fast.STROKE, "color": fast.COLOR, "seed": fast.SEED}
        told |= {p.knobs[name]: knob.check(recipe.get(name, knob.default)) for name, knob in knobs.items()}
        return told | ({} if size is None else {p.knobs["size"]: nst.KNOBS["size"].check(size)})

    def _style(self, style: Any, given: Given, sentences: list[str]) -> str:
        """The palette's value for a recipe's style; its current value, and a sentence, if that style is not here."""
        if style:
            try:
                return json.dumps(fast.mixture(style))
            except nst.SettingsError as error:
                sentences.append(str(error))
        return json.dumps(given[self.parts.style])


def paragraphs(*sentences: str) -> str:
    """A paragraph for each sentence."""
    return "".join(f"<p>{html.escape(sentence)}</p>" for sentence in sentences)
