"""The style of any painting in one pass: the encoder by ONNX Runtime."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import numpy as np

from nst.feedforward.sessions import open_model
from nst.feedforward.styles import Style
from nst.images import Picture, Source, of_area, open_image
from nst.models import MODELS

ENCODER = MODELS / "encoder.onnx"
SIDE = 320  # the painting is seen at this squared many pixels, as in training
SHORTEST = 32  # side of a painting in pixels, to which a smaller one is enlarged
KEPT = 32  # styles of paintings that were seen lately


def style_of(painting: Source) -> Style:
    """The style that the encoder predicts for a painting. Raises ImageError for what is no picture."""
    picture = open_image(painting)
    pixels = np.asarray(of_area(picture.image, SIDE**2, SHORTEST))
    return Style(f"own-{_digest(pixels)}", _title(picture), vectors=_predicted(pixels.tobytes(), pixels.shape))


@functools.lru_cache(maxsize=KEPT)
def _predicted(pixels: bytes, shape: tuple[int, ...]) -> np.ndarray:
    picture = np.frombuffer(pixels, np.uint8).reshape(shape)
    painting = picture.transpose(2, 0, 1)[None].astype(np.float32) / 255
    return open_model(ENCODER).run(None, {"painting": painting})[0]


def _digest(pixels: np.ndarray) -> str:
    return hashlib.sha256(pixels.tobytes()).hexdigest()[:12]


def _title(picture: Picture) -> str:
    """What the painting may be called: its file's name as words."""
    return Path(picture.name or "A painting").stem.replace("_", " ").strip() or "A painting"
