"""The Optimize tab: any photo, any painting, and the picture growing under one's eyes."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import gradio as gr

from nst.drawings import DRAWINGS
from nst.judges import usual
from nst.networks import CONTENT_LAYER
from nst.page import optimizing, places
from nst.page.beforehand import told
from nst.page.fast_tab import photo_choices, pick_photo
from nst.page.painting import WISHES, warm_up
from nst.page.pictures import SOURCES, Choice, Palette, Picker, PictureInput
from nst.page.texts import names, t
from nst.settings import KNOBS, PRESETS, STEPS, Knob, Settings

FIRST_KNOBS = ("network", "size", "steps", "style_weight")
LAYER_KNOBS = ("statistic", "content_layer", "style_1", "style_2", "style_3", "style_4", "style_5")
COSTLY = ("network", "size", "steps", "finish", "stroke", "scales", "optimizer", "statistic")  # in time or memory
TOGETHER = ("pooling", "content_layer")  # what not every network can do
WIDE = {"finish": 190}  # pixels that a button's words need
CONCURRENCY = {"concurrency_id": "optimize", "concurrency_limit": 1}

REVEAL = (
    "() => { if (innerWidth < 800) document.getElementById('optimize-see')"
    ".scrollIntoView({behavior: 'smooth', block: 'start'}); }"
)

# As Settings.judged_by has it.
STEPS_OF_NETWORK = f"""(network, steps) => {{
    const usual = {json.dumps(STEPS)};
    return Object.values(usual).includes(steps) ? usual[network] : steps;
}}"""
# What the small network has not learned is asked of VGG-19.
NETWORK_THAT_CAN = f"""(network, steps, pooling, layer) => {{
    const able = pooling === "max" && layer === "{CONTENT_LAYER}" ? network : "vgg19";
    return able === network ? [network, steps] : [able, ({STEPS_OF_NETWORK})(able, steps)];
}}"""


def knob(name: str, spec: Knob, value: Any) -> gr.components.Component:
    """The part of the page that turns one knob, which stands at ``value``."""
    words = {"label": t(f"knob_{name}"), "info": t(f"help_{name}"), "elem_id": f"knob-{name}"}
    if spec.choices is not None:
        return gr.Radio([(t(f"choice_{c}"), c) for c in spec.choices], value=value, **words)
    if name == "seed":
        return gr.Number(value, minimum=spec.low, maximum=spec.high, precision=0, **words)
    return gr.Slider(spec.low, spec.high, value, step=spec.step, **words)


def build(tab: gr.Tab, key: gr.BrowserState, fast_photo: gr.Image, fast_style: Palette) -> None:
    """Puts the tab's parts into the current context; it borrows the Fast tab's photo and style. ``key`` leads to what
    is unfinished; it is outside, as the parts of a tab know nothing of the browser until the tab is opened."""
    drawn = [Choice(name, draw(), names(f"drawn_{name}")) for name, draw in DRAWINGS.items()]
    place = {"type": "filepath", "image_mode": None, "height": 220, "buttons": [], "sources": SOURCES}
    knobs: dict[str, gr.components.Component] = {}
    begun = asdict(Settings().judged_by(usual()))
    opened = gr.State(False)  # whether this visitor has been here
    gr.Markdown(t("optimize_lead"), elem_classes="hint")
    with gr.Row(elem_classes="work"):
        with gr.Column(scale=5, min_width=300, elem_classes="make"):
            with gr.Row(elem_classes="pair"):
                with gr.Column(min_width=150):
                    photo = PictureInput(label=t("photo"), elem_id="optimize-photo", **place)
                    example = Picker(photo_choices(), elem_id="optimize-examples", elem_classes="small-picks")
                with gr.Column(min_width=150):
                    painting = PictureInput(label=t("painting"), elem_id="optimize-painting", **place)
                    drawing = Picker(drawn, elem_id="optimize-drawings", elem_classes="small-picks")
            for name in FIRST_KNOBS:
                knobs[name] = knob(name, KNOBS[name], begun[name])
            from_fast = gr.Checkbox(False, label=t("from_fast"), info=t("from_fast_help"), elem_id="optimize-from-fast")
            beside = places.build(photo, drawn, optimizing.pick_painting)
            with gr.Accordion(t("more_knobs"), open=False, elem_id="optimize-more"):
                presets = [(t(f"preset_{name}"), name) for name in PRESETS]
                ready_made = gr.Dropdown(presets, label=t("preset"), info=t("preset_help"), elem_id="optimize-preset")
                from_result = gr.UploadButton(t("take_settings"), file_types=["image"], elem_id="optimize-take")
                about = gr.HTML(elem_id="optimize-about", elem_classes="hint")
                for name in [name for name in KNOBS if name not in (*FIRST_KNOBS, *LAYER_KNOBS)]:
                    knobs[name] = knob(name, KNOBS[name], begun[name])
                with gr.Accordion(t("layers"), open=False, elem_id="optimize-layers"):
                    for name in LAYER_KNOBS:
                        knobs[name] = knob(name, KNOBS[name], begun[name])
            estimate = gr.HTML(elem_id="optimize-estimate", elem_classes="hint")
            start = gr.Button(t("paint"), variant="primary", elem_id="optimize-paint")
        with gr.Column(scale=7, min_width=300, elem_classes="see", elem_id="optimize-see"):
            result = gr.ImageSlider(
                label=t("before_after"), buttons=["fullscreen"], interactive=False, max_height=620, format="jpeg",
                elem_id="optimize-result",
            )  # fmt: skip
            status = gr.HTML(elem_id="optimize-status", elem_classes="status")
            leave = gr.Button(t("leave_queue"), visible=False, elem_id="optimize-leave")
            halt = gr.Button(t("stop"), variant="stop", visible=False, elem_id="optimize-stop")
            left = gr.Button(visible=False, elem_id="optimize-go-on")
            with gr.Row(elem_classes="downloads"):
                wishes = [
                    gr.Button(
                        t(wish),
                        visible=False,
                        elem_id=f"optimize-again-{wish}",
                        min_width=WIDE.get(wish, 90),
                        size="md",
                    )
                    for wish in WISHES
                ]
            with gr.Row(elem_classes="downloads"):
                png = gr.DownloadButton(t("png"), interactive=False, elem_id="optimize-png", min_width=130)
                jpeg = gr.DownloadButton(t("jpeg"), interactive=False, elem_id="optimize-jpeg", min_width=130)
                drawing_file = gr.DownloadButton(t("drawing"), visible=False, elem_id="optimize-map", min_width=130)
            curves = gr.HTML(elem_id="optimize-curves")

    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    three, onward = [start, leave, halt], [left, *wishes]
    example.input(pick_photo, example, photo, queue=False, **quiet)
    drawing.input(optimizing.pick_painting, drawing, painting, queue=False, **quiet)
    turned = [knobs[name] for name in KNOBS]
    asked = [photo, beside.second, *turned]
    ready_made.input(optimizing.preset, ready_made, [about, *turned], queue=False, **quiet)
    # In the queue, as all that may be refused: gradio shows no message for an event outside of it.
    at_once = {"concurrency_limit": None, **quiet}
    read = [about, from_fast, fast_style, beside.share, *turned]
    given = [from_result, painting, fast_style, beside.second]
    from_result.upload(optimizing.take_settings, given, read, **at_once)
    tab.select(optimizing.borrow, [photo, fast_photo], photo, queue=False, **quiet)
    # Which network is on this machine may change while the program runs.
    first = tab.select(
        optimizing.first_network, opened, [knobs["network"], knobs["steps"], opened], queue=False, **quiet
    )
    # In the browser itself: an answer of the server's might come after what is typed next.
    knobs["network"].input(None, [knobs["network"], knobs["steps"]], knobs["steps"], js=STEPS_OF_NETWORK, **quiet)
    for name in TOGETHER:
        asked_of = [knobs[other] for other in ("network", "steps", *TOGETHER)]
        knobs[name].input(None, asked_of, [knobs["network"], knobs["steps"]], js=NETWORK_THAT_CAN, **quiet)
    # After it, so that an estimate on the page says that the knobs stand as they begin.
    warm = first.then(warm_up, None, None, queue=False, **quiet)
    changes = [part.change for part in (photo, beside.second, *(knobs[name] for name in COSTLY + TOGETHER))]
    latest = {"queue": False, "trigger_mode": "always_last", **quiet}
    first.then(told, asked, estimate, **latest)
    gr.on(changes, told, asked, estimate, **latest)
    warm.then(told, asked, estimate, **latest)
    lined_up = [*three, *onward, status, curves, png, jpeg, drawing_file]

    def painted_after(ready: gr.events.Dependency, paint: Callable, given: list[gr.components.Component]) -> Any:
        """What follows once a click has lined up: the run itself, and the buttons after it."""
        ready.success(None, None, None, js=REVEAL, **quiet)
        ready.failure(optimizing.ways, key, onward, queue=False, **quiet)
        shown = [result, status, curves, png, jpeg, drawing_file, *three]
        running = ready.success(paint, [key, *given], shown, **CONCURRENCY, **quiet)
        running.success(optimizing.rest, key, [*three, *onward], queue=False, **quiet)
        running.success(told, asked, estimate, queue=False, **quiet)
        running.failure(optimizing.fail, key, [*three, *onward, status], queue=False, **quiet)
        return running

    ready = start.click(optimizing.begin, [photo, painting, *turned], [key, *lined_up], **at_once)
    chosen = [photo, painting, from_fast, fast_style, *beside.parts, *turned]
    runs = [painted_after(ready, optimizing.paint, chosen)]
    ready = left.click(
        optimizing.begin_rest,
        [key, fast_style],
        [*lined_up, *chosen],
        **at_once,
    )
    runs.append(painted_after(ready, optimizing.paint_rest, []))
    for button, wish in zip(wishes, WISHES, strict=True):
        ready = button.click(optimizing.begin_again, None, [key, *lined_up], **at_once)
        runs.append(painted_after(ready, optimizing.paint_again, [gr.State(wish)]))
    tab.select(optimizing.ways, key, onward, queue=False, **quiet)
    halt.click(optimizing.stop, None, None, queue=False, **quiet)
    leave.click(optimizing.leave_line, key, [*three, *onward, status], cancels=runs, queue=False, **quiet)
