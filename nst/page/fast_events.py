"""Event handlers of the fast engine ("At once"), which paints by itself after every change."""

from __future__ import annotations

import functools
import html
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import gradio as gr
from PIL import Image

import nst
from nst.errors import Cancelled
from nst.feedforward import fast
from nst.images import Picture
from nst.page.inputs import Given, Inputs, Updates
from nst.page.photos import example
from nst.page.pictures import beside, downloads, show
from nst.page.refusals import answers
from nst.page.texts import localized, say, t
from nst.page.visitors import Visitor, file_name, visitor
from nst.requests import FAST, SIZE, FastRequest

BETWEEN_NEWS = 0.3  # seconds
CONCURRENCY = {"concurrency_id": "fast", "concurrency_limit": 2}


def device(provider: str) -> str:
    """The kind of processor that painted a picture: "GPU" or "CPU"."""
    return "GPU" if provider.startswith(("CUDA", "Tensorrt")) else "CPU"


@functools.lru_cache(maxsize=64)
def _sample(style: str) -> tuple[Picture, Image.Image]:
    photo = example()
    return photo, nst.stylize(photo, style, size=SIZE)


class Pace:
    """Seconds per pixel of the latest picture."""

    seconds: float | None = None

    @classmethod
    def of(cls, pixels: int) -> float | None:
        """Estimate the seconds for so many pixels; None before the first picture."""
        return cls.seconds and cls.seconds * pixels


def painting(here: Visitor, photo: Picture, order: FastRequest) -> Iterator[tuple[int, int] | Image.Image]:
    """Paint in a thread: yields (tiles done, tiles in all) from time to time, then the painting.

    Stops when the client disconnects or ``here.fast`` is set, and then raises Cancelled."""
    unwanted, ended = threading.Event(), threading.Event()
    here.fast = unwanted
    standing, made, failed = (0, 1), None, None

    def tell(done: int, total: int) -> None:
        nonlocal standing
        standing = (done, total)

    def work() -> None:
        nonlocal made, failed
        began = time.monotonic()
        try:
            made = order.paint(photo, cancelled=lambda: unwanted.is_set() or here.gone, progress=tell)
            if order.strength:
                Pace.seconds = (time.monotonic() - began) / (made.width * made.height)
        except BaseException as error:  # noqa: BLE001 (raised again below, whatever it is)
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


