"""The drawer *Sub-styles*: a painting is divided into its sub-styles, and each region of the photo gets one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.events import Dependency

import nst
from nst.images import Picture
from nst.page.board import CONCURRENCY, Board, Wished, drawn
from nst.page.photos import example
from nst.page.pictures import PictureInput, Upload
from nst.page.refusals import answers, refusal
from nst.page.texts import names, say, t
from nst.regions.region import MAX_PAINTINGS

if TYPE_CHECKING:  # with torch, which the page does without at first
    from nst.regions.matching import Assignment

SOME = 0  # as a number of sub-styles: as many as are found
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


@dataclass(frozen=True, eq=False)
class Division:
    """The sub-styles of a visitor's paintings, how readily each is chosen, and which region of the photo takes which.

    It lasts as long as the file ``painting`` is the painting on the page, and is made anew for another file than
    ``photo``, None for the example."""

    painting: str
    photo: str | None
    sub_styles: tuple[nst.SubStyle, ...]
    weights: tuple[float, ...]
    assignment: Assignment

    @classmethod
    def of(
        cls, painting: str, photo: Upload | None, sub_styles: Sequence[nst.SubStyle], weights: Sequence[float]
    ) -> Division:
        """Give each region of the photo the sub-style that fits it. Raises ImageError."""
        from nst.regions.substyles import assigned

        found = assigned(opened(photo), sub_styles, weights=weights)
        return cls(painting, photo and photo.source, tuple(sub_styles), tuple(weights), found)

    def on(self, photo: Upload | None) -> Division:
        """Return the division for this photo. Raises ImageError."""
        same = self.photo == (photo and photo.source)
        return self if same else self.of(self.painting, photo, self.sub_styles, self.weights)

    def wished(self, wish: Wished, photo: Upload | None) -> Division:
        """Return the division with the weights and the numbers that were chosen on the board; other weights assign
        anew. Raises SettingsError."""
        now = self.on(photo)
        count, regions = len(now.sub_styles), len(now.assignment.numbers)
        if len(wish.weights) != count or len(wish.numbers) != regions or max(wish.numbers) >= count:
            raise nst.SettingsError("The painting or the photo has other regions by now: look at the board again.")
        if wish.weights != now.weights:
            return self.of(now.painting, photo, now.sub_styles, wish.weights)
        return replace(now, assignment=now.assignment.changed(wish.numbers))

    def board(self, photo: Upload | None) -> str:
        """Return the board's value. Raises ImageError."""
        return drawn(opened(photo).image, self.assignment, self.sub_styles, self.weights)

    @property
    def paintings(self) -> tuple[Picture, ...]:
        """The paintings that the sub-styles are parts of."""
        return tuple({id(s.painting): s.painting for s in self.sub_styles}.values())


def opened(photo: Upload | None) -> Picture:
    """Return the visitor's photo, or the example. Raises ImageError."""
    return example() if photo is None else photo.open()


def division_of(division: Division | None, painting: Upload | None) -> Division | None:
    """Return the division in the page's state, if it is of the painting on the page."""
    return division if division and painting is not None and division.painting == painting.source else None


@answers
def find(
    painting: Upload | None, second: Upload | None, number: float, photo: Upload | None, request: gr.Request
) -> tuple[Any, ...]:
    """Divide the painting, or both, into sub-styles: (state, board, status, button to end it)."""
    if painting is None:
        raise refusal(request, "sub_needs")
    pictures = [upload.open() for upload in (painting, second) if upload is not None]
    most = MAX_PAINTINGS // len(pictures)
    sub_styles = nst.decompose(pictures, min(int(number), most) or None)
    count = len(sub_styles)
    division = Division.of(painting.source, photo, sub_styles, (1.0,) * count)
    words = say(request, "sub_found", number=count) if count > 1 else say(request, "sub_one")
    return division, division.board(photo), words, gr.Button(visible=True)


@answers
def change(
    wish: Wished | None, division: Division | None, photo: Upload | None, request: gr.Request
) -> tuple[Division | None, str]:
    """Take what was chosen on the board: (state, board)."""
    if wish is None or division is None:
        return division, ""
    division = division.wished(wish, photo)
    return division, division.board(photo)


@answers
def show(
    division: Division | None, photo: Upload | None, painting: Upload | None, request: gr.Request
) -> tuple[Any, ...]:
    """Show the board for another photo, or nothing for another painting: (state, board, button to end it, status)."""
    if division_of(division, painting) is None:
        return end()
    division = division.on(photo)
    return division, division.board(photo), gr.Button(visible=True), gr.skip()


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
    told = {"inputs": [s.state, s.photo, s.painting], "outputs": [s.state, s.board, s.end, s.status]}
    gr.on([s.photo.change, s.painting.change], show, trigger_mode="always_last", **told, **CONCURRENCY, **QUIET)
    return [found, ended], changed
