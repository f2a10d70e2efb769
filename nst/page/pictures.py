"""Pictures on the page: the input component, rows of thumbnails, and the files that are shown and downloaded."""

from __future__ import annotations

import base64
import io
import json
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr
from PIL import Image

import nst
from nst.images import Picture, fit

SHOWN_PIXELS = 1280  # long side of a picture shown on the page; downloads have the full size
THUMBNAIL = 160
SIDE_BY_SIDE = 1600  # long side of each of two pictures in one file
SOURCES = ["upload", "webcam", "clipboard"]


class Upload(NamedTuple):
    """A file as the visitor sent it, undecoded: a path or a ``data:`` URL, and its original name."""

    source: str
    name: str | None

    def open(self) -> Picture:
        """Open the picture. Raises ImageError."""
        return nst.open_image(self.source, name=self.name)


class PictureInput(gr.Image):
    """gr.Image that passes on the visitor's file as it is.

    gr.Image's own decoding loses what ``nst.open_image`` keeps (orientation, transparency, 16 bits, color
    profiles), and fails without a message on files that it cannot read."""

    is_template = True  # uses the frontend of gr.Image

    def preprocess(self, payload: Any) -> Upload | None:
        if payload is None:
            return None
        if payload.url and payload.url.startswith("data:"):
            return Upload(payload.url, payload.orig_name)
        return Upload(payload.path, payload.orig_name) if payload.path else None


@dataclass(frozen=True)
class Choice:
    """One thumbnail of a row: its value when chosen, its picture, and its name in each language."""

    id: str
    image: Image.Image
    names: dict[str, str]
    detail: str = ""


PICKER = """<div class="picker" role="group">{{#each choices}}
<button type="button" data-id="{{this.id}}" data-names="{{this.names}}" aria-pressed="false">
<img src="{{this.image}}" alt="" width="160" height="160">
<span><b></b>{{#if this.detail}}<i>{{this.detail}}</i>{{/if}}</span></button>{{/each}}</div>"""

PICK = """
const mark = () => element.querySelectorAll('button').forEach((button) => {
    const names = JSON.parse(button.dataset.names);
    button.querySelector('b').textContent = names[navigator.language.split('-')[0]] ?? names.en;
    button.setAttribute('aria-pressed', String(button.dataset.id === props.value));
});
element.addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (!button) return;
    props.value = button.dataset.id;
    mark();
    trigger('input');
});
watch('value', mark);
mark();
"""


class Picker(gr.HTML):
    """A row of thumbnails to tap; its value is the id of the chosen one. A tap fires ``input``."""

    def __init__(self, choices: Sequence[Choice], value: str | None = None, **options: Any) -> None:
        super().__init__(value, html_template=PICKER, js_on_load=PICK, choices=listed(choices), **options)

    def get_block_name(self) -> str:
        return "html"


PALETTE = (
    PICKER
    + """
<div class="mixer"><button type="button" class="mix" aria-pressed="false"></button><div class="doses"></div></div>"""
)

MIX = """
const language = navigator.language.split('-')[0];
const word = (names) => names[language] ?? names.en;
let several = false;

const dose = (id, name, shares, whole) => {
    const row = document.createElement('label');
    const [title, slider, percent] = ['span', 'input', 'i'].map((tag) => document.createElement(tag));
    Object.assign(slider, {type: 'range', min: 5, max: 100, step: 5, value: 100 * shares[id]});
    slider.dataset.style = id;
    title.textContent = name;
    percent.textContent = Math.round(100 * shares[id] / whole) + ' %';
    slider.addEventListener('change', () => {
        tell({...JSON.parse(props.value), [id]: slider.value / 100});
        element.querySelector(`[data-style="${id}"]`).focus();
    });
    row.append(title, slider, percent);
    return row;
};
// Everything is looked up again each time: a new value renders the template anew.
const show = () => {
    const shares = JSON.parse(props.value);
    const names = {};
    for (const button of element.querySelectorAll('.picker button')) {
        const name = button.querySelector('b').textContent = word(JSON.parse(button.dataset.names));
        button.setAttribute('aria-pressed', String(button.dataset.id in shares));
        names[button.dataset.id] = name;
    }
    const mix = element.querySelector('.mix');
    mix.textContent = word(JSON.parse(props.words));
    mix.setAttribute('aria-pressed', String(several));
    const whole = Object.values(shares).reduce((sum, share) => sum + share, 0);
    const chosen = several && Object.keys(shares).length > 1 ? Object.keys(shares) : [];
    element.querySelector('.doses').replaceChildren(...chosen.map((id) => dose(id, names[id], shares, whole)));
};
const tell = (shares) => {
    props.value = JSON.stringify(shares);
    show();
    trigger('input');
};
element.addEventListener('click', (event) => {
    const button = event.target.closest('button');
    if (!button) return;
    const shares = JSON.parse(props.value);
    const {id} = button.dataset;
    if (!id) {
        several = !several;
        if (!several && Object.keys(shares).length > 1) tell({[Object.keys(shares)[0]]: 1});
        else show();
    } else if (!several) {
        tell({[id]: 1});
    } else if (!(id in shares)) {
        tell({...shares, [id]: 0.5});
    } else if (Object.keys(shares).length > 1) {
        delete shares[id];
        tell(shares);
    }
});
watch('value', show);
show();
"""


