"""The Optimize tab: any photo, any painting, and the picture growing under one's eyes."""

from __future__ import annotations

import html
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import gradio as gr

import nst
from nst.drawings import DRAWINGS
from nst.images import with_alpha
from nst.jobs import Job
from nst.page import unfinished, watching
from nst.page.answers import answers, refusal
from nst.page.fast_tab import photo_choices, pick_photo
from nst.page.painting import Download, Order, Preview, fingerprint, warm_up, work
from nst.page.pictures import SOURCES, Choice, Palette, Picker, PictureInput, Previews, Upload, downloads, show
from nst.page.texts import duration, names, say, t
from nst.page.visitors import MAX_WAITING, Visitor, ahead_of, file_name, visitor
from nst.settings import KNOBS, PRESETS, Knob, Settings

FIRST_KNOBS = ("size", "steps", "style_weight")
LAYER_KNOBS = ("statistic", "content_layer", "style_1", "style_2", "style_3", "style_4", "style_5")
WISHES = ("more", "less", "finer")
CONCURRENCY = {"concurrency_id": "optimize", "concurrency_limit": 1}

REVEAL = (
    "() => { if (innerWidth < 800) document.getElementById('optimize-see')"
    ".scrollIntoView({behavior: 'smooth', block: 'start'}); }"
)


def pick_painting(name: str, request: gr.Request) -> str:
    """One of the paintings that this program draws."""
    file = visitor(request).example(f"{name}.png")
    nst.save_image(DRAWINGS[name](), file)
    return str(file)


def begin_over(photo: Upload | None, painting: Upload | None, request: gr.Request) -> tuple[Any, ...]:
    """Before the queue, with a new key for what comes."""
    return unfinished.new_key(), *begin(photo, painting, request)


def buttons(paint: bool = False, leave: bool = False, stop: bool = False) -> tuple[gr.Button, ...]:
    """Which of the three buttons is there: one at a time."""
    return tuple(gr.Button(visible=visible) for visible in (paint, leave, stop))


@answers
def begin(photo: Any, painting: Any, request: gr.Request) -> tuple[Any, ...]:
    """Before the queue: says at once what is missing, or how long the line is."""
    if photo is None:
        raise refusal(request, "no_photo")
    if painting is None:
        raise refusal(request, "no_painting")
    return line_up(request)


def line_up(request: gr.Request) -> tuple[Any, ...]:
    """To the end of the line: the buttons, what is said, and no downloads."""
    here = visitor(request)
    if (ahead := ahead_of(here)) > MAX_WAITING:
        raise refusal(request, "crowded")
    here.waiting = True
    words = say(request, "waiting", ahead=ahead) if ahead else say(request, "starting")
    closed = gr.DownloadButton(interactive=False)
    return *buttons(leave=True), *going_on(), watching.bar(words), "", closed, closed


@answers
def paint(
    key: str,
    photo: Upload,
    painting: Upload,
    from_fast: bool,
    fast_style: dict[str, float],
    request: gr.Request,
    *values: Any,
) -> Iterator[tuple[Any, ...]]:
    """The run: each message goes to (picture, status, curves, PNG, JPEG, three buttons)."""
    visitor(request).waiting = False
    settings = Settings.from_dict(dict(zip(KNOBS, values, strict=True)))
    yield from run(request, key, Order(photo.open(), painting.open(), settings, fast_style if from_fast else None))


@answers
def paint_rest(key: str, request: gr.Request) -> Iterator[tuple[Any, ...]]:
    """What an interrupted run has left to do."""
    visitor(request).waiting = False
    if (order := unfinished.find(key)) is None:
        raise refusal(request, "nothing_unfinished")
    yield from run(request, key, order)


@answers
def paint_again(key: str, wish: str, request: gr.Request) -> Iterator[tuple[Any, ...]]:
    """On from the last result, as wished."""
    here = visitor(request)
    here.waiting = False
    if here.painted is None:
        raise refusal(request, "nothing_painted")
    order, result = here.painted
    yield from run(request, key, order.again(wish, result))


def run(request: gr.Request, key: str, order: Order) -> Iterator[tuple[Any, ...]]:
    """Paint an order, keeping what it comes to."""
    here, job = visitor(request), Job(work(order))
    with here.working(job), unfinished.Keeper(key, order) as keeper:
        yield *(gr.skip(),) * 5, *buttons(stop=True)
        yield from follow(request, here, job, order, keeper)


