"""Patches of a picture that is too large for one pass through a network, with the same activations and gradients.

An activation's receptive field is limited. With a margin as wide, a patch's activations are those of the whole picture,
and the gradients of all patches add up to the whole picture's: there are no seams, wherever the borders are.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Patch:
    """The place of a patch, ``(top, bottom, left, right)`` in pixels of the picture, without its margin and with it."""

    inner: tuple[int, int, int, int]
    outer: tuple[int, int, int, int]

    def of(self, picture: Tensor) -> Tensor:
        """Crops the patch with its margin from ``[N, C, H, W]``."""
        top, bottom, left, right = self.outer
        return picture[..., top:bottom, left:right]

    def without_margin(self, features: Tensor, stride: int) -> Tensor:
        """Crops the margin from the patch's activations at a layer of this stride."""
        rows, columns = self.span(stride)
        down, across = self.outer[0] // stride, self.outer[2] // stride
        rows, columns = slice(rows.start - down, rows.stop - down), slice(columns.start - across, columns.stop - across)
        if (rows, columns) == tuple(slice(0, side) for side in features.shape[-2:]):
            return features
        return features[..., rows, columns]

    def span(self, stride: int) -> tuple[slice, slice]:
        """Returns the patch's rows and columns, without its margin, in the whole picture's activations at this
        stride."""
        top, bottom, left, right = self.inner
        return slice(top // stride, bottom // stride), slice(left // stride, right // stride)


def cut(height: int, width: int, side: int | None, margin: int, aligned: int) -> list[Patch]:
    """Divides a picture into patches of at most ``side`` pixels, plus ``margin`` pixels to each side, that begin at
    multiples of ``aligned``; a single patch without ``side``."""
    rows, columns = _parts(height, side or height, aligned), _parts(width, side or width, aligned)
    return [
        Patch(
            (top, bottom, left, right),
            (max(0, top - margin), min(height, bottom + margin), max(0, left - margin), min(width, right + margin)),
        )
        for (top, bottom), (left, right) in itertools.product(rows, columns)
    ]


def _parts(length: int, side: int, aligned: int) -> list[tuple[int, int]]:
    count = -(-length // side)
    part = -(-length // (count * aligned)) * aligned
    return [(start, min(start + part, length)) for start in range(0, length, part)]
