"""A board of two pictures, divided into numbered regions: tap a part of one, then the region of the other that is to
take it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import gradio as gr
import numpy as np
from PIL import Image

import nst
from nst.images import fit
from nst.page.pictures import data_url
from nst.regions.region import MAX_PAINTINGS, MAX_WEIGHT

if TYPE_CHECKING:  # with torch, which the page does without at first
    from nst.regions.matching import Assignment
    from nst.regions.substyles import SubStyle

SHOWN = 360  # long side in pixels of a picture on the board
CELLS = 72  # the same of the grid that says which region a tap meant
TINT = 0.55  # share of a region's color in the picture
CONCURRENCY = {"concurrency_id": "regions", "concurrency_limit": 2}  # of dividing pictures into regions
COLORS = ("#3c69b3", "#d08a1d", "#4c9a72", "#b5485d", "#7a5aa6", "#2f9fb5", "#8c6d4f", "#8f9a3a")

TEMPLATE = '<div class="board"></div>'

SCRIPT = """
const language = navigator.language.split('-')[0];
const words = JSON.parse(props.words);
const word = (key) => (words[key][language] ?? words[key].en);
const make = (tag, options = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), options);
    made.append(...children);
    return made;
};
let chosen = 0;

const tell = (change) => {
    props.value = JSON.stringify({...JSON.parse(props.value), ...change});
    show();
    trigger('input');
};
// A picture whose regions can be tapped, anywhere or on their numbers.
const map = (picture, title, color, label, number, tapped) => {
    const figure = make('div', {className: 'map'}, make('img', {src: picture.image, alt: ''}));
    figure.addEventListener('click', (event) => {
        if (event.target.closest('button')) return;
        const box = figure.getBoundingClientRect(), {grid} = picture;
        const row = Math.floor((event.clientY - box.top) / box.height * grid.length);
        const column = Math.floor((event.clientX - box.left) / box.width * grid[0].length);
        const region = grid[row]?.[column];
        if (region !== undefined) tapped(Number(region));
    });
    for (const [region, left, top] of picture.spots) {
        const spot = make('button', {type: 'button', className: 'spot', textContent: label(region)});
        spot.style.cssText = `left: ${left}%; top: ${top}%; --region: ${color(region)}`;
        spot.setAttribute('aria-label', `${title} ${label(region)}`);
        const pressed = number(region);
        if (pressed !== null) spot.setAttribute('aria-pressed', String(pressed));
        spot.addEventListener('click', () => tapped(region));
        figure.append(spot);
    }
    return make('figure', {}, make('figcaption', {textContent: title}), figure);
};
const weights = (board) => board.weights.map((weight, part) => {
    const slider = make('input', {type: 'range', min: 0, max: 3, step: 0.25, value: weight});
    slider.addEventListener('change', () => tell({
        weights: JSON.parse(props.value).weights.map((old, n) => n === part ? Number(slider.value) : old),
    }));
    slider.setAttribute('aria-label', `${word('weight')} ${part + 1}`);
    const patch = make('img', {src: board.swatches[part], alt: ''});
    const swatch = make('button', {type: 'button', className: 'swatch'}, patch);
    swatch.setAttribute('aria-label', `${word('part')} ${part + 1}`);
    swatch.setAttribute('aria-pressed', String(part === chosen));
    swatch.style.setProperty('--region', board.colors[part]);
    swatch.addEventListener('click', () => choose(part));
    return make('div', {className: 'weight'}, swatch, make('b', {textContent: part + 1}), slider,
        make('i', {textContent: `${board.shares[part]} %`}));
});
const choose = (part) => {
    chosen = part;
    show();
};
const show = () => {
    const there = element.querySelector('.board');
    if (!props.value) return there.replaceChildren();
    const board = JSON.parse(props.value), {numbers, colors} = board;
    chosen = Math.min(chosen, colors.length - 1);
    const parts = board.parts.map((picture) => map(
        picture, word('parts'), (part) => colors[part], (part) => part + 1, (part) => part === chosen, choose));
    const photo = map(
        board.photo, word('photo'), (region) => colors[numbers[region]], (region) => numbers[region] + 1, () => null,
        (region) => tell({numbers: numbers.map((old, n) => n === region ? chosen : old)}));
    const pictures = make('div', {className: 'maps'}, make('div', {}, ...parts), photo);
    const rows = board.weights ? [make('p', {textContent: word('weights')}), ...weights(board)] : [];
    there.replaceChildren(make('p', {textContent: word('lead')}), pictures, ...rows);
};
watch('value', show);
show();
"""


@dataclass(frozen=True)
class Wished:
    """What was chosen on the board: the number of the part for each region of the photo, and a weight for each part, if
    it has any."""

    numbers: tuple[int, ...]
    weights: tuple[float, ...]


class Board(gr.HTML):
    """The board. Its value is JSON text as ``drawn`` returns it, or "" while there is nothing on it; a change fires
    ``input``."""

    def __init__(self, words: dict[str, dict[str, str]], **options: Any) -> None:
        super().__init__("", html_template=TEMPLATE, js_on_load=SCRIPT, words=json.dumps(words), **options)

    def get_block_name(self) -> str:
        return "html"

    def preprocess(self, payload: Any) -> Wished | None:
        """What was chosen; None if nothing is on the board. Raises SettingsError for what this page never sends."""
        if not payload:
            return None
        try:
            sent = json.loads(payload)
            wished = Wished(tuple(sent["numbers"]), tuple(sent["weights"] or ()))
        except (TypeError, ValueError, KeyError):
            wished = Wished((None,), ())  # type: ignore[arg-type]
        known = all(type(n) is int and 0 <= n < MAX_PAINTINGS for n in wished.numbers)
        if not known or not all(type(w) in (int, float) and 0 <= w <= MAX_WEIGHT for w in wished.weights):
            raise nst.SettingsError("This is not what the board sends: load the page again.")
        return wished


def drawn(
    photo: Image.Image, found: Assignment, sub_styles: Sequence[SubStyle] = (), weights: Sequence[float] = ()
) -> str:
    """Return the board's value for a photo and its assignment; with sub-styles, these have patches and weights."""
    pictures: dict[int, Any] = {}
    for number, part in enumerate(found.parts):
        pictures.setdefault(id(part.painting), (part.painting.image, []))[1].append((number, part.part))
    parts = []
    for picture, masks in pictures.values():
        numbers = [number for number, _ in masks]
        shares = np.stack([np.asarray(mask, np.float32) for _, mask in masks])
        parts.append(_divided(picture, shares, numbers, numbers))
    shares = found.shares[:, 0].numpy()
    shown = {
        "photo": _divided(photo, shares, list(range(len(shares))), list(found.numbers)),
        "parts": parts,
        "numbers": list(found.numbers),
        "colors": COLORS[: len(found.parts)],
        "weights": list(weights) or None,
        "swatches": [data_url(s.swatch) for s in sub_styles],
        "shares": [round(100 * s.share) for s in sub_styles],
    }
    return json.dumps(shown)


