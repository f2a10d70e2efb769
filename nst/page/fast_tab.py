"""The Fast tab: a photo, a style, and the painting a moment later, by itself."""

from __future__ import annotations

import functools
import html
import random
import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import gradio as gr
from gradio.media import get_image
from PIL import Image

import nst
from nst import fast
from nst.color import COLORS
from nst.errors import Cancelled
from nst.feedforward.styles import Style
from nst.images import Picture
from nst.page import own_style
from nst.page.answers import answers
from nst.page.pictures import SOURCES, Choice, Palette, Picker, PictureInput, Upload, downloads, show
from nst.page.texts import localized, names, say, t
from nst.page.visitors import Visitor, file_name, visitor
from nst.settings import Knob

PHOTOS = {"tower": "tower.jpg", "lion": "lion.jpg", "cheetah": "cheetah1.jpg"}
SIZES = (fast.SIZE.default, 1024, 2048)
DEFAULT_SIZE = fast.SIZE.default  # under a second on two cores
ORIGINAL = 0
BETWEEN_NEWS = 0.3  # seconds
CONCURRENCY = {"concurrency_id": "fast", "concurrency_limit": 2}

# On a phone the result is below the photo: bring styles and result into view together.
REVEAL = "(photo) => { if (photo && innerWidth < 800) setTimeout(() => document.getElementById('fast-styles')" + (
    ".scrollIntoView({behavior: 'smooth', block: 'start'}), 60); }"
)


def photo_choices() -> list[Choice]:
    """The example photos that come with gradio."""
    return [Choice(name, Image.open(get_image(file)), names(f"photo_{name}")) for name, file in PHOTOS.items()]


def pick_photo(name: str, request: gr.Request) -> str:
    """A copy of an example photo that is the visitor's own: gradio deletes what it hands out, after a day."""
    file = visitor(request).example(f"{name}.jpg")
    shutil.copyfile(get_image(PHOTOS[name]), file)
    return str(file)


def device(provider: str) -> str:
    """What ran a picture, in a word."""
    return "GPU" if provider.startswith(("CUDA", "Tensorrt")) else "CPU"


@dataclass(frozen=True)
class Order:
    """What is to be painted how."""

    style: dict[str | Style, float]
    strength: float
    stroke: float
    color: str
    size: int | None
    seed: int = 0

    def paint(self, photo: Picture, **watching: Any) -> Image.Image:
        """The painting; ``watching`` is ``cancelled`` and ``progress`` of ``nst.stylize``."""
        options = {"stroke": self.stroke, "color": self.color, "seed": self.seed}
        return nst.stylize(photo, self.style, self.strength, self.size, **options, **watching)

    def recipe(self) -> dict[str, Any]:
        """What is written into the file."""
        how = {"stroke": self.stroke, "color": self.color, "seed": self.seed}
        return fast.recipe(self.style, self.strength, self.size, **how)

    def title(self) -> str:
        """The style's title, or those of a mixture with their shares."""
        mix = fast.shares(self.style)
        if len(mix) == 1:
            return next(iter(mix)).title
        return " + ".join(f"{style.title} {share:.0%}" for style, share in mix.items())


def example() -> Picture:
    """The photo that is painted where a visitor has not given one."""
    return nst.open_image(get_image(PHOTOS["tower"]))


@functools.lru_cache(maxsize=64)
def _sample(style: str) -> tuple[Picture, Image.Image]:
    photo = example()
    return photo, nst.stylize(photo, style, size=DEFAULT_SIZE)


def _usual(order: Order) -> bool:
    """Whether it is one style as it comes."""
    return len(order.style) == 1 and replace(order, style={}) == Order({}, 1.0, 1.0, "style", DEFAULT_SIZE)


def painting(here: Visitor, photo: Picture, order: Order) -> Iterator[tuple[int, int] | Image.Image]:
    """Tiles done and in all, from time to time, and then the painting; the work has a thread of its own.

    Ends the work when nobody listens to it any more, or its visitor stops it; then raises Cancelled."""
    unwanted, ended = threading.Event(), threading.Event()
    here.fast = unwanted
    standing, made, failed = (0, 1), None, None

    def tell(done: int, total: int) -> None:
        nonlocal standing
        standing = (done, total)

    def work() -> None:
        nonlocal made, failed
        try:
            made = order.paint(photo, cancelled=lambda: unwanted.is_set() or here.gone, progress=tell)
        except BaseException as error:  # noqa: BLE001 (handed over, whatever it is)
            failed = error
        finally:
            ended.set()

    threading.Thread(target=work, daemon=True, name="nst-fast").start()
    try:
        while not ended.wait(BETWEEN_NEWS):
            yield standing
    finally:
        unwanted.set()
    if failed is not None:
        raise failed
    yield made


