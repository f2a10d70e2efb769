"""The API: what the page does, for programs over HTTP and for assistants over MCP (``assistants.py``).

Each function's docstring is its documentation; Gradio reads exactly one line for each parameter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, replace
from typing import Any

import gradio as gr

import nst
from nst import device
from nst.feedforward import fast
from nst.images import size_of, with_alpha
from nst.jobs import Job
from nst.knobs import Knob
from nst.page import assistants, fast_events, look_api, optimize_events
from nst.page.job import Download, Preview, estimated, work
from nst.page.pictures import PictureInput, Previews, Upload
from nst.page.refusals import answers, refusal
from nst.page.visitors import Visitor, file_name, new_folder, visitor
from nst.regions.region import MAX_PAINTINGS
from nst.requests import SHARE, Extras, FastRequest, FullRequest, parts_of, texture
from nst.settings import Settings

PAINTINGS = Knob("paintings", 1, "How many paintings.", 1, MAX_PAINTINGS, 1)


def styles() -> list[dict[str, Any]]:
    """List the styles of the fast engine: id, title, artist, year, license and measured figures of each."""
    shared = ("id", "title", "artist", "year", "license", "metrics")
    return [{name: getattr(style, name) for name in shared} for style in nst.styles()]


@answers
def stylize(
    photo: Upload | None,
    style: str | dict[str, float] | None,
    strength: float | None,
    size: float | None,
    stroke: float | None,
    color: str | None,
    seed: float | None,
    request: gr.Request,
    painting: Upload | None = None,
    sub_styles: float | None = None,
) -> Iterator[str | None]:
    """Paint a photo in one pass.

    Cancel the job, or disconnect, to stop the work.

    Parameters:
        photo: the photo, as a file, a web address, or a `data:` URL of at most 20 MB
        style: an id from /styles, or a mixture such as {"starry-night": 0.6, "great-wave": 0.4}; without one, the first
        strength: 0 leaves the photo as it is, 1 is the full style, 1.5 the maximum
        size: long side of the result in pixels; 0 keeps the photo's size
        stroke: brush size, from 0.5 to 2
        color: "style" (the painting's colors), "luminance" (the photo's) or "match" (matched to the photo's)
        seed: a different number paints the same photo differently
        painting: any painting to take the style from, instead of a shipped style
        sub_styles: into how many sub-styles to divide the painting, one for each region of the photo; 0 finds how many
    Returns:
        the painting as PNG, with the recipe in its metadata
    """
    if photo is None:
        raise refusal(request, "no_photo")
    here, picture = visitor(request), photo.open()
    style = nst.styles()[0].id if style in (None, "") else style
    regions: tuple[nst.Region, ...] = ()
    if painting is not None:
        opened = painting.open()
        style = {nst.style_of(opened): 1.0}
        regions = () if sub_styles is None else tuple(nst.assign(picture, _divided([opened], sub_styles)))
    elif sub_styles is not None:
        raise refusal(request, "sub_needs")
    strength, stroke = (1.0 if number is None else number for number in (strength, stroke))
    sizes = (_whole(size) if size else None, _whole(seed or 0))
    order = FastRequest(style, strength, stroke, color or fast.COLOR.default, *sizes, regions)
    for painted in fast_events.painting(here, picture, order):
        if isinstance(painted, tuple):
            yield None  # a disconnected client is noticed only at a yield
    if here.gone:
        return
    file = new_folder(here, "stylize") / f"{file_name(picture.name, fast.slug(style))}.png"
    nst.save_image(painted, file, recipe=order.recipe())
    yield str(file)


@answers
def optimize(
    photo: Upload | None,
    painting: Upload | None = None,
    settings: dict[str, Any] | None = None,
    request: gr.Request = None,
    second: Upload | None = None,
    share: float | None = None,
    places: Upload | None = None,
    style: str | dict[str, float] | None = None,
    sub_styles: float | None = None,
) -> Iterator[tuple[str | None, dict[str, Any]]]:
    """Paint a photo in the style of any painting, step by step (Gatys, Ecker & Bethge 2016).

    Streams (picture, progress). Previews are JPEG; the last picture is the finished one, a PNG with the
    recipe in its metadata. Progress has a "stage": "waiting", "download" (of VGG-19, once; with "done" and
    "total" bytes), "painting" or "finished" (both with "step", "steps", "losses", "seconds", "remaining",
    "notes"). Cancel the job, or disconnect, to stop the work.

    Parameters:
        photo: the photo, as a file, a web address, or a `data:` URL of at most 20 MB
        painting: the painting to take the style from, in the same forms; none if a style is given
        settings: settings by name, such as {"size": 512, "steps": 200}; the others keep their defaults
        second: a second painting, optional
        share: the second painting's share, from 0 to 1, unless it has a region of its own
        places: a drawing of the regions: #e8590c is the second painting, #1971c2 stays a photo, the rest is the first
        style: an id from /styles, or a mixture of them, instead of a painting; their textures stand in for it
        sub_styles: into how many sub-styles to divide each painting, one for each region; 0 finds how many
    Returns:
        the painting so far, and the progress
    """
    if photo is None:
        raise refusal(request, "no_photo")
    if painting is None and not style:
        raise refusal(request, "no_painting")
    chosen, here = _settings(settings), visitor(request)
    mixture = None if painting is not None else fast.mixture(style)
    first = painting.open() if mixture is None else texture(next(iter(mixture)))
    share = SHARE.check(SHARE.default if share is None else share)
    drawing = None
    if places is not None:
        opened = places.open()
        drawing = with_alpha(opened.image, opened.alpha)
    beside = Extras(None if second is None else second.open(), share, drawing)
    picture = photo.open()
    if sub_styles is not None:
        if mixture is not None:
            raise refusal(request, "sub_needs")
        paintings = [painting for painting in (first, beside.second) if painting is not None]
        beside = replace(beside, sub_styles=parts_of(nst.assign(picture, _divided(paintings, sub_styles)), paintings))
    order = FullRequest(picture, first, chosen, beside=beside, style=mixture)
    order.paintings()  # refuses what cannot be painted before anything starts
    job = Job(work(order))
    with here.working(job):
        yield from _follow(here, job, order)


@answers
def estimate(
    photo: Upload | None, settings: dict[str, Any] | None, paintings: float | None, request: gr.Request
) -> dict[str, Any]:
    """Estimate what /optimize will take, before it starts.

    Parameters:
        photo: the photo, as a file, a web address, or a `data:` URL of at most 20 MB
        settings: settings by name, as for /optimize
        paintings: the number of paintings the style is taken from
    Returns:
        "seconds" (null until the network has been loaded once)
        "memory" in bytes, beyond what the program already uses
        "size" at which it is painted
        "patch" (side of the patches; null if it is painted whole)
        "device"; all but the device are null if a GPU is borrowed for the run only (ZeroGPU)
    """
    if photo is None:
        raise refusal(request, "no_photo")
    chosen, size = _settings(settings), size_of(photo.source)
    found = estimated(size, chosen, int(PAINTINGS.check(1 if paintings is None else paintings)))
    known = {"seconds": None, "memory": None, "size": None, "patch": None} if found is None else asdict(found)
    return known | {"device": device.describe(device.choose())}


def _divided(paintings: list[nst.Picture], number: float) -> list[nst.SubStyle]:
    """Divide each painting into this number of sub-styles, or into as many as it has if it is 0. Raises
    SettingsError."""
    return nst.decompose(paintings, _whole(number) or None)


def _settings(values: Any) -> Settings:
    """Validate settings. Raises SettingsError."""
    if not isinstance(values, dict | None):
        raise nst.SettingsError('Settings are an object with names and values, such as {"size": 512, "steps": 200}.')
    return Settings.from_dict(values or {})


def _follow(here: Visitor, job: Job, order: FullRequest) -> Iterator[tuple[str | None, dict[str, Any]]]:
    folder = new_folder(here, "optimize")
    grown = Previews(folder)
    picture, progress, last = None, {"stage": "waiting"}, None
    for news in job:
        if here.gone:
            return
        if isinstance(news, Download):
            progress = {"stage": "download", "done": news.done, "total": news.total}
        elif isinstance(news, Preview):
            last, progress = news, _progress("painting", news)
            picture = grown.show(news.image, news.step)
        # Without news, repeat the last: a disconnected client is noticed only at a yield.
        yield picture, progress
    if last is not None and not here.gone:
        file = folder / f"{file_name(order.photo.name, 'painted')}.png"
        nst.save_image(last.image, file, recipe=order.recipe() | {"step": last.step})
        yield str(file), _progress("finished", last)


def _progress(stage: str, news: Preview) -> dict[str, Any]:
    names = ("step", "steps", "losses", "seconds", "remaining", "notes")
    return {"stage": stage} | {name: getattr(news, name) for name in names}


class SettingsInput(gr.JSON):
    """gr.JSON for settings by name, with a valid schema: MCP rejects that of gr.JSON."""

    is_template = True

    def api_info(self) -> dict[str, Any]:
        return {"type": "object"}

    def get_block_name(self) -> str:
        return "json"


class StyleInput(gr.Textbox):
    """gr.Textbox for a style's id, or an object with the shares of several."""

    is_template = True

    def preprocess(self, payload: Any) -> Any:
        return payload

    def api_info(self) -> dict[str, Any]:
        return {"anyOf": [{"type": "string"}, {"type": "object", "additionalProperties": {"type": "number"}}]}

    def example_payload(self) -> Any:
        return nst.styles()[0].id

    def example_value(self) -> Any:
        return nst.styles()[0].id

    def get_block_name(self) -> str:
        return "textbox"


def _whole(size: float) -> int | float:
    return int(size) if size == int(size) else size


def build() -> None:
    """Register the endpoints; their components are never shown."""
    assistants.admit()
    with gr.Group(visible=False):
        photo = PictureInput(label="photo", type="filepath", image_mode=None)
        painting = PictureInput(label="painting", type="filepath", image_mode=None)
        style = StyleInput(nst.styles()[0].id, label="style")
        strength = gr.Number(1.0, label="strength")
        size = gr.Number(0, label="size")
        stroke = gr.Number(1.0, label="stroke")
        color = gr.Textbox(fast.COLOR.default, label="color")
        seed = gr.Number(fast.SEED.default, label="seed")
        settings = SettingsInput({}, label="settings")
        second = PictureInput(label="second", type="filepath", image_mode=None)
        share = gr.Number(SHARE.default, label="share")
        places = PictureInput(label="places", type="filepath", image_mode=None)
        instead = StyleInput(None, label="style")
        picture = gr.Image(label="picture", type="filepath", format="png")
        progress = gr.JSON(label="progress")
        listing, foretold = gr.JSON(label="styles"), gr.JSON(label="estimate")
        paintings = gr.Number(1, label="paintings")
        parts = gr.Number(None, label="sub_styles")
        reference, masks, reference_masks = (
            PictureInput(label=name, type="filepath", image_mode=None)
            for name in ("reference", "masks", "reference_masks")
        )
        trigger = gr.Button()
    trigger.click(styles, None, listing, api_name="styles", concurrency_limit=None)
    how = [style, strength, size, stroke, color, seed]
    trigger.click(stylize, [photo, *how, painting, parts], picture, api_name="stylize", **fast_events.CONCURRENCY)
    asked = [photo, settings, paintings]
    trigger.click(estimate, asked, foretold, api_name="estimate", concurrency_limit=None)
    given = [photo, painting, settings, second, share, places, instead, parts]
    trigger.click(optimize, given, [picture, progress], api_name="optimize", **optimize_events.CONCURRENCY)
    looked = [photo, reference, settings, masks, reference_masks]
    trigger.click(look_api.photo_look, looked, [picture, progress], api_name="photo_look", **look_api.CONCURRENCY)
