"""The peak memory of a run, and the patch sizes that reduce it."""

from __future__ import annotations

import torch

BASE = 80 * 2**20  # bytes of a run, whatever its size
PER_PIXEL, FORWARD_PER_PIXEL = 700, 220  # bytes per pixel and byte of the dtype: of a step; of a forward pass
PATCHED, WHOLE_PER_PIXEL = 250_000_000, 150  # bytes of a run in patches, and per pixel of the whole picture
SIDES = (1024, 512, 256)  # of patches
SAVING = 0.6  # of a picture's pixels: patches that are larger, with their margin, are not worthwhile
SMALLER = 0.75  # factor on a side that does not fit into memory: a little more than half of the pixels
SHARE = 0.9  # of the free memory that a run may take


def sides(pixels: int, margin: int) -> list[int]:
    """Return the sides of patches, from large to small, that would reduce the memory for a picture of ``pixels``
    pixels."""
    return [side for side in SIDES if (side + 2 * margin) ** 2 <= SAVING * pixels]


def needed(
    pixels: int,
    number: torch.dtype,
    history: int = 0,
    stroke: float = 1.0,
    patch: int | None = None,
    margin: int = 0,
) -> int:
    """Return the bytes that a run at ``pixels`` pixels takes at its peak, beyond what the program and its networks
    already use.

    ``number`` is the dtype of the activations; ``history`` is how many steps L-BFGS remembers, each as two pictures in
    float32; ``stroke`` is the factor by which the painting is enlarged, in one forward pass; ``patch`` is the side of
    the patches and ``margin`` the width of their margin. The constants were fitted to the peak of a process on a CPU,
    at 192 to 2048 pixels a side with VGG-19 and with the student, and in patches at 1024, 2048 and 4000: the estimate
    is within a quarter of the measured peak."""
    remembered = 2 * history * 3 * 4 * pixels
    if patch is not None:
        seen = min(pixels, (patch + 2 * margin) ** 2)
        return round(PATCHED + PER_PIXEL * number.itemsize * seen + WHOLE_PER_PIXEL * pixels + remembered)
    passes = max(PER_PIXEL, FORWARD_PER_PIXEL * stroke**2)
    return round(BASE + passes * number.itemsize * pixels + remembered)
