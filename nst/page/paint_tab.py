"""The main page: one photo, one style, one result, painted at once, and then as well as one cares to wait for."""

from __future__ import annotations

import itertools
import json
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import gradio as gr
from PIL import Image

import nst
from nst.backbones.at_hand import usual
from nst.backbones.kinds import FULL, SCHEDULES
from nst.drawings import DRAWINGS, thumbnail
from nst.feedforward import fast
from nst.knobs import Knob
from nst.page import fast_events, optimize_events, own_style, region_inputs, sub_styles
from nst.page.fast_events import FastEvents
from nst.page.inputs import Inputs
from nst.page.job import warm_up
from nst.page.links import Links
from nst.page.optimize_events import OptimizeEvents
from nst.page.photos import photo_choices, pick_photo
from nst.page.pictures import SOURCES, Choice, Palette, Picker, PictureInput
from nst.page.settings_from import ReadySettings
from nst.page.texts import names, t
from nst.page.times import HOWS, TimeLabels
from nst.requests import CONTINUATIONS, FAST, SIZE
from nst.settings import KNOBS, PRESETS, Settings

SHARED = ("network", "stroke", "color", "size", "seed")  # knobs of every way of painting
LAYER_KNOBS = ("statistic", "content_layer", "style_1", "style_2", "style_3", "style_4", "style_5")
COSTLY = (
    "network",
    "size",
    "steps",
    "finish",
    "stroke",
    "scales",
    "optimizer",
    "statistic",
)  # in time or memory
TOGETHER = ("pooling", "content_layer")  # knobs with values that not every network supports
CHOICES = [KNOBS[name].choices for name in TOGETHER]

REVEAL = "(photo) => { if (photo !== null && innerWidth < 800) setTimeout(() => document.getElementById('%s')" + (
    ".scrollIntoView({behavior: 'smooth', block: 'start'}), 60); }"
)
# Choosing what a network does not support switches to the network that supports everything.
ABLE = {
    name: [[pooling, layer] for pooling, layer in itertools.product(*CHOICES) if schedule.can(pooling, layer)]
    for name, schedule in SCHEDULES.items()
}
NETWORK_THAT_CAN = f"""(network, pooling, layer) => {{
    const able = {json.dumps(ABLE)}[network];
    return !able || able.some(both => both[0] === pooling && both[1] === layer) ? network : "{FULL}";
}}"""
# Strength and style weight follow each other, within their ranges.
WEIGHT_OF_STRENGTH = "strength => strength"
STRENGTH_OF_WEIGHT = f"weight => Math.min(weight, {fast.STRENGTH.high})"

QUIET = {"api_visibility": "private", "show_progress": "hidden"}
NOW = QUIET | {"queue": False}
# In the queue, as are all events that may be refused: Gradio shows no message for an event outside it.
AT_ONCE = QUIET | {"concurrency_limit": None}


def slider(name: str, spec: Knob, value: Any) -> gr.Slider:
    """A slider for one of the knobs that come first."""
    words = {"label": t(name), "info": t(f"{name}_help"), "elem_id": f"paint-{name}"}
    return gr.Slider(spec.low, spec.high, value, step=spec.step, **words)


def knob(name: str, spec: Knob, value: Any) -> gr.components.Component:
    """A component for one knob of the full method, set to ``value``."""
    words = {"label": t(f"knob_{name}"), "info": t(f"help_{name}"), "elem_id": f"knob-{name}"}
    if spec.choices is not None:
        return gr.Radio([(t(f"choice_{c}"), c) for c in spec.choices], value=value, **words)
    if name == "seed":
        return gr.Number(value, minimum=spec.low, maximum=spec.high, precision=0, **words)
    return gr.Slider(spec.low, spec.high, value, step=spec.step, **words)


def what(p: SimpleNamespace) -> None:
    """Create the components for the photo and the style."""
    styles = [Choice(s.id, Image.open(s.thumbnail), {"en": s.title}, f"{s.artist}, {s.year}") for s in nst.styles()]
    p.drawn = [Choice(name, thumbnail(name), names(f"drawn_{name}")) for name in DRAWINGS]
    with gr.Column(elem_classes="pick-photo"):
        p.photo = PictureInput(
            label=t("your_photo"), type="filepath", image_mode=None, height=260, sources=SOURCES, buttons=[],
            elem_id="paint-photo",
        )  # fmt: skip
        gr.Markdown(t("try_photo"), elem_classes="hint")
        p.example = Picker(photo_choices(), elem_id="paint-examples", elem_classes="small-picks")
    with gr.Column(elem_classes="pick-style", elem_id="paint-styles"):
        gr.Markdown(t("styles"), elem_classes="section")
        p.style = Palette(styles, styles[0].id, names("mix"), elem_id="paint-style")
        p.own, p.own_painting, p.owned = own_style.build(p.style, p.drawn, optimize_events.pick_painting)
        p.sub_styles = sub_styles.build(p.photo, p.own_painting)