class FastEvents:
    """The event handlers."""

    def __init__(self, inputs: Inputs) -> None:
        self.inputs, self.parts = inputs, inputs.parts

    @property
    def asked(self) -> set[Any]:
        """The components it reads."""
        return {*self.inputs.at_once, self.parts.how}

    @property
    def told(self) -> list[Any]:
        """The components it updates."""
        p = self.parts
        buttons = [p.stop, p.keep, p.again, *p.wishes.values()]
        return [p.result, p.status, p.png, p.jpeg, p.both, p.drawing, p.curves, *buttons]

    @answers
    def chosen(self, given: Given, request: gr.Request) -> Iterator[Updates]:
        """Paint after another photo or style was chosen, whatever else is running, unless the full method was started
        for the same choice at the same moment."""
        here = visitor(request)
        if here.busy and here.subject in (None, self.inputs.subject(given)):
            yield {self.parts.status: gr.skip()}
        else:
            yield from self._paint(given, request)

    @answers
    def learned(self, given: Given, request: gr.Request) -> Iterator[Updates]:
        """Paint with the visitor's own style after it has learned, unless a shipped style was chosen meanwhile."""
        own = given[self.parts.own]
        if own is not None and own["step"] and visitor(request).learner is not None:
            yield from self._paint(given, request)
        else:
            yield {self.parts.status: gr.skip()}

    @answers
    def turned(self, given: Given, request: gr.Request) -> Iterator[Updates]:
        """Paint again after the strength, brush or the like changed, unless that would replace what took longer."""
        here = visitor(request)
        if given[self.parts.how] != FAST and (here.busy or here.keeps):
            yield {self.parts.status: gr.skip()}
        else:
            yield from self._paint(given, request)

    @answers
    def switched(self, given: Given, request: gr.Request) -> Iterator[Updates]:
        """Paint again after a switch back from the full method."""
        here = visitor(request)
        if given[self.parts.how] == FAST and (here.busy or here.keeps):
            yield from self._paint(given, request)
        else:
            yield {self.parts.status: gr.skip()}

    def _paint(self, given: Given, request: gr.Request) -> Iterator[Updates]:
        """Paint, and yield at least once: Gradio empties the outputs of a generator that yields nothing, and then a
        painting that gave way to a newer one would take the picture on the page with it."""
        silent = True
        for updates in self._painted(given, request):
            silent = False
            yield updates
        if silent:
            yield {self.parts.status: gr.skip()}

    def _painted(self, given: Given, request: gr.Request) -> Iterator[Updates]:
        """Paint and show before and after, then write the downloads while the visitor looks.

        Without a photo, an example is painted, so that there is something to see from the start."""
        p, here, began = self.parts, visitor(request), time.monotonic()
        turn = here.take_turn()
        upload, own = given[p.photo], given[p.own]
        order = self.inputs.fast_request(given)
        closed, no_stop = gr.DownloadButton(interactive=False), gr.Button(visible=False)
        if upload is None and own is None and order.usual:
            photo, painted = _sample(next(iter(order.style)))
            if Pace.seconds is None:
                Pace.seconds = (time.monotonic() - began) / (painted.width * painted.height)
        else:
            photo = example() if upload is None else upload.open()
            try:
                for painted in painting(here, photo, order):
                    if here.turn != turn:
                        return
                    if isinstance(painted, tuple) and painted[1] > 1:
                        done, total = painted
                        words = say(request, "tiles", done=done, total=total)
                        yield {p.status: words, p.stop: gr.Button(visible=True)}
            except Cancelled:
                if here.turn == turn:
                    yield {p.status: say(request, "fast_stopped"), p.stop: no_stop}
                return
        seconds = time.monotonic() - began

        if here.gone or here.turn != turn:
            return
        here.keeps = False
        folder = here.new_result("fast")
        before = (
            photo.image
            if photo.image.size == painted.size
            else photo.image.resize(painted.size, Image.Resampling.LANCZOS)
        )
        pair = (show(before, folder, "before"), show(painted, folder, "after"))
        words = {"title": order.title(), "width": painted.width, "height": painted.height}
        words |= {"seconds": localized(request, f"{seconds:.1f}"), "device": device(painted.info["provider"])}
        sentence = say(request, "painted" if upload else "example", **words)
        status = "<br>".join(map(html.escape, (sentence, *painted.info["notes"])))
        shown = {p.result: pair, p.status: status, p.png: closed, p.jpeg: closed, p.both: closed, p.stop: no_stop}
        shown |= {p.drawing: gr.DownloadButton(visible=False), p.curves: "", p.again: gr.Button(visible=True)}
        shown |= {p.keep: gr.Button(t("keep"), visible=True)}
        yield shown | dict.fromkeys(p.wishes.values(), gr.Button(visible=False))

        files = downloads(painted, folder, file_name(photo.name, fast.slug(order.style)), order.recipe())
        both = beside(before, painted, folder, file_name(photo.name, fast.slug(order.style), "both"))
        if here.turn == turn:
            yield {p.png: ready(files[0]), p.jpeg: ready(files[1]), p.both: ready(both)}


def told(how: str, request: gr.Request) -> None:
    """Say whether the link was copied or is in the address bar."""
    gr.Info(say(request, f"link_{'copied' if how == 'copied' else 'address'}"))


def ready(file: str) -> gr.DownloadButton:
    """A download button, enabled, for this file."""
    return gr.DownloadButton(value=file, interactive=True)


def differently() -> int:
    """A random seed, to paint the same photo differently."""
    return random.randint(1, fast.SEED.high)