def follow(
    request: gr.Request, here: Visitor, job: Job, order: Order, keeper: unfinished.Keeper
) -> Iterator[tuple[Any, ...]]:
    """The job's news as updates of the page, then the finished files."""
    nothing = (gr.skip(),) * 8
    folder = here.new_result("optimize")
    grown = Previews(folder)
    before, last = show(nst.images.fit(order.photo.image, order.settings.size), folder, "before"), None
    for news in job:
        if here.gone:
            return
        if isinstance(news, Download):
            yield gr.skip(), watching.download(request, news), *nothing[2:]
        elif isinstance(news, Preview):
            last = news
            pair = (before, grown.show(news.image, news.step))
            status, curves = watching.standing(request, news), watching.curves(request, news.curve)
            yield pair, status, curves, *nothing[3:]
            keeper.keep(news)
        else:
            yield nothing
    if last is None:
        yield gr.skip(), watching.bar(say(request, "stopped_early"), 0), *nothing[2:]
        return
    if last.step < last.steps:
        keeper.keep(last, now=True)
        sentence = say(request, "stopped", step=last.step, steps=last.steps)
    else:
        keeper.finish()
        sentence = say(request, "finished", steps=last.steps, time=duration(request, last.seconds), device=last.device)
    status = watching.bar(sentence, last.step / last.steps) + watching.notes(last)
    yield gr.skip(), status, gr.skip(), *nothing[3:]
    here.painted = (keeper.order, last.image)
    recipe = order.recipe() | {"step": last.step}
    files = downloads(last.image, folder, file_name(order.photo.name, "painted"), recipe)
    yield *nothing[:3], *(gr.DownloadButton(value=file, interactive=True) for file in files), *nothing[5:]


def stop(request: gr.Request) -> None:
    """The painting so far is still delivered, by the run itself."""
    visitor(request).stop()


def going_on(left: str | None = None, again: bool = False) -> tuple[gr.Button, ...]:
    """The ways to go on that there are: with what is left of a run, in these words, and from a finished result."""
    return gr.Button(left or "", visible=bool(left)), *(gr.Button(visible=again) for _ in WISHES)


def ways(key: str, request: gr.Request) -> tuple[gr.Button, ...]:
    """The ways to go on that this visitor has."""
    if visitor(request).busy:
        return going_on()
    order = unfinished.find(key)
    left = order and say(request, "go_on", step=order.after + 1, steps=order.settings.steps)
    return going_on(left, visitor(request).painted is not None)


def rest(key: str, request: gr.Request) -> tuple[gr.Button, ...]:
    """However a run ended: ready for the next one."""
    visitor(request).waiting = False
    return *buttons(paint=True), *ways(key, request)


def fail(key: str, request: gr.Request) -> tuple[Any, ...]:
    """The message has said what went wrong; the page is as before."""
    return *rest(key, request), ""


def leave_line(key: str, request: gr.Request) -> tuple[Any, ...]:
    """The visitor no longer waits for their turn."""
    return *rest(key, request), watching.bar(say(request, "stopped_early"), 0)


@answers
def begin_rest(key: str, request: gr.Request) -> tuple[Any, ...]:
    """Before the queue, to go on with an interrupted run: its pictures and knobs are shown as they were
    (the Fast tab keeps its own style)."""
    if (order := unfinished.find(key)) is None:
        raise refusal(request, "nothing_unfinished")
    told, here, pictures = line_up(request), visitor(request), []
    for place, picture in (("photo", order.photo), ("painting", order.painting)):
        # Copies of the visitor's own, under the names that they had: what is unfinished will be removed.
        file = here.example(f"{place}/{file_name(picture.name)}.png")
        nst.save_image(with_alpha(picture.image, picture.alpha), file)
        pictures.append(str(file))
    return *told, *pictures, bool(order.fast_style), *asdict(order.settings).values()


@answers
def begin_again(request: gr.Request) -> tuple[Any, ...]:
    """Before the queue, to go on from a result; with a new key for what comes."""
    return unfinished.new_key(), *line_up(request)


def borrow(here: Upload | None, there: Upload | None) -> Any:
    """The Fast tab's photo, where this tab has none yet."""
    return gr.skip() if here or not there else there.source


def preset(name: str) -> tuple[Any, ...]:
    """A preset's source, then the knobs as it sets them."""
    chosen = PRESETS[name]
    return f"<p>{html.escape(chosen.source)}</p>", *asdict(chosen.settings()).values()


@answers
def take_settings(file: str, painting: Upload | None, request: gr.Request) -> tuple[Any, ...]:
    """From a result that is dropped: what is to be said of it, whether it began with a fast result and in which
    style, then the knobs."""
    recipe = nst.read_recipe(file)
    settings, notes = Settings.from_recipe(recipe)
    sentences = [say(request, "taken"), *notes]
    try:
        here = painting and fingerprint(painting.open())
    except nst.ImageError:
        here = None
    if here != recipe.get("painting_pixels", here):
        sentences.append(say(request, "other_painting", name=str(recipe.get("painting", "?"))[:80]))
    style = gr.skip()
    if fast_style := recipe.get("fast_style"):
        try:
            style = json.dumps(nst.fast.shares(fast_style))
        except nst.SettingsError as error:
            fast_style = None
            sentences.append(str(error))
    text = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in sentences)
    return text, bool(fast_style), style, *asdict(settings).values()


