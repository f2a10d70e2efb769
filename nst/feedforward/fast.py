"""The fast engine: paints a photograph in one pass of a trained network, with ONNX Runtime on a GPU or a CPU.

One network paints all styles. A style is a vector (``feedforward/styles.py``), and so is a mixture of styles, a style
at partial strength, or one with larger strokes. Each file has one session, shared by all callers: it is read-only, and
ONNX Runtime lets many threads run it at once. Large photographs are painted in tiles (``tiles.py``).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import numpy as np
import onnxruntime
from PIL import Image

from nst.color import keep_colors, match_colors
from nst.errors import Cancelled, SettingsError
from nst.feedforward import styles as catalogued
from nst.feedforward import tiles
from nst.feedforward.field import stroke_field
from nst.feedforward.knobs import COLOR, SEED, SIZE, STRENGTH, STROKE
from nst.feedforward.placed import Placed
from nst.feedforward.predict import style_of
from nst.feedforward.running import runner, stopping
from nst.feedforward.sessions import open_model
from nst.feedforward.styles import BROAD, Style, catalog, find
from nst.feedforward.tiles import SMALLEST
from nst.images import Source, fit, open_image, with_alpha
from nst.models import MODELS
from nst.recipe import stylized
from nst.regions.region import Region

NETWORK, REGIONS = MODELS / "network.onnx", MODELS / "regions.onnx"

MOST_PIXELS = 50_000_000  # of the network's input

USUAL = 1.0  # stroke size of a brush of 1, as a multiple of the fine one
BEYOND = 0.15  # how far a brush may extrapolate beyond fine and broad, as a fraction of the distance between them
MAX_WEIGHT = 1000  # weight of a style in a mixture, where only the ratios matter


def provider() -> str:
    """Return the provider that actually runs the network: "CUDAExecutionProvider" or "CPUExecutionProvider"."""
    return open_model(NETWORK).get_providers()[0]


def styles() -> list[Style]:
    """The styles shipped with this program."""
    return list(catalog().values())


Mix = str | Style | Mapping[str | Style, float] | Mapping[str, float] | Mapping[Style, float]


def shares(style: Mix) -> dict[Style, float]:
    """Return the share of each style, adding up to 1, for a style, its id, or several with weights.

    Raises SettingsError for an unknown style, or for weights that do not form a mixture."""
    if not isinstance(style, Mapping):
        return {named(style): 1.0}
    for name, weight in style.items():
        name = named(name).id
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not number or not 0 <= weight <= MAX_WEIGHT:
            raise SettingsError(f"The weight of {name} is a number from 0 to {MAX_WEIGHT}, not {str(weight)[:40]!r}.")
    whole = sum(style.values())
    if whole == 0:
        raise SettingsError("A mixture needs at least one style with a weight above 0.")
    found: dict[Style, float] = {}
    for name, weight in style.items():
        if weight:
            found[named(name)] = found.get(named(name), 0.0) + weight / whole
    return found


def mixture(style: Mix) -> dict[str, float]:
    """Return the same shares by style id, as recipes store them."""
    return {style.id: round(share, 4) for style, share in shares(style).items()}


def named(style: str | Style) -> Style:
    """Return ``style`` itself, or the shipped style with this id."""
    return style if isinstance(style, Style) else find(style)


def stylize(
    photo: Source,
    style: Mix = "starry-night",
    strength: float = 1.0,
    size: int | None = None,
    *,
    stroke: float = 1.0,
    color: str = "style",
    seed: int = 0,
    painting: Source | Sequence[Region] | None = None,
    cancelled: Callable[[], bool] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Image.Image:
    """Paint the photograph in one pass.

    ``style`` is a style's id, a ``Style``, or a mixture such as ``{"starry-night": 0.6, "great-wave": 0.4}``.
    ``painting`` is any painting; its predicted style is used instead of ``style``. Or it is a list of regions, each
    painted in the predicted style of its painting, or of its part of it.
    ``strength`` is the strength of the style: 0 returns the photo, 1 the full style, and up to 1.5 exaggerates it.
    ``size`` is the result's long side in pixels; by default the result is as large as the photo.
    ``stroke`` is the brush size. ``color`` is one of ``COLORS``. A different ``seed`` paints the same photo
    differently.
    ``cancelled`` is polled many times a second, from another thread, and the work stops once it returns True;
    ``progress(tiles done, tiles in all)`` reports how far it is.
    Returns RGB, or RGBA if the photo has transparency. ``info["provider"]`` is the provider that ran it,
    ``info["notes"]`` a tuple of sentences about what was done to the photo, and ``info["recipe"]`` what
    ``nst.save_image`` writes into the file.

    Raises ImageError for a photo that cannot be read, Cancelled when cancelled, SettingsError for anything else."""
    picture = open_image(photo)
    placed = Placed.of(painting, picture) if isinstance(painting, list | tuple) else None
    if placed:
        mix = shares(placed.mix)
    elif painting is not None:
        mix = shares(style_of(cast(Source, painting)))
    else:
        mix = shares(style)
    strength, stroke, color = STRENGTH.check(strength), STROKE.check(stroke), COLOR.check(color)
    seed = SEED.check(seed)
    size = size if size is None else SIZE.check(size)
    image = picture.image if size is None else fit(picture.image, size)
    notes = picture.notes + (placed.notes if placed else ())
    _ask(cancelled)
    if strength:
        level, left = brush(stroke)
        side = working_side(image.size, left)
        working = image if side == max(image.size) else fit(image, side)
        if side < round(max(image.size) / left):
            notes += (f"Painted at {working.width} x {working.height}, the most at once, and then resized.",)
        watching: dict[str, Any] = {"cancelled": cancelled, "progress": progress}
        painted = paint(placed or mix, working, strength, level, seed, **watching)
        painted = painted.resize(image.size, Image.Resampling.LANCZOS)
        _ask(cancelled)
        if color == "luminance":
            painted = keep_colors(painted, image)
        elif color == "match":
            painted = match_colors(painted, image)
    else:
        painted = image.copy()
    painted = with_alpha(painted, picture.alpha)
    made = recipe(mix, strength, size, stroke=stroke, color=color, seed=seed)
    painted.info = {"provider": provider(), "notes": notes, "recipe": made}
    return painted


def brush(stroke: float) -> tuple[float, float]:
    """Return how to paint with this brush size: where its vector lies between fine (0) and broad (1), or slightly
    beyond; and the factor by which strokes still have to grow, by painting a smaller picture."""
    wanted = math.log(stroke * USUAL, BROAD)
    level = min(max(wanted, -BEYOND), 1 + BEYOND)
    return level, BROAD ** (wanted - level)


def working_side(size: tuple[int, int], stroke: float) -> int:
    """Return the long side at which to paint a picture of this size: smaller for a larger brush, limited by
    ``MOST_PIXELS``."""
    sides = [max(1.0, side / stroke) for side in size]
    padded = max(sides[0], SMALLEST) * max(sides[1], SMALLEST)
    longest = max(sides)
    if padded > MOST_PIXELS:
        # A picture only a few pixels high is padded to SMALLEST, so only its length can be limited.
        longest = min(longest * (MOST_PIXELS / padded) ** 0.5, MOST_PIXELS / SMALLEST)
        return int(longest)
    return round(longest)


def _ask(cancelled: Callable[[], bool] | None) -> None:
    if cancelled is not None and cancelled():
        raise Cancelled("The picture was no longer wanted.")


def slug(style: Mix) -> str:
    """Return a short name for files: the style's id, or the first two ids of a mixture and the number of others."""
    names = [style.id for style in shares(style)]
    return "-".join(names[:2]) + (f"-and-{len(names) - 2}-more" if len(names) > 2 else "")


