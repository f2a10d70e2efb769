"""Fast: a photograph through a trained network in one pass, by ONNX Runtime on a GPU or a CPU.

The styles are the files of ``models/``, named by their catalogue. A session is made once per file
and shared by everyone: it is read-only, and ONNX Runtime lets many threads run it at once.
"""

from __future__ import annotations

import functools
import json
import logging
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from PIL import Image

from nst import device
from nst.errors import SettingsError
from nst.images import Source, fit, open_image, with_alpha
from nst.settings import Knob
from nst.version import __version__

MODELS = Path(__file__).resolve().parent.parent / "models"
SMALLEST, MULTIPLE = 16, 4  # sides in pixels that the network, which halves its input twice, can take
STRENGTH = Knob("strength", 1.0, "The dose of the style: 0 gives the photo, 1 the full style.", 0.0, 1.5, 0.05)
SIZE = Knob("size", 512, "Long side of the result, in pixels.", SMALLEST, 8000, 1)
# Activations take about 500 bytes for every pixel; beyond this a result is painted smaller and enlarged.
WORKING_PIXELS = 6_000_000

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
        raise SettingsError(f"There is no style {style!r}; there are {', '.join(catalogue())}.") from None


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


def stylize(photo: Source, style: str = "starry-night", strength: float = 1.0, size: int | None = None) -> Image.Image:
    """The photograph painted in one pass.

    ``strength`` is the dose: 0 gives the photo, 1 the full style, up to 1.5 more than that.
    ``size`` is the result's long side in pixels; without it the result is as large as the photo.
    Returns RGB, or RGBA where the photo had transparency. ``info["provider"]`` says what ran it,
    ``info["notes"]`` is a tuple of sentences about what was done to the photo.

    Raises ImageError for a photo that cannot be read, SettingsError for anything else.
    """
    entry = find(style)
    strength = STRENGTH.check(strength)
    size = size if size is None else SIZE.check(size)
    picture = open_image(photo)
    image = picture.image if size is None else fit(picture.image, size)
    notes = picture.notes

    working = image
    padded = max(image.width, SMALLEST) * max(image.height, SMALLEST)
    if padded > WORKING_PIXELS:
        # A picture a few pixels high is padded to SMALLEST, and its length is what counts.
        longest = min(max(image.size) * (WORKING_PIXELS / padded) ** 0.5, WORKING_PIXELS / SMALLEST)
        working = fit(image, int(longest))
        notes += (f"Painted at {working.width} x {working.height} and enlarged to {image.width} x {image.height}.",)
    painted = paint(entry.file, working, entry.index, strength).resize(image.size, Image.LANCZOS)
    painted = with_alpha(painted, picture.alpha)
    painted.info = {"provider": provider(style), "notes": notes}
    return painted


def recipe(style: str, strength: float, size: int | None) -> dict[str, Any]:
    """What made a fast picture, to be saved in its file."""
    entry = find(style)
    made = {"program": f"nst {__version__}", "engine": "fast", "style": style, "strength": strength, "size": size}
    return made | {"model": entry.sha256}


def paint(model: Path, image: Image.Image, index: int = 0, strength: float = 1.0) -> Image.Image:
    """``image`` (RGB) through the network in ``model``, in the style that has this place in it; as large as it was."""
    session = open_model(model)
    pixels = np.asarray(image)
    height, width = pixels.shape[:2]
    # The edge is mirrored until both sides are multiples of what the network needs.
    right, below = (max(SMALLEST, -(-side // MULTIPLE) * MULTIPLE) - side for side in (width, height))
    padded = np.pad(pixels, ((0, below), (0, right), (0, 0)), mode="symmetric")
    photo = padded.transpose(2, 0, 1)[None].astype(np.float32) / 255
    mix = np.zeros(session.get_inputs()[1].shape, np.float32)
    mix[index] = strength
    painting = session.run(None, {"photo": photo, "mix": mix})[0][0, :, :height, :width]
    return Image.fromarray((painting.transpose(1, 2, 0).clip(0, 1) * 255 + 0.5).astype(np.uint8))
