"""Predicts the style of any painting in one pass of the encoder, with ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from nst.feedforward.sessions import open_model
from nst.feedforward.styles import Style, own
from nst.images import Picture, Source, of_area, open_image
from nst.models import MODELS

ENCODER = MODELS / "encoder.onnx"
SIDE = 320  # squared, the pixels that the painting is resized to, as in training
SHORTEST = 32  # side of a painting in pixels; smaller ones are enlarged to it


def style_of(painting: Source, part: Image.Image | None = None) -> Style:
    """Predict the style of a painting, or of the part of it where the mask ``part`` (mode L) is white; its title is
    taken from the file's name.

    Raises ImageError for a file that is not a picture."""
    picture = open_image(painting)
    seen = of_area(picture.image, SIDE**2, SHORTEST)
    mask = Image.new("L", seen.size, 255) if part is None else part.resize(seen.size, Image.Resampling.BOX)
    inputs = {
        "painting": np.asarray(seen, np.float32).transpose(2, 0, 1)[None] / 255,
        "part": np.asarray(mask, np.float32)[None, None] / 255,
    }
    vectors = open_model(ENCODER).run(None, inputs)[0]
    return own(vectors, _title(picture))


def _title(picture: Picture) -> str:
    """Return a title for the painting: its file's name as words."""
    return Path(picture.name).stem.replace("_", " ").strip() or picture.name