def recipe(
    style: Mix, strength: float, size: int | None, *, stroke: float = 1.0, color: str = "style", seed: int = 0
) -> dict[str, Any]:
    """Return the recipe of a fast picture, to be saved in its file."""
    mix = mixture(style)
    titles = {s.id: s.title for s in shares(style) if s.id.startswith(catalogued.OWN)}
    which = next(iter(mix)) if len(mix) == 1 else mix
    how: dict[str, Any] = {"strength": strength, "size": size, "stroke": stroke, "color": color, "seed": seed}
    how |= {"model": catalogued.network_digest()} | ({"titles": titles} if titles else {})
    return stylized(which, **how)


def paint(
    mix: Mapping[Style, float] | Placed,
    image: Image.Image,
    strength: float = 1.0,
    level: float = 0.0,
    seed: int = 0,
    *,
    cancelled: Callable[[], bool] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Image.Image:
    """Paint ``image`` (RGB) at its own size in a mixture of styles whose shares add up to 1, or in several styles, each
    in its place. ``level`` is the stroke size, between fine (0) and broad (1). Raises Cancelled."""
    with stopping(cancelled) as stop:
        if isinstance(mix, Placed):
            each = [vector({style: 1.0}, strength, level) for style in mix.styles]
            vectors = np.stack([*each, catalogued.identity()])
            run = runner(open_model(REGIONS), mix.inputs(vectors, dose(strength), image.size), seed, stop)
        else:
            run = _plain(mix, strength, level, seed, stop)
        return Image.fromarray(tiles.paint(np.asarray(image), run, progress))


def painter(mix: Mapping[Style, float], strength: float, level: float, seed: int) -> Callable[[np.ndarray], np.ndarray]:
    """Return a function that paints pictures of one size, ``[H, W, 3]`` bytes, one after the other. What does not
    change between them is computed once."""
    run = _plain(mix, strength, level, seed, field=functools.lru_cache(maxsize=1)(stroke_field))
    return lambda pixels: tiles.paint(pixels, run)


def vector(mix: Mapping[Style, float], strength: float, level: float) -> np.ndarray:
    """Return the vector of a mixture whose shares add up to 1, at this strength and stroke size."""
    given, (fine, broad) = dose(strength), catalogued.mixed(mix)
    return ((1 - given) * catalogued.identity() + given * ((1 - level) * fine + level * broad)).astype(np.float32)


def _plain(
    mix: Mapping[Style, float],
    strength: float,
    level: float,
    seed: int,
    stop: onnxruntime.RunOptions | None = None,
    field: Callable[..., np.ndarray] = stroke_field,
) -> tiles.Run:
    """Return a function that runs the network in the same mixture everywhere, in the form that ``tiles`` expects."""
    inputs = {"vector": vector(mix, strength, level), "dose": np.array(dose(strength), np.float32)}
    return runner(open_model(NETWORK), lambda places, height, width: inputs, seed, stop, field)


def dose(strength: float) -> float:
    """Return the network's dose for a strength. Small doses are barely visible, and may even move a photograph's
    texture away from the painting's before moving it closer; with the square root, each quarter of the strength brings
    it closer."""
    return strength**0.5 if strength < 1 else strength
