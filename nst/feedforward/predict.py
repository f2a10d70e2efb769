"""The style of any painting in one pass: the encoder by ONNX Runtime."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from nst.feedforward.sessions import open_model
from nst.feedforward.styles import Style, own
from nst.images import Picture, Source, of_area, open_image
from nst.models import MODELS

ENCODER = MODELS / "encoder.onnx"
SIDE = 320  # the painting is seen at this squared many pixels, as in training
SHORTEST = 32  # side of a painting in pixels, to which a smaller one is enlarged


def style_of(painting: Source) -> Style:
    """The style that the encoder predicts for a painting, called by its file's name.

    Raises ImageError for what is no picture."""
    picture = open_image(painting)
    pixels = np.asarray(of_area(picture.image, SIDE**2, SHORTEST))
    seen = pixels.transpose(2, 0, 1)[None].astype(np.float32) / 255
    vectors = open_model(ENCODER).run(None, {"painting": seen})[0]
    return own(vectors, _title(picture))


def _title(picture: Picture) -> str:
    """What the painting may be called: its file's name as words."""
    return Path(picture.name).stem.replace("_", " ").strip() or picture.name