def knob(name: str, spec: Knob) -> gr.components.Component:
    """The part of the page that turns one knob."""
    words = {"label": t(f"knob_{name}"), "info": t(f"help_{name}"), "elem_id": f"knob-{name}"}
    if spec.choices is not None:
        return gr.Radio([(t(f"choice_{c}"), c) for c in spec.choices], value=spec.default, **words)
    if name == "seed":
        return gr.Number(spec.default, minimum=spec.low, maximum=spec.high, precision=0, **words)
    return gr.Slider(spec.low, spec.high, spec.default, step=spec.step, **words)


def build(tab: gr.Tab, key: gr.BrowserState, fast_photo: gr.Image, fast_style: Palette) -> None:
    """Puts the tab's parts into the current context; it borrows the Fast tab's photo and style. ``key`` leads to what
    is unfinished; it is outside, as the parts of a tab know nothing of the browser until the tab is opened."""
    drawn = [Choice(name, draw(), names(f"drawn_{name}")) for name, draw in DRAWINGS.items()]
    place = {"type": "filepath", "image_mode": None, "height": 220, "buttons": [], "sources": SOURCES}
    knobs: dict[str, gr.components.Component] = {}
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
                knobs[name] = knob(name, KNOBS[name])
            from_fast = gr.Checkbox(False, label=t("from_fast"), info=t("from_fast_help"), elem_id="optimize-from-fast")
            with gr.Accordion(t("more_knobs"), open=False, elem_id="optimize-more"):
                presets = [(t(f"preset_{name}"), name) for name in PRESETS]
                ready_made = gr.Dropdown(presets, label=t("preset"), info=t("preset_help"), elem_id="optimize-preset")
                from_result = gr.UploadButton(t("take_settings"), file_types=["image"], elem_id="optimize-take")
                about = gr.HTML(elem_id="optimize-about", elem_classes="hint")
                for name in [name for name in KNOBS if name not in (*FIRST_KNOBS, *LAYER_KNOBS)]:
                    knobs[name] = knob(name, KNOBS[name])
                with gr.Accordion(t("layers"), open=False, elem_id="optimize-layers"):
                    for name in LAYER_KNOBS:
                        knobs[name] = knob(name, KNOBS[name])
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
                    gr.Button(t(wish), visible=False, elem_id=f"optimize-again-{wish}", min_width=90, size="md")
                    for wish in WISHES
                ]
            with gr.Row(elem_classes="downloads"):
                png = gr.DownloadButton(t("png"), interactive=False, elem_id="optimize-png", min_width=130)
                jpeg = gr.DownloadButton(t("jpeg"), interactive=False, elem_id="optimize-jpeg", min_width=130)
            curves = gr.HTML(elem_id="optimize-curves")

    quiet = {"api_visibility": "private", "show_progress": "hidden"}
    three, onward = [start, leave, halt], [left, *wishes]
    example.input(pick_photo, example, photo, queue=False, **quiet)
    drawing.input(pick_painting, drawing, painting, queue=False, **quiet)
    turned = [knobs[name] for name in KNOBS]
    ready_made.input(preset, ready_made, [about, *turned], queue=False, **quiet)
    from_result.upload(
        take_settings, [from_result, painting], [about, from_fast, fast_style, *turned], queue=False, **quiet
    )
    tab.select(borrow, [photo, fast_photo], photo, queue=False, **quiet)
    tab.select(warm_up, None, None, queue=False, **quiet)
    shown = [result, status, curves, png, jpeg]
    lined_up = [*three, *onward, status, curves, png, jpeg]
    pictures = [photo, painting, from_fast]
    beginnings = [
        (start.click, begin_over, [photo, painting], [key, *lined_up], paint, [*pictures, fast_style, *turned]),
        (left.click, begin_rest, [key], [*lined_up, *pictures, *turned], paint_rest, []),
    ]
    for button, wish in zip(wishes, WISHES, strict=True):
        wished = gr.State(wish)
        beginnings.append((button.click, begin_again, [], [key, *lined_up], paint_again, [wished]))
    runs = []
    for click, prepare, given, told, work_on, taken in beginnings:
        ready = click(prepare, given, told, concurrency_limit=None, **quiet)
        ready.success(None, None, None, js=REVEAL, **quiet)
        running = ready.success(work_on, [key, *taken], [*shown, *three], **CONCURRENCY, **quiet)
        running.success(rest, key, [*three, *onward], queue=False, **quiet)
        running.failure(fail, key, [*three, *onward, status], queue=False, **quiet)
        runs.append(running)
    tab.select(ways, key, onward, queue=False, **quiet)
    halt.click(stop, None, None, queue=False, **quiet)
    leave.click(leave_line, key, [*three, *onward, status], cancels=runs, queue=False, **quiet)