def _divided(picture: Image.Image, shares: np.ndarray, names: list[int], colors: list[int]) -> dict[str, Any]:
    """Return a picture tinted by region for the page, with the region of every cell of a grid, and for each region a
    place well inside of it, in percent. ``shares`` are ``[R, h, w]``; regions have ``names`` and ``colors``."""
    from nst.regions.masks import deepest

    shown = fit(picture.convert("RGB"), min(SHOWN, max(picture.size)))
    scaled = [np.asarray(Image.fromarray(share).resize(shown.size, Image.Resampling.BILINEAR)) for share in shares]
    labels = np.argmax(scaled, axis=0)
    palette = np.array([[int(color[n : n + 2], 16) for n in (1, 3, 5)] for color in COLORS])
    gray = np.asarray(shown.convert("L"), np.float32)[..., None]
    tinted = (1 - TINT) * gray + TINT * palette[np.array(colors)[labels]]
    border = np.zeros(labels.shape, bool)
    border[:-1] |= labels[:-1] != labels[1:]
    border[:, :-1] |= labels[:, :-1] != labels[:, 1:]
    tinted[border] = 255
    cells = fit(shown, min(CELLS, max(shown.size))).size
    grid = np.asarray(Image.fromarray(labels.astype(np.uint8)).resize(cells, Image.Resampling.NEAREST))
    spots = []
    for region, name in enumerate(names):
        if (inside := grid == region).any():
            row, column = deepest(inside)
            place = round(100 * (column + 0.5) / cells[0], 1), round(100 * (row + 0.5) / cells[1], 1)
            spots.append((name, *place))
    rows = ["".join(str(names[region]) for region in row) for row in grid]
    return {"image": data_url(Image.fromarray(tinted.round().astype(np.uint8))), "grid": rows, "spots": spots}
