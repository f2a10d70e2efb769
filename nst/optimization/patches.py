"""A picture too large for one pass through VGG-19, in patches that give the same activations and gradients.

An activation depends on no more than ``MARGIN`` pixels to each side. With a margin as wide, a patch's
activations are those of the whole picture, and the gradients of all patches add up to the whole's: there is no seam,
wherever the borders are.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from torch import Tensor

MARGIN = 80  # pixels; relu5_1 sees 78 to each side, with either network
ALIGNED = 16  # the deepest layer's pixels, of the picture's: where a patch may begin


@dataclass(frozen=True)
class Patch:
    """Where it is, ``(top, bottom, left, right)`` in pixels of the picture, and with its margin."""

    inner: tuple[int, int, int, int]
    outer: tuple[int, int, int, int]

    def of(self, picture: Tensor) -> Tensor:
        """The patch with its margin, of ``[N, C, H, W]``."""
        top, bottom, left, right = self.outer
        return picture[..., top:bottom, left:right]

    def without_margin(self, features: Tensor, stride: int) -> Tensor:
        """Of the activations of this patch with its margin, of a layer with a pixel for so many of the picture's,
        those inside."""
        rows, columns = self.span(stride)
        down, across = self.outer[0] // stride, self.outer[2] // stride
        rows, columns = slice(rows.start - down, rows.stop - down), slice(columns.start - across, columns.stop - across)
        if (rows, columns) == tuple(slice(0, side) for side in features.shape[-2:]):
            return features
        return features[..., rows, columns]

    def span(self, stride: int) -> tuple[slice, slice]:
        """Rows and columns inside, in such a layer of the whole picture."""
        top, bottom, left, right = self.inner
        return slice(top // stride, bottom // stride), slice(left // stride, right // stride)


def cut(height: int, width: int, side: int | None) -> list[Patch]:
    """A picture in patches whose inside is ``side`` pixels at most; without it, in one."""
    rows, columns = _parts(height, side or height), _parts(width, side or width)
    return [
        Patch(
            (top, bottom, left, right),
            (max(0, top - MARGIN), min(height, bottom + MARGIN), max(0, left - MARGIN), min(width, right + MARGIN)),
        )
        for (top, bottom), (left, right) in itertools.product(rows, columns)
    ]


def _parts(length: int, side: int) -> list[tuple[int, int]]:
    count = -(-length // side)
    part = -(-length // (count * ALIGNED)) * ALIGNED
    return [(start, min(start + part, length)) for start in range(0, length, part)]
