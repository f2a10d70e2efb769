"""Inputs for a second painting, and for a drawing over the photo of what goes where."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr
from gradio.components.image_editor import EditorData
from PIL import Image

import nst
from nst.images import fit
from nst.page.pictures import SOURCES, Choice, Picker, PictureInput, Upload
from nst.page.refusals import answers, refusal
from nst.page.texts import t
from nst.page.visitors import visitor
from nst.regions.region import SECOND, STAYS
from nst.requests import SHARE, Extras

CANVAS = 720  # long side of the canvas, in pixels


@dataclass(frozen=True)
class Places:
    """The components, in the order in which ``gathered`` takes their values."""

    second: PictureInput
    share: gr.Slider
    drawn: Drawn  # the board's content as of its last ``taken``
    editor: gr.ImageEditor

    @property
    def parts(self) -> list[gr.components.Component]:
        return [self.second, self.share, self.drawn, self.editor]

    def taken(self, trigger: Callable[..., gr.events.Dependency]) -> gr.events.Dependency:
        """Take what is on the board, in the browser, when ``trigger`` fires."""
        return trigger(None, self.editor, self.drawn, js="drawing => drawing", api_visibility="private", queue=False)


class Drawn(gr.JSON):
    """What is drawn on a board, as an input in its place.

    Every input of an event, and whatever shows its progress, is asked for its value again at each update of the page
    from then on (Gradio 6.31). A board would read back its pixels each time and upload them, which without a graphics
    card takes longer than an update: the page would not even hear a tap on Stop."""

    data_model = EditorData

    def __init__(self, board: gr.ImageEditor) -> None:
        self.board = board
        super().__init__(visible=False)

    def preprocess(self, payload: EditorData | None) -> Any:
        return self.board.preprocess(payload)

    def get_config(self) -> dict[str, Any]:
        return super().get_config(gr.JSON)


def build(photo: PictureInput, drawn: list[Choice], pick: Callable[..., Any]) -> Places:
    """Create the components in the current context."""
    quiet = {"api_visibility": "private", "show_progress": "hidden", "queue": False}
    with gr.Accordion(t("places"), open=False, elem_id="paint-places"):
        second = PictureInput(
            label=t("second"), type="filepath", image_mode=None, height=180, buttons=[], sources=SOURCES,
            elem_id="paint-second",
        )  # fmt: skip
        drawing = Picker(drawn, elem_id="paint-second-drawings", elem_classes="small-picks")
        share = gr.Slider(
            SHARE.low,
            SHARE.high,
            SHARE.default,
            step=SHARE.step,
            label=t("share"),
            info=t("share_help"),
            elem_id="paint-share",
        )
        colors = ["#{:02x}{:02x}{:02x}".format(*color) for color in (SECOND, STAYS)]
        editor = gr.ImageEditor(
            type="pil", label=t("draw"), sources=(), transforms=(), layers=False, buttons=[], height=380, format="png",
            brush=gr.Brush(default_size=36, colors=colors, color_mode="fixed"), eraser=gr.Eraser(default_size=36),
            canvas_size=(CANVAS, CANVAS * 3 // 4), elem_id="paint-draw",
        )  # fmt: skip
        gr.Markdown(t("draw_help"), elem_classes="hint")
        load = gr.UploadButton(t("load_places"), file_types=["image"], elem_id="paint-load-places")
    drawing.input(pick, drawing, second, **quiet)
    # On the button: see ``Drawn``.
    elsewhere: dict[str, Any] = {"show_progress": "hidden", "show_progress_on": load, "api_visibility": "private"}
    photo.change(put_up, photo, editor, queue=False, **elsewhere)
    load.upload(loaded, [load, photo], editor, concurrency_limit=None, **elsewhere)
    return Places(second, share, Drawn(editor), editor)


def put_up(photo: Upload | None, request: gr.Request) -> Any:
    """Put another photo on the canvas: without a drawing, unless it was restored with one."""
    file, drawing = visitor(request).drawn_on or (None, None)
    return canvas(photo, drawing if photo and photo.source == file else None)


def canvas(photo: Upload | None, places: Image.Image | None = None) -> Any:
    """The editor's value: the photo with a drawing on it; None without a photo, or if it cannot be read."""
    try:
        background = photo and fit(photo.open().image, CANVAS)
    except nst.ImageError:
        background = None  # reported when painting starts
    if background is None:
        return None
    layers = [] if places is None else [places.convert("RGBA").resize(background.size, Image.Resampling.NEAREST)]
    shown = background.convert("RGBA")
    for layer in layers:
        shown.alpha_composite(layer)
    return {"background": background, "layers": layers, "composite": shown}


@answers
def loaded(file: str, photo: Upload | None, request: gr.Request) -> Any:
    """Put a drawing from a file onto the photo, such as one downloaded with a result."""
    if photo is None:
        raise refusal(request, "no_photo")
    picture = nst.open_image(file)
    drawing = picture.image.convert("RGBA")
    if picture.alpha is not None:
        drawing.putalpha(picture.alpha)
    return canvas(photo, drawing)


def gathered(second: Upload | None, share: float, editor: dict[str, Any] | None) -> Extras:
    """Collect what the visitor chose. Raises ImageError if the second painting cannot be read."""
    layers = (editor or {}).get("layers") or []
    drawn = [layer.convert("RGBA") for layer in layers if layer is not None]
    places = drawn[0] if drawn and drawn[0].getextrema()[3][1] >= 128 else None
    return Extras(None if second is None else second.open(), float(share), places)