def how_exactly(p: SimpleNamespace) -> None:
    """Create the knobs: a few for everybody, the others in an accordion."""
    begun = asdict(Settings().judged_by(usual())) | {"size": SIZE}
    p.strength = slider("strength", fast.STRENGTH, fast.STRENGTH.default)
    p.stroke = p.knobs["stroke"] = slider("stroke", fast.STROKE, fast.STROKE.default)
    colors = [(t(f"choice_{color}"), color) for color in fast.COLOR.choices]
    p.color = p.knobs["color"] = gr.Radio(colors, value=fast.COLOR.default, label=t("color"), elem_id="paint-color")
    p.size = p.knobs["size"] = slider("size", KNOBS["size"], SIZE)
    p.original = gr.Checkbox(False, label=t("original"), elem_id="paint-original")
    with gr.Accordion(t("more_knobs"), open=False, elem_id="paint-more"):
        presets = [(t(f"preset_{name}"), name) for name in PRESETS]
        p.ready_made = gr.Dropdown(presets, label=t("preset"), info=t("preset_help"), elem_id="paint-preset")
        p.taken = gr.UploadButton(t("take_settings"), file_types=["image"], elem_id="paint-take")
        p.about = gr.HTML(elem_id="paint-about", elem_classes="hint")
        p.seed = p.knobs["seed"] = knob("seed", KNOBS["seed"], fast.SEED.default)
        gr.Markdown(t("full_only"), elem_classes="hint")
        p.from_fast = gr.Checkbox(False, label=t("from_fast"), info=t("from_fast_help"), elem_id="paint-from-fast")
        p.places = region_inputs.build(p.photo, p.drawn, optimize_events.pick_painting)
        p.second, p.share, p.placed, p.editor = p.places.parts
        for name in [name for name in KNOBS if name not in (*SHARED, *LAYER_KNOBS)]:
            p.knobs[name] = knob(name, KNOBS[name], begun[name])
        with gr.Accordion(t("layers"), open=False, elem_id="paint-layers"):
            for name in LAYER_KNOBS:
                p.knobs[name] = knob(name, KNOBS[name], begun[name])
    p.knobs = {name: p.knobs[name] for name in KNOBS}


def result(p: SimpleNamespace) -> None:
    """Create the result, the ways to continue from it, and the downloads."""
    p.result = gr.ImageSlider(
        label=t("before_after"), buttons=["fullscreen"], interactive=False, max_height=470, format="jpeg",
        elem_id="paint-result",
    )  # fmt: skip
    p.status = gr.HTML(elem_id="paint-status", elem_classes="status")
    p.how = p.knobs["network"] = gr.Radio(
        [(t(f"choice_{how}"), how) for how in HOWS], value=FAST, label=t("how"), elem_id="paint-how"
    )
    with gr.Row(elem_classes="downloads"):
        p.keep = gr.Button(t("keep"), variant="primary", elem_id="paint-keep", min_width=150)
        p.leave = gr.Button(t("leave_queue"), visible=False, elem_id="paint-leave", min_width=150)
        p.stop = gr.Button(t("stop"), variant="stop", visible=False, elem_id="paint-stop", min_width=150)
        p.left = gr.Button(visible=False, elem_id="paint-go-on", min_width=150)
        p.again = gr.Button(t("differently"), elem_id="paint-differently", min_width=150)
    p.estimate = gr.HTML(elem_id="paint-estimate", elem_classes="hint")
    with gr.Row(elem_classes="downloads"):
        p.wishes = {
            wish: gr.Button(t(wish), visible=False, elem_id=f"paint-again-{wish}", min_width=100, size="md")
            for wish in CONTINUATIONS
        }
    with gr.Row(elem_classes="downloads"):
        p.png = gr.DownloadButton(t("png"), interactive=False, elem_id="paint-png", min_width=130)
        p.jpeg = gr.DownloadButton(t("jpeg"), interactive=False, elem_id="paint-jpeg", min_width=130)
        p.both = gr.DownloadButton(t("pair"), interactive=False, elem_id="paint-both", min_width=130)
        p.drawing = gr.DownloadButton(t("drawing"), visible=False, elem_id="paint-map", min_width=130)
        p.link = gr.Button(t("link"), elem_id="paint-link", min_width=130)
    p.copied = gr.Textbox(visible=False)
    p.curves = gr.HTML(elem_id="paint-curves")


def build(page: gr.Blocks) -> None:
    """Create the components in the current context, and attach their event handlers."""
    p = SimpleNamespace(knobs={})
    # Only the key has to be unguessable; the secret is fixed so that the key outlives this process.
    p.key = gr.BrowserState("", storage_key="nst-unfinished", secret="nst")
    with gr.Row(elem_classes="work", elem_id="paint-work"):
        with gr.Column(scale=5, min_width=300, elem_classes="make"):
            what(p)
            turn = gr.Column(elem_classes="turn")
        with gr.Column(scale=7, min_width=300, elem_classes="see", elem_id="paint-see"):
            result(p)
    with turn:
        how_exactly(p)
    inputs = Inputs(p)
    at_once_wired(page, p, FastEvents(inputs))
    full_wired(page, p, OptimizeEvents(inputs))


