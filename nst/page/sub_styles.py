"""The drawer *Sub-styles*: a painting is divided into its sub-styles, and each region of the photo gets one."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.events import Dependency

import nst
from nst.images import Picture
from nst.page.board import Board, Wished, drawn
from nst.page.photos import example
from nst.page.pictures import PictureInput, Upload
from nst.page.refusals import answers, refusal
from nst.page.texts import names, say, t
from nst.regions.region import MAX_PAINTINGS
from nst.requests import Part

if TYPE_CHECKING:  # with torch, which the page does without at first
    from nst.regions.matching import Assignment

SOME = 0  # as a number of sub-styles: as many as are found
CONCURRENCY = {"concurrency_id": "regions", "concurrency_limit": 2}
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}

State = dict[str, Any] | None
"""The division that is painted with, and a word that changes with it: gradio compares what it can read."""


@dataclass(eq=False)
class Division:
    """The sub-styles of one visitor's paintings, how readily each is chosen, and what was chosen by hand.

    It lasts as long as ``key``, the first painting's file, is the painting on the page."""

    key: str
    paintings: tuple[Picture, ...]
    sub_styles: list[nst.SubStyle]
    weights: tuple[float, ...]
    chosen: dict[int, int] = field(default_factory=dict)  # sub-styles by region of the photo ``of``
    of: str | None = None
    _found: dict[str | None, Assignment] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def on(self, photo: Upload | None) -> Assignment:
        """Return the assignment for this photo, or for the example; found once for each. Raises ImageError."""
        from nst.regions.substyles import assigned

        source = photo and photo.source
        with self._lock:
            if source not in self._found:
                picture = example() if photo is None else photo.open()
                self._found = {source: assigned(picture, self.sub_styles, weights=self.weights)}
            found = self._found[source]
        if source != self.of:
            return found
        return found.changed([self.chosen.get(region, number) for region, number in enumerate(found.numbers)])

    def wished(self, wish: Wished, photo: Upload | None) -> Division:
        """Return the division with the weights and the numbers that were chosen on the board. Raises SettingsError."""
        if len(wish.weights) != len(self.weights) or any(n >= len(self.weights) for n in wish.numbers):
            raise nst.SettingsError("The painting has other sub-styles by now: look at the board again.")
        changed = Division(self.key, self.paintings, self.sub_styles, wish.weights, of=photo and photo.source)
        if wish.weights == self.weights:
            changed._found, before = dict(self._found), self.on(photo)
            changed.chosen = dict(self.chosen) if self.of == changed.of else {}
            pairs = zip(wish.numbers, before.numbers, strict=False)
            changed.chosen |= {region: n for region, (n, old) in enumerate(pairs) if n != old}
        return changed

    def board(self, photo: Upload | None) -> str:
        """Return the board's value. Raises ImageError."""
        picture = example() if photo is None else photo.open()
        return drawn(picture.image, self.on(photo), self.sub_styles, self.weights)

    def parts(self, photo: Upload | None) -> tuple[Part, ...]:
        """Return which part of which painting goes where, for the photo. Raises ImageError."""
        numbers = {id(painting): number for number, painting in enumerate(self.paintings)}
        return tuple(Part(numbers[id(r.painting)], r.mask, r.part) for r in self.on(photo).joined())


def stated(division: Division) -> State:
    """Return the division as the page's state holds it."""
    return {"word": f"{division.key} {id(division)}", "division": division}


def division_of(state: State, painting: Upload | None) -> Division | None:
    """Return the division in the page's state, if it is of the painting on the page."""
    found = state and state["division"]
    return found if found and painting is not None and found.key == painting.source else None


@answers
def find(
    painting: Upload | None, second: Upload | None, number: float, photo: Upload | None, request: gr.Request
) -> tuple[Any, ...]:
    """Divide the painting, or both, into sub-styles: (state, board, status, button to end it)."""
    if painting is None:
        raise refusal(request, "sub_needs")
    pictures = tuple(upload.open() for upload in (painting, second) if upload is not None)
    most = MAX_PAINTINGS // len(pictures)
    sub_styles = nst.decompose(pictures, min(int(number), most) or None)
    division = Division(painting.source, _opened(sub_styles), sub_styles, (1.0,) * len(sub_styles))
    board, count = division.board(photo), len(sub_styles)
    words = say(request, "sub_found", number=count) if count > 1 else say(request, "sub_one")
    return stated(division), board, words, gr.Button(visible=True)


def _opened(sub_styles: Sequence[nst.SubStyle]) -> tuple[Picture, ...]:
    """Return the paintings that sub-styles are parts of, each once."""
    return tuple({id(s.painting): s.painting for s in sub_styles}.values())


@answers
def change(wish: Wished | None, state: State, photo: Upload | None, request: gr.Request) -> tuple[State, str]:
    """Take what was chosen on the board: (state, board)."""
    if wish is None or state is None:
        return state, ""
    division = state["division"].wished(wish, photo)
    return stated(division), division.board(photo)


@answers
def show(
    state: State, photo: Upload | None, painting: Upload | None, request: gr.Request
) -> tuple[str, Any, str | Any]:
    """Show the board for another photo, or nothing for another painting: (board, button to end it, status)."""
    division = division_of(state, painting)
    if division is None:
        return "", gr.Button(visible=False), ""
    return division.board(photo), gr.Button(visible=True), gr.skip()


def end() -> tuple[None, str, gr.Button, str]:
    """Return to one style for the whole picture: (state, board, button, status)."""
    return None, "", gr.Button(visible=False), ""


def build(photo: PictureInput, painting: PictureInput) -> SimpleNamespace:
    """Create the components in the current context: the ``state``, and what ``wired`` needs."""
    s = SimpleNamespace(state=gr.State(None), photo=photo, painting=painting)
    with gr.Accordion(t("sub_styles"), open=False, elem_id="sub-styles"):
        gr.Markdown(t("sub_lead"), elem_classes="hint")
        s.number = gr.Slider(
            SOME, MAX_PAINTINGS, SOME, step=1, label=t("sub_number"), info=t("sub_number_help"), elem_id="sub-number"
        )
        with gr.Row():
            s.find = gr.Button(t("sub_find"), elem_id="sub-find", min_width=130)
            s.end = gr.Button(t("sub_end"), visible=False, elem_id="sub-end", min_width=130)
        s.status = gr.HTML(elem_id="sub-status", elem_classes="status")
        words = {
            "lead": "sub_tap", "parts": "painting", "photo": "your_photo", "part": "sub_style", "weight": "sub_weight",
            "weights": "sub_weights",
        }  # fmt: skip
        s.board = Board({key: names(text) for key, text in words.items()}, elem_id="sub-board")
    return s


def wired(s: SimpleNamespace, second: PictureInput) -> tuple[list[Dependency], Dependency]:
    """Attach the event handlers. Returns the events after which another picture is due, and the one after which a
    slightly different one is."""
    asked = [s.painting, second, s.number, s.photo]
    found = s.find.click(find, asked, [s.state, s.board, s.status, s.end], **CONCURRENCY, **QUIET)
    ended = s.end.click(end, None, [s.state, s.board, s.end, s.status], concurrency_limit=None, **QUIET)
    changed = s.board.input(change, [s.board, s.state, s.photo], [s.state, s.board], **CONCURRENCY, **QUIET)
    told = {"inputs": [s.state, s.photo, s.painting], "outputs": [s.board, s.end, s.status]}
    gr.on([s.photo.change, s.painting.change], show, trigger_mode="always_last", **told, **CONCURRENCY, **QUIET)
    return [found, ended], changed