class Palette(gr.HTML):
    """Thumbnails of styles: tap one or, after "mix", several, each with a share.

    Its value is JSON text with a share for each chosen id; a change fires ``input``. As an output it takes such text,
    but not ``gr.skip()``: Gradio would recreate the component with arguments that its constructor does not take."""

    def __init__(self, choices: Sequence[Choice], value: str, words: dict[str, str], **options: Any) -> None:
        shown = {"choices": listed(choices), "words": json.dumps(words)}
        super().__init__(json.dumps({value: 1}), html_template=PALETTE, js_on_load=MIX, **shown, **options)

    def get_block_name(self) -> str:
        return "html"

    def preprocess(self, payload: Any) -> dict[str, float]:
        """The shares. Raises SettingsError for what this page never sends."""
        try:
            shares = json.loads(payload)
        except (TypeError, ValueError):
            shares = None
        if not isinstance(shares, dict):
            raise nst.SettingsError("A palette's value is JSON with a share for each style's id.")
        return shares


def listed(choices: Sequence[Choice]) -> list[dict[str, str]]:
    """The data of each choice, for the template."""
    return [
        {"id": c.id, "names": json.dumps(c.names), "detail": c.detail, "image": thumbnail(c.image)} for c in choices
    ]


def thumbnail(image: Image.Image) -> str:
    """The middle square of a picture, scaled down, as a ``data:`` URL."""
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    return data_url(image.convert("RGB").crop((left, top, left + side, top + side)).resize((THUMBNAIL, THUMBNAIL)))


def data_url(image: Image.Image) -> str:
    """A small picture as a ``data:`` URL."""
    data = io.BytesIO()
    image.save(data, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()


def show(image: Image.Image, folder: Path, name: str) -> str:
    """Save a picture for the page: no larger than a screen, quick to write and to send."""
    small = fit(image, SHOWN_PIXELS) if max(image.size) > SHOWN_PIXELS else image
    file = folder / f"{name}.jpg"
    nst.save_image(small, file, quality=90)
    return str(file)


class Previews:
    """Preview files of a picture in progress. Each has its own name, or a browser would show an older one
    from its cache; those that nobody can still be loading are deleted."""

    KEPT = 60.0  # seconds

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files: deque[tuple[float, Path]] = deque()

    def show(self, image: Image.Image, step: int) -> str:
        """Save the picture at this step; returns the file."""
        now = time.monotonic()
        self.files.append((now, Path(show(image, self.folder, f"step-{step}"))))
        while now - self.files[0][0] > self.KEPT:
            self.files.popleft()[1].unlink(missing_ok=True)
        return str(self.files[-1][1])


def beside(before: Image.Image, after: Image.Image, folder: Path, name: str) -> str:
    """Save before and after in one file: side by side, or one above the other if they are wide."""
    after = after.convert("RGB")
    if max(after.size) > SIDE_BY_SIDE:
        after = fit(after, SIDE_BY_SIDE)
    width, height = after.size
    high = width <= height
    pair = Image.new("RGB", (2 * width, height) if high else (width, 2 * height))
    pair.paste(before.convert("RGB").resize(after.size, Image.Resampling.LANCZOS), (0, 0))
    pair.paste(after, (width, 0) if high else (0, height))
    nst.save_image(pair, file := folder / f"{name}.jpg")
    return str(file)


def downloads(image: Image.Image, folder: Path, name: str, recipe: dict[str, Any]) -> tuple[str, str]:
    """Save the result as PNG and as JPEG, both with its recipe."""
    files = (folder / f"{name}.png", folder / f"{name}.jpg")
    for file in files:
        nst.save_image(image, file, recipe=recipe)
    return str(files[0]), str(files[1])