def at_once_wired(page: gr.Blocks, p: SimpleNamespace, fast_engine: FastEvents) -> None:
    """Attach the fast engine, which paints by itself."""
    paints = {"inputs": fast_engine.asked, "outputs": fast_engine.told, **fast_events.CONCURRENCY}
    paints |= {"api_visibility": "private", "show_progress": "minimal", "show_progress_on": [p.result]}
    latest = paints | {"trigger_mode": "always_last"}
    picked = p.example.input(pick_photo, p.example, p.photo, **NOW)
    gr.on([p.photo.input, p.style.input], fast_engine.chosen, **latest)
    for chosen in (picked, *p.owned):
        chosen.success(fast_engine.chosen, **latest)
    p.own.change(fast_engine.learned, **latest)
    divided, reassigned = sub_styles.wired(p.sub_styles, p.second)
    for other in divided:
        other.success(fast_engine.chosen, **latest)
    reassigned.success(fast_engine.turned, **latest)
    p.photo.change(None, p.photo, None, js=REVEAL % "paint-styles", **NOW)
    knobs = (p.strength, p.stroke, p.color, p.size, p.original, p.seed)
    gr.on([part.input for part in knobs], fast_engine.turned, **latest)
    p.how.input(fast_engine.switched, **latest)
    p.again.click(fast_events.differently, None, p.seed, **NOW).then(fast_engine.chosen, **paints)
    links = Links(fast_engine.inputs, asdict(Settings()) | {"size": SIZE, "strength": fast.STRENGTH.default})
    p.first = page.load(links.opened, None, links.told, **NOW).then(fast_engine.chosen, **paints)
    p.link.click(None, links.told, p.copied, js=links.copy, **NOW).then(fast_events.told, p.copied, None, **AT_ONCE)


def full_wired(page: gr.Blocks, p: SimpleNamespace, full: OptimizeEvents) -> None:
    """Attach the full method, which paints on demand."""
    taking, beforehand = ReadySettings(full.inputs), TimeLabels(full.inputs)
    p.ready_made.input(taking.preset, p.ready_made, taking.turned, **NOW)
    p.taken.upload(taking.from_result, taking.asked, taking.told, **AT_ONCE)
    # In the browser: a response of the server could arrive after the next input.
    for name in TOGETHER:
        asked_of = [p.knobs[other] for other in ("network", *TOGETHER)]
        p.knobs[name].input(None, asked_of, p.how, js=NETWORK_THAT_CAN, **NOW)
    weight = p.knobs["style_weight"]
    p.strength.input(None, p.strength, weight, js=WEIGHT_OF_STRENGTH, **NOW)
    weight.input(None, weight, p.strength, js=STRENGTH_OF_WEIGHT, **NOW)

    told = {"fn": beforehand.tell, "inputs": beforehand.asked, "outputs": beforehand.told, **NOW}
    changes = [
        part.change
        for part in (p.photo, p.second, p.sub_styles.state, p.original, *(p.knobs[name] for name in COSTLY + TOGETHER))
    ]
    gr.on(changes, trigger_mode="always_last", **told)
    # After the first picture, which these would slow down.
    p.first.then(**told).then(warm_up, None, None, **NOW).then(**told)
    page.load(full.ways, p.key, full.ways_on, **NOW)

    def painted_after(ready: gr.events.Dependency, paint: Any, given: Any) -> gr.events.Dependency:
        """Attach what follows once a click has lined up: the run itself, and the buttons after it."""
        ready.success(None, None, None, js=REVEAL % "paint-see", **NOW)
        ready.failure(full.ways, p.key, full.ways_on, **NOW)
        running = ready.success(paint, given, full.told, **optimize_events.CONCURRENCY, **QUIET)
        running.success(full.rest, p.key, full.told, **NOW)
        running.failure(full.fail, p.key, full.told, **NOW)
        return running

    drawn = p.places.taken(p.keep.click)
    ready = drawn.then(full.begin, full.asked, full.told, trigger_mode="once", **AT_ONCE)
    runs = [painted_after(ready, full.paint, full.asked)]
    restored = {"outputs": list(dict.fromkeys([*full.told, *full.put_back])), "show_progress_on": p.status}
    ready = p.left.click(full.begin_rest, {p.key, p.style}, **restored, **AT_ONCE)
    runs.append(painted_after(ready, full.paint_rest, p.key))
    for wish, button in p.wishes.items():
        ready = button.click(full.begin_again, None, full.told, **AT_ONCE)
        runs.append(painted_after(ready, full.paint_again, [p.key, gr.State(wish)]))
    p.stop.click(full.stop, None, None, **NOW)
    p.leave.click(full.leave_line, p.key, full.told, cancels=runs, **NOW)
