"""Convert the values of the input components into orders, and settings back into updates of the components."""

from __future__ import annotations

from dataclasses import asdict, replace
from types import SimpleNamespace
from typing import Any

import gradio as gr

from nst.backbones.at_hand import usual
from nst.feedforward import fast
from nst.images import Picture
from nst.page import region_inputs
from nst.page.photos import example
from nst.page.refusals import refusal
from nst.page.sub_styles import Division, division_of
from nst.requests import FAST, OWN, FastRequest, FullRequest, parts_of, texture
from nst.settings import KNOBS, Settings

Given = dict[Any, Any]
"""The values of the page's parts, by part."""
Updates = dict[Any, Any]
"""What changes on the page, by part."""


class Inputs:
    """The input components of the page; ``parts`` has all components by name."""

    def __init__(self, parts: SimpleNamespace) -> None:
        self.parts = parts

    @property
    def chosen(self) -> set[Any]:
        """The components that choose the photo and the style."""
        p = self.parts
        return {p.photo, p.style, p.own, p.own_painting, p.sub_styles.state}

    @property
    def at_once(self) -> set[Any]:
        """The components that ``fast_request`` reads."""
        p = self.parts
        return {*self.chosen, p.strength, p.stroke, p.color, p.size, p.original, p.seed}

    @property
    def full(self) -> set[Any]:
        """The components that ``full_request`` reads."""
        p = self.parts
        beside = {p.second, p.share, p.placed, p.from_fast}
        return {*self.chosen, p.original, *beside, *p.knobs.values()}

    def subject(self, given: Given) -> tuple[Any, ...]:
        """An identifier of the chosen photo and style: equal for equal choices."""
        p = self.parts
        photo, own = given[p.photo], given[p.own]
        divided = self.division(given)
        style = None if own is None else own["style"].id, own is None and given[p.style]
        return photo and photo.source, *style, divided and id(divided)

    def division(self, given: Given) -> Division | None:
        """The sub-styles of the visitor's painting, if it is painted with."""
        p = self.parts
        return None if given[p.own] is None else division_of(given[p.sub_styles.state], given[p.own_painting])

    def photo(self, given: Given) -> Picture:
        """The visitor's photo, or the example if there is none."""
        upload = given[self.parts.photo]
        return example() if upload is None else upload.open()

    def fast_request(self, given: Given) -> FastRequest:
        """The order for the fast engine."""
        p = self.parts
        style = given[p.style] if given[p.own] is None else {given[p.own]["style"]: 1.0}
        size = None if given[p.original] else int(given[p.size])
        order = FastRequest(style, given[p.strength], given[p.stroke], given[p.color], size, int(given[p.seed]))
        divided = self.division(given)
        return replace(order, regions=tuple(divided.on(given[p.photo]).assignment.joined())) if divided else order

    def settings(self, given: Given) -> Settings:
        """The settings chosen on the page. Raises SettingsError."""
        p = self.parts
        values = {name: given[part] for name, part in p.knobs.items()}
        if values["network"] == FAST:
            values["network"] = usual()
        settings = Settings.from_dict(values)
        if given[p.original]:
            longest = max(self.photo(given).image.size)
            settings = replace(settings, size=min(KNOBS["size"].high, max(KNOBS["size"].low, longest)))
        return settings

    def source(self, given: Given, request: gr.Request) -> tuple[Picture, dict[str, float] | None]:
        """The painting to take the style from, and the shipped styles that it stands in for, if any."""
        p = self.parts
        if given[p.own] is None:
            style = fast.mixture(given[p.style])
            return texture(next(iter(style))), style
        if given[p.own_painting] is None:
            raise refusal(request, "needs_painting")
        return given[p.own_painting].open(), None

    def full_request(self, given: Given, request: gr.Request) -> FullRequest:
        """The order for the full method."""
        p = self.parts
        painting, style = self.source(given, request)
        order = FullRequest(self.photo(given), painting, self.settings(given), style=style)
        if given[p.from_fast]:
            order = replace(order, fast_style=OWN if style is None else style)
        beside = region_inputs.gathered(given[p.second], given[p.share], given[p.placed])
        if divided := self.division(given):
            paintings = divided.paintings
            parts = parts_of(divided.on(given[p.photo]).assignment.joined(), paintings)
            beside = replace(beside, second=paintings[1] if len(paintings) > 1 else None, sub_styles=parts)
        return replace(order, beside=beside)

    def turned_to(self, settings: Settings) -> Updates:
        """Updates that set all knobs to these settings."""
        p = self.parts
        told = {p.knobs[name]: value for name, value in asdict(settings).items()}
        return told | {p.strength: min(settings.style_weight, fast.STRENGTH.high), p.original: False}
