"""Two drawings side by side, and how much of a half is found."""

import numpy as np
from PIL import Image

from nst.drawings import DRAWINGS

SIZE = (320, 240)
NAMES = sorted(DRAWINGS)
PAIRS = [(NAMES[0], NAMES[1]), (NAMES[1], NAMES[2]), (NAMES[2], NAMES[0])]


def halves(left: str, right: str) -> Image.Image:
    """Two drawings side by side."""
    made = Image.new("RGB", SIZE)
    for number, name in enumerate((left, right)):
        made.paste(DRAWINGS[name]().resize(SIZE).crop((0, 0, SIZE[0] // 2, SIZE[1])), (number * SIZE[0] // 2, 0))
    return made


def overlap(there: np.ndarray, left: bool) -> float:
    """The intersection over the union of a region, true or false at every pixel, and one half of the picture."""
    half = np.zeros_like(there)
    middle = there.shape[1] // 2
    half[:, :middle], half[:, middle:] = left, not left
    return (there & half).sum() / (there | half).sum()
