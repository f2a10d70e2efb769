"""The drawer *Regions* of the photo look: which part of the photo takes its look from which part of the other."""

from __future__ import annotations

from dataclasses import dataclass, replace
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import gradio as gr
from gradio.events import Dependency
from PIL import Image

from nst.errors import SettingsError
from nst.page.board import CONCURRENCY, Board, Wished, drawn
from nst.page.pictures import PictureInput, Upload
from nst.page.refusals import answers, refusal
from nst.page.texts import names, t

if TYPE_CHECKING:  # with torch, which the page does without at first
    from nst.regions.matching import Assignment

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}


@dataclass(frozen=True, eq=False)
class Matched:
    """The regions of a photo and of a reference, as changed by hand; of the pictures with these files."""

    photo: str
    reference: str
    assignment: Assignment

    def masks(self) -> dict[str, list[Image.Image]]:
        """Return the masks, as ``photoreal`` takes them."""
        regions = self.assignment.regions()
        return {"masks": [r.mask for r in regions], "reference_masks": [r.part for r in regions]}


def matched_of(matched: Matched | None, photo: Upload | None, reference: Upload | None) -> Matched | None:
    """Return the regions in the page's state, if they are of the pictures on the page."""
    same = matched and photo and reference and (matched.photo, matched.reference) == (photo.source, reference.source)
    return matched if same else None


@answers
def find(photo: Upload | None, reference: Upload | None, number: float, request: gr.Request) -> tuple[Any, ...]:
    """Divide both photos, and match their regions: (state, board, button to end it)."""
    from nst.regions.matching import matched

    if photo is None or reference is None:
        raise refusal(request, "look_needs")
    ours = photo.open()
    found = Matched(photo.source, reference.source, matched(ours, reference.open(), int(number) or None))
    return found, drawn(ours.image, found.assignment), gr.Button(visible=True)


@answers
def change(
    wish: Wished | None, matched: Matched | None, photo: Upload | None, request: gr.Request
) -> tuple[Matched | None, str]:
    """Take what was chosen on the board: (state, board)."""
    if wish is None or matched is None or photo is None:
        return matched, ""
    found = matched.assignment
    if len(wish.numbers) != len(found.numbers) or max(wish.numbers) >= len(found.parts):
        raise SettingsError("The photos have other regions by now: show them again.")
    matched = replace(matched, assignment=found.changed(wish.numbers))
    return matched, drawn(photo.open().image, matched.assignment)


def end() -> tuple[None, str, gr.Button]:
    """Return to regions that are found for each picture: (state, board, button)."""
    return None, "", gr.Button(visible=False)


def build() -> SimpleNamespace:
    """Create the components in the current context."""
    r = SimpleNamespace(state=gr.State(None))
    with gr.Row():
        r.find = gr.Button(t("look_find"), elem_id="look-find", min_width=130)
        r.end = gr.Button(t("look_end"), visible=False, elem_id="look-end", min_width=130)
    words = {"lead": "look_tap", "parts": "look_other_photo", "photo": "your_photo"}
    r.board = Board({key: names(text) for key, text in words.items()}, elem_id="look-board")
    return r


def wired(r: SimpleNamespace, photo: PictureInput, reference: PictureInput, number: gr.Slider) -> list[Dependency]:
    """Attach the event handlers. Returns the events after which another look is due."""
    board = [r.state, r.board, r.end]
    found = r.find.click(find, [photo, reference, number], board, **CONCURRENCY, **QUIET)
    ended = r.end.click(end, None, board, concurrency_limit=None, **QUIET)
    changed = r.board.input(change, [r.board, r.state, photo], [r.state, r.board], **CONCURRENCY, **QUIET)
    gr.on([photo.change, reference.change, number.release], end, None, board, concurrency_limit=None, **QUIET)
    return [found, ended, changed]
