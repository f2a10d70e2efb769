"""Links that open the page with a style and its settings, for sharing."""

from __future__ import annotations

import json
from typing import Any

import gradio as gr

import nst
from nst.feedforward import fast
from nst.knobs import Knob
from nst.page.inputs import Inputs, Updates
from nst.page.times import HOWS
from nst.requests import FAST
from nst.settings import KNOBS

KNOBS_OF_LINKS: dict[str, Knob] = {
    "strength": fast.STRENGTH,
    "stroke": fast.STROKE,
    "color": fast.COLOR,
    "size": KNOBS["size"],
    "seed": fast.SEED,
}

# The link contains what differs from the defaults. It is copied to the clipboard or, without one, put into the address
# bar.
COPY = """(style, how, ...values) => {
    const names = %s, usual = %s;
    const link = new URL(location.href.split(/[?#]/)[0]);
    const shares = JSON.parse(style), ids = Object.keys(shares);
    link.searchParams.set('style', ids.length === 1 ? ids[0] : style);
    if (how !== '%s') link.searchParams.set('how', how);
    values.forEach((value, n) => { if (value !== usual[n]) link.searchParams.set(names[n], value); });
    const told = navigator.clipboard ? navigator.clipboard.writeText(link.href) : Promise.reject();
    return told.then(() => 'copied', () => { history.replaceState(null, '', link); return 'address'; });
}"""


class Links:
    """The event handlers."""

    def __init__(self, inputs: Inputs, usual: dict[str, Any]) -> None:
        self.parts, self.usual = inputs.parts, usual

    @property
    def told(self) -> list[Any]:
        """The components that a link sets, in the order in which ``COPY`` takes them."""
        p = self.parts
        return [p.style, p.how, p.strength, p.stroke, p.color, p.size, p.seed]

    @property
    def copy(self) -> str:
        """The JavaScript that makes a link."""
        names = list(KNOBS_OF_LINKS)
        return COPY % (json.dumps(names), json.dumps([self.usual[name] for name in names]), FAST)

    def opened(self, request: gr.Request) -> Updates:
        """Updates from the link's parameters; missing and invalid ones leave the defaults."""
        asked, p = dict(request.query_params or {}), self.parts
        first = {nst.styles()[0].id: 1.0}
        try:
            style = asked.get("style", "")
            shares = fast.mixture(json.loads(style) if style.startswith("{") else style) if style else first
        except (nst.SettingsError, ValueError):
            shares = first
        told = {p.style: json.dumps(shares)}
        if asked.get("how") in HOWS:
            told[p.how] = asked["how"]
        for name, knob in KNOBS_OF_LINKS.items():
            try:
                value = asked[name] if knob.choices else json.loads(asked[name])
                told[getattr(p, name)] = knob.check(value)
            except (KeyError, ValueError, nst.SettingsError):
                continue
        return told
