"""The Fast tab: a photo, a style, and the painting a moment later, by itself."""

from __future__ import annotations

import functools
import html
import shutil
import time
from collections.abc import Iterator
from typing import Any

import gradio as gr
from gradio.media import get_image
from PIL import Image

import nst
from nst import fast
from nst.images import Picture
from nst.page.answers import answers
from nst.page.pictures import SOURCES, Choice, Picker, PictureInput, Upload, downloads, show
from nst.page.texts import localized, names, say, t
from nst.page.visitors import file_name, visitor

PHOTOS = {"tower": "tower.jpg", "lion": "lion.jpg", "cheetah": "cheetah1.jpg"}
SIZES = (fast.SIZE.default, 1024, 2048)
DEFAULT_SIZE = fast.SIZE.default  # under a second on two cores
ORIGINAL = 0
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


@functools.lru_cache(maxsize=64)
def _sample(style: str) -> tuple[Picture, Image.Image]:
    photo = nst.open_image(get_image(PHOTOS["tower"]))
    return photo, nst.stylize(photo, style, size=DEFAULT_SIZE)


def _painted(upload: Upload | None, style: str, strength: float, size: int | None) -> tuple[Picture, Image.Image]:
    if upload is None and (strength, size) == (1, DEFAULT_SIZE):
        return _sample(style)
    photo = nst.open_image(get_image(PHOTOS["tower"])) if upload is None else upload.open()
    return photo, nst.stylize(photo, style, strength, size)


@answers
def paint(upload: Upload | None, style: str, strength: float, size: int, request: gr.Request) -> Iterator[Any]:
    """Shows before and after first, then makes the downloads while they are looked at.

    Without a photo an example is painted, so that there is something to see from the beginning."""
    here, began = visitor(request), time.monotonic()
    limit = None if size == ORIGINAL else int(size)
    photo, painted = _painted(upload, style, strength, limit)
    seconds = time.monotonic() - began

    if here.gone:
        return
    folder = here.new_result("fast")
    before = photo.image if photo.image.size == painted.size else photo.image.resize(painted.size, Image.LANCZOS)
    pair = (show(before, folder, "before"), show(painted, folder, "after"))
    words = {"title": fast.find(style).title, "width": painted.width, "height": painted.height}
    words |= {"seconds": localized(request, f"{seconds:.1f}"), "device": device(painted.info["provider"])}
    sentence = say(request, "painted" if upload else "example", **words)
    waiting = gr.DownloadButton(interactive=False)
    yield pair, "<br>".join(map(html.escape, (sentence, *painted.info["notes"]))), waiting, waiting

    files = downloads(painted, folder, file_name(photo.name, style), fast.recipe(style, strength, limit))
    yield gr.skip(), gr.skip(), *(gr.DownloadButton(value=file, interactive=True) for file in files)


def build(page: gr.Blocks) -> tuple[gr.Image, Picker]:
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
                style = Picker(styles, styles[0].id, elem_id="fast-style")
            with gr.Column(elem_classes="turn"):
                strength = gr.Slider(
                    fast.STRENGTH.low,
                    fast.STRENGTH.high,
                    fast.STRENGTH.default,
                    step=fast.STRENGTH.step,
                    label=t("strength"),
                    info=t("strength_help"),
                    elem_id="fast-strength",
                )
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
            with gr.Row(elem_classes="downloads"):
                png = gr.DownloadButton(t("png"), interactive=False, elem_id="fast-png", min_width=130)
                jpeg = gr.DownloadButton(t("jpeg"), interactive=False, elem_id="fast-jpeg", min_width=130)

    quiet = {"api_visibility": "private"}
    example.input(pick_photo, example, photo, queue=False, show_progress="hidden", **quiet)
    photo.change(None, photo, None, js=REVEAL, **quiet)
    gr.on(
        [page.load, photo.change, style.input, strength.change, size.change, button.click],
        paint, [photo, style, strength, size], [result, status, png, jpeg],
        trigger_mode="always_last", show_progress="minimal", show_progress_on=[result], **CONCURRENCY, **quiet,
    )  # fmt: skip
    return photo, style
