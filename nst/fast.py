"""Fast: a photograph through a trained network in one pass, by ONNX Runtime on a GPU or a CPU.

The styles are the files of ``models/``, named by their catalogue. A session is made once per file
and shared by everyone: it is read-only, and ONNX Runtime lets many threads run it at once. A large
photograph goes through in tiles (see ``tiles.py``).
"""

from __future__ import annotations

import functools
import json
import logging
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image

from nst import device, tiles
from nst.color import keep_colors, match_colors
from nst.errors import Cancelled, SettingsError
from nst.images import Source, fit, open_image, with_alpha
from nst.settings import KNOBS, PROGRAM, Knob
from nst.tiles import SMALLEST

MODELS = Path(__file__).resolve().parent.parent / "models"
STRENGTH = Knob("strength", 1.0, "How much of the style: 0 gives the photo, 1 the full style.", 0.0, 1.5, 0.05)
STROKE = Knob("stroke", 1.0, "Size of the brush: 0.5 paints strokes half as large, 2 twice.", 0.5, 2.0, 0.1)
COLOR = KNOBS["color"]  # the same choice as in the full method
SIZE = Knob("size", 512, "Long side of the result, in pixels.", SMALLEST, 8000, 1)

ASK_AGAIN = 0.05  # seconds between two questions whether the picture is still wanted
MOST_PIXELS = 50_000_000  # of the picture that the network works on

HEAVIEST = 1000  # weight of a style in a mixture, of which only the proportions count

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Style:
    """An entry of the catalogue: whose painting it is, and the network that learned it."""

    id: str
    title: str
    artist: str
    year: str
    license: str
    file: Path
    sha256: str
    thumbnail: Path
    index: int
    metrics: dict[str, float]


@functools.cache
def catalogue() -> dict[str, Style]:
    """The styles by id, in the catalogue's order."""
    entries = json.loads((MODELS / "styles.json").read_text("utf-8"))
    paths = ("file", "thumbnail")
    return {e["id"]: Style(**{k: MODELS / v if k in paths else v for k, v in e.items()}) for e in entries}


def styles() -> list[Style]:
    """The styles shipped with this program."""
    return list(catalogue().values())


def find(style: str) -> Style:
    """The style of this id; raises SettingsError naming those there are."""
    try:
        return catalogue()[style]
    except (KeyError, TypeError):
        raise SettingsError(f"There is no style {repr(style)[:40]}; there are {', '.join(catalogue())}.") from None


_opening = threading.Lock()


def open_model(file: Path) -> onnxruntime.InferenceSession:
    """The session that runs ``file``, opened at its first use, once even when two ask together."""
    with _opening:
        return _open(file)