@answers
def paint(
    upload: Upload | None,
    style: dict[str, float],
    strength: float,
    stroke: float,
    color: str,
    size: int,
    seed: int,
    own: own_style.Own,
    request: gr.Request,
) -> Iterator[Any]:
    """Shows before and after first, then makes the downloads while they are looked at.

    Without a photo an example is painted, so that there is something to see from the beginning.
    Each message goes to (before and after, status, PNG, JPEG, stop)."""
    here, began = visitor(request), time.monotonic()
    if own is not None:
        style = {own["style"]: 1.0}
    order = Order(style, strength, stroke, color, None if size == ORIGINAL else int(size), int(seed))
    same, closed = gr.skip(), gr.DownloadButton(interactive=False)
    no_stop = gr.Button(visible=False)
    if upload is None and own is None and _usual(order):
        photo, painted = _sample(next(iter(order.style)))
    else:
        photo = example() if upload is None else upload.open()
        try:
            for painted in painting(here, photo, order):
                if isinstance(painted, tuple) and painted[1] > 1:
                    done, total = painted
                    yield same, say(request, "tiles", done=done, total=total), same, same, gr.Button(visible=True)
        except Cancelled:
            yield same, say(request, "fast_stopped"), same, same, no_stop
            return
    seconds = time.monotonic() - began

    if here.gone:
        return
    folder = here.new_result("fast")
    before = photo.image if photo.image.size == painted.size else photo.image.resize(painted.size, Image.LANCZOS)
    pair = (show(before, folder, "before"), show(painted, folder, "after"))
    words = {"title": order.title(), "width": painted.width, "height": painted.height}
    words |= {"seconds": localized(request, f"{seconds:.1f}"), "device": device(painted.info["provider"])}
    sentence = say(request, "painted" if upload else "example", **words)
    yield pair, "<br>".join(map(html.escape, (sentence, *painted.info["notes"]))), closed, closed, no_stop

    files = downloads(painted, folder, file_name(photo.name, fast.slug(order.style)), order.recipe())
    yield same, same, *(gr.DownloadButton(value=file, interactive=True) for file in files), same


def stop(request: gr.Request) -> None:
    """End the visitor's fast run; it says so itself."""
    if (running := visitor(request).fast) is not None:
        running.set()


def differently() -> int:
    """Another seed: another painting of the same photo."""
    return random.randint(1, fast.SEED.high)


def slider(knob: Knob) -> gr.Slider:
    """The part of the page that turns a knob of the fast engine."""
    words = {"label": t(knob.name), "info": t(f"{knob.name}_help"), "elem_id": f"fast-{knob.name}"}
    return gr.Slider(knob.low, knob.high, knob.default, step=knob.step, **words)


def build(page: gr.Blocks) -> tuple[gr.Image, Palette]:
    """Puts the tab's parts into the current context; returns its photo and its style."""
    styles = [Choice(s.id, Image.open(s.thumbnail), {"en": s.title}, f"{s.artist}, {s.year}") for s in nst.styles()]
    with gr.Row(elem_classes="work", elem_id="fast-work"):
        with gr.Column(scale=5, min_width=300, elem_classes="make"):
            with gr.Column(elem_classes="pick-photo"):
                photo = PictureInput(
                    label=t("photo"), type="filepath", image_mode=None, height=260, sources=SOURCES, buttons=[],
                    elem_id="fast-photo",
                )  # fmt: skip
                gr.Markdown(t("try_photo"), elem_classes="hint")
                example = Picker(photo_choices(), elem_id="fast-examples", elem_classes="small-picks")
            with gr.Column(elem_classes="pick-style", elem_id="fast-styles"):
                gr.Markdown(t("style"), elem_classes="section")
                style = Palette(styles, styles[0].id, names("mix"), elem_id="fast-style")
                own = own_style.build(style)
            with gr.Column(elem_classes="turn"):
                strength = slider(fast.STRENGTH)
                stroke = slider(fast.STROKE)
                colors = [(t(f"choice_{color}"), color) for color in COLORS]
                color = gr.Radio(colors, value=fast.COLOR.default, label=t("color"), elem_id="fast-color")
                choices = [(f"{size} px", size) for size in SIZES] + [(t("original"), ORIGINAL)]
                size = gr.Radio(
                    choices, value=DEFAULT_SIZE, label=t("fast_size"), info=t("fast_size_help"), elem_id="fast-size"
                )
                button = gr.Button(t("paint"), variant="primary", elem_id="fast-paint")
        with gr.Column(scale=7, min_width=300, elem_classes="see"):
            result = gr.ImageSlider(
                label=t("before_after"), buttons=["fullscreen"], interactive=False, max_height=620, format="jpeg",
                elem_id="fast-result",
            )  # fmt: skip
            status = gr.HTML(elem_id="fast-status", elem_classes="status")
            halt = gr.Button(t("stop"), variant="stop", visible=False, elem_id="fast-stop")
            with gr.Row(elem_classes="downloads"):
                png = gr.DownloadButton(t("png"), interactive=False, elem_id="fast-png", min_width=130)
                jpeg = gr.DownloadButton(t("jpeg"), interactive=False, elem_id="fast-jpeg", min_width=130)
                again = gr.Button(t("differently"), elem_id="fast-differently", min_width=130)
            seed = gr.State(fast.SEED.default)

    quiet = {"api_visibility": "private"}
    example.input(pick_photo, example, photo, queue=False, show_progress="hidden", **quiet)
    photo.change(None, photo, None, js=REVEAL, **quiet)
    turned = [part.change for part in (photo, strength, stroke, color, size, seed, own)]
    gr.on(
        [page.load, style.input, *turned, button.click],
        paint, [photo, style, strength, stroke, color, size, seed, own], [result, status, png, jpeg, halt],
        trigger_mode="always_last", show_progress="minimal", show_progress_on=[result], **CONCURRENCY, **quiet,
    )  # fmt: skip
    # A state's change is told of by gradio's queue alone.
    again.click(differently, None, seed, concurrency_limit=None, show_progress="hidden", **quiet)
    halt.click(stop, None, None, queue=False, show_progress="hidden", **quiet)
    return photo, style
