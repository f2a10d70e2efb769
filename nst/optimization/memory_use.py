"""How much memory a run takes, and in patches of which size it would take less."""

from __future__ import annotations

import torch

BASE = 80 * 2**20  # bytes that a run takes, and
PER_PIXEL, FORWARD_PER_PIXEL = 700, 220  # per pixel and byte of the number format, and of a forward pass alone
PATCHED, WHOLE_PER_PIXEL = 250_000_000, 150  # bytes of a run in patches, and of its whole picture per pixel
SIDES = (1024, 512, 256)  # of patches
SAVING = 0.6  # of a picture's pixels that a patch with its margin may have, or it is not worth while
SMALLER = 0.75  # of a side for which the memory does not suffice: a little more than half of the pixels
SHARE = 0.9  # of the free memory that a run may take


def sides(pixels: int, margin: int) -> list[int]:
    """The sides of patches, from large to small, by which a picture of so many pixels would need less memory."""
    return [side for side in SIDES if (side + 2 * margin) ** 2 <= SAVING * pixels]


def needed(
    pixels: int,
    number: torch.dtype,
    history: int = 0,
    stroke: float = 1.0,
    patch: int | None = None,
    margin: int = 0,
) -> int:
    """Bytes that a run with so many pixels takes at its peak, beside what the program and its networks have already.

    ``number`` is the number format of the activations; ``history`` is how many steps L-BFGS remembers, each as two
    pictures in float32; ``stroke`` is how many times larger the painting is seen, in one forward pass; ``patch`` is
    the side of the patches and ``margin`` what they have around them. The constants were fitted to the peak of a
    process on a CPU, at 192 to 2048 pixels a side with VGG-19 and with the student, and in patches at 1024, 2048 and
    4000: it takes what this says within a quarter."""
    remembered = 2 * history * 3 * 4 * pixels
    if patch is not None:
        seen = min(pixels, (patch + 2 * margin) ** 2)
        return round(PATCHED + PER_PIXEL * number.itemsize * seen + WHOLE_PER_PIXEL * pixels + remembered)
    passes = max(PER_PIXEL, FORWARD_PER_PIXEL * stroke**2)
    return round(BASE + passes * number.itemsize * pixels + remembered)