@functools.cache
def _open(file: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # The arena never gives memory back: one large photo would stay in it for the life of the process.
    options.enable_cpu_mem_arena = False
    providers: list[Any] = ["CPUExecutionProvider"]
    if _has_gpu():
        # A new size would set off an exhaustive search for convolution algorithms, seconds each time.
        # And its memory grows by what is asked for, not to the next power of two: Optimize needs the rest.
        options_gpu = {"cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"}
        providers.insert(0, ("CUDAExecutionProvider", options_gpu))
    session = onnxruntime.InferenceSession(file, options, providers=providers)
    log.info("%s runs on %s", file.name, session.get_providers()[0])
    return session


def _has_gpu() -> bool:
    """Whether to ask for CUDA at all. ONNX Runtime announces its provider on machines without a GPU."""
    if device.spaces is not None:
        return False  # ZeroGPU has its GPU in other processes only, though torch says it were here
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return False
    if device.choose().type != "cuda":
        return False
    onnxruntime.preload_dlls()
    return True


def provider(style: str = "starry-night") -> str:
    """What really runs ``style``: "CUDAExecutionProvider" or "CPUExecutionProvider"."""
    return open_model(find(style).file).get_providers()[0]


Mix = str | Mapping[str, float]


def shares(style: Mix) -> dict[str, float]:
    """How much of each style, adding up to 1: of one style's id, or of ids with their weights.

    Raises SettingsError for an unknown style, or weights that are no mixture."""
    if not isinstance(style, Mapping):
        return {find(style).id: 1.0}
    for name, weight in style.items():
        find(name)
        number = isinstance(weight, int | float) and not isinstance(weight, bool)
        if not number or not 0 <= weight <= HEAVIEST:
            raise SettingsError(f"The weight of {name} is a number from 0 to {HEAVIEST}, not {str(weight)[:40]!r}.")
    whole = sum(style.values())
    if whole == 0:
        raise SettingsError("A mixture needs at least one style with a weight above 0.")
    return {name: weight / whole for name, weight in style.items() if weight}


def stylize(
    photo: Source,
    style: Mix = "starry-night",
    strength: float = 1.0,
    size: int | None = None,
    *,
    stroke: float = 1.0,
    color: str = "style",
    cancelled: Callable[[], bool] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Image.Image:
    """The photograph painted in one pass.

    ``style`` is a style's id, or a mixture such as ``{"starry-night": 0.6, "great-wave": 0.4}``.
    ``strength`` says how much of it: 0 gives the photo, 1 the full style, up to 1.5 more than that.
    ``size`` is the result's long side in pixels; without it the result is as large as the photo.
    ``stroke`` is the size of the brush, 1 as trained. ``color`` is one of ``COLORS``.
    ``cancelled`` is asked many times a second, from another thread, and when it says True the work
    ends; ``progress(tiles done, tiles in all)`` follows it.
    Returns RGB, or RGBA where the photo had transparency. ``info["provider"]`` says what ran it,
    ``info["notes"]`` is a tuple of sentences about what was done to the photo.

    Raises ImageError for a photo that cannot be read, Cancelled when it was, SettingsError for anything else.
    """
    mix = shares(style)
    strength, stroke, color = STRENGTH.check(strength), STROKE.check(stroke), COLOR.check(color)
    size = size if size is None else SIZE.check(size)
    picture = open_image(photo)
    image = picture.image if size is None else fit(picture.image, size)
    notes = picture.notes
    _ask(cancelled)
    if strength:
        side = working_side(image.size, stroke)
        working = image if side == max(image.size) else fit(image, side)
        if side < round(max(image.size) / stroke):
            notes += (f"Painted at {working.width} x {working.height}, the most at once, and then resized.",)
        painted = paint(mix, working, strength, cancelled, progress).resize(image.size, Image.LANCZOS)
        _ask(cancelled)
        if color == "luminance":
            painted = keep_colors(painted, image)
        elif color == "match":
            painted = match_colors(painted, image)
    else:
        painted = image.copy()
    painted = with_alpha(painted, picture.alpha)
    painted.info = {"provider": provider(next(iter(mix))), "notes": notes}
    return painted


def working_side(size: tuple[int, int], stroke: float) -> int:
    """Long side at which a picture of this size is painted: smaller for a larger brush, bounded by MOST_PIXELS."""
    sides = [max(1.0, side / stroke) for side in size]
    padded = max(sides[0], SMALLEST) * max(sides[1], SMALLEST)
    longest = max(sides)
    if padded > MOST_PIXELS:
        # A picture a few pixels high is padded to SMALLEST, and its length is what counts.
        longest = min(longest * (MOST_PIXELS / padded) ** 0.5, MOST_PIXELS / SMALLEST)
        return int(longest)
    return round(longest)


def _ask(cancelled: Callable[[], bool] | None) -> None:
    if cancelled is not None and cancelled():
        raise Cancelled("The picture was no longer wanted.")


def slug(style: Mix) -> str:
    """A word for file names: the style's id, or the first two of a mixture and how many more."""
    names = list(shares(style))
    return "-".join(names[:2]) + (f"-and-{len(names) - 2}-more" if len(names) > 2 else "")


def recipe(
    style: Mix, strength: float, size: int | None, *, stroke: float = 1.0, color: str = "style"
) -> dict[str, Any]:
    """What made a fast picture, to be saved in its file."""
    mix = shares(style)
    named = next(iter(mix)) if len(mix) == 1 else {name: round(share, 4) for name, share in mix.items()}
    made = {"program": PROGRAM, "engine": "fast", "style": named, "strength": strength, "size": size}
    return made | {"stroke": stroke, "color": color, "model": find(next(iter(mix))).sha256}


def paint(
    mix: Mapping[str, float],
    image: Image.Image,
    strength: float = 1.0,
    cancelled: Callable[[], bool] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Image.Image:
    """``image`` (RGB) in these shares of styles, which add up to 1; as large as it was. Raises Cancelled."""
    entries = [(find(name), share) for name, share in mix.items()]
    file = entries[0][0].file
    session = open_model(file)
    doses = np.zeros(session.get_inputs()[1].shape, np.float32)
    for entry, share in entries:
        if entry.file != file:
            raise SettingsError(f"{' and '.join(mix)} are in different networks and cannot be mixed.")
        doses[entry.index] = dose(strength) * share
    with _stopping(cancelled) as stop:
        return Image.fromarray(tiles.paint(np.asarray(image), _runner(session, doses, stop), progress))


def dose(strength: float) -> float:
    """The network's dose for a strength. Small doses hardly show, and may even lead a photograph's texture away from
    the painting's before they lead it there; by the root, each quarter of the strength comes nearer to it."""
    return strength**0.5 if strength < 1 else strength


@contextmanager
def _stopping(cancelled: Callable[[], bool] | None) -> Iterator[onnxruntime.RunOptions]:
    """Options for runs that end, also in the middle, once ``cancelled`` says True; then raises Cancelled."""
    options = onnxruntime.RunOptions()
    options.log_severity_level = 4
    if cancelled is None:
        yield options
        return
    over = threading.Event()

    def ask() -> None:
        while not over.wait(ASK_AGAIN):
            if cancelled():
                options.terminate = True
                return

    asking = threading.Thread(target=ask, daemon=True, name="nst-fast-cancel")
    asking.start()
    try:
        yield options
    except Exception as error:  # ONNX Runtime has no class of its own for a run that was terminated
        if options.terminate:
            raise Cancelled("The picture was no longer wanted.") from error
        raise
    finally:
        over.set()
        asking.join()


def _runner(session: onnxruntime.InferenceSession, doses: np.ndarray, stop: onnxruntime.RunOptions) -> tiles.Run:
    """The network with these doses of its styles, as ``tiles`` wants it."""
    unknown = np.zeros(session.get_inputs()[2].shape, np.float32)

    def run(pictures: np.ndarray, known: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
        photo = pictures.transpose(0, 3, 1, 2).astype(np.float32) / 255
        given, share = (unknown, 0) if known is None else (known, 1)
        inputs = {"photo": photo, "mix": doses, "given": given, "share": np.array(share, np.float32)}
        painting, statistics = session.run(None, inputs, stop)
        return (painting.transpose(0, 2, 3, 1) * 255 + 0.5).astype(np.uint8), statistics

    return run
