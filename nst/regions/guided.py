"""Affine maps of a picture's own colors, window by window: the guided filter (He, Sun & Tang 2010).

Within a small window, what a photograph's recoloring looks like is an affine map of its colors (Levin, Lischinski &
Weiss 2008): no edge moves and nothing appears that was not there. Any picture of the same scene is explained by the map
nearest to it in every window; the maps of overlapping windows are averaged. They vary slowly, so that maps found on a
small picture can be enlarged and applied to the photograph at any size (He & Sun 2015, *Fast Guided Filter*).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor


def box(x: Tensor, radius: int) -> Tensor:
    """Compute the mean of ``[N, C, H, W]`` over windows of ``2 radius + 1`` pixels, cut off at the borders."""
    for kernel, padding in (((2 * radius + 1, 1), (radius, 0)), ((1, 2 * radius + 1), (0, radius))):
        x = F.avg_pool2d(x, kernel, stride=1, padding=padding, count_include_pad=False)
    return x


def windows(x: Tensor, radius: int) -> Tensor:
    """Compute the mean of ``[N, C, H, W]`` over the windows of ``2 radius + 1`` pixels that lie within it,
    ``[N, C, H - 2 radius, W - 2 radius]``."""
    side = 2 * radius + 1
    return F.avg_pool2d(F.avg_pool2d(x, (side, 1), stride=1), (1, side), stride=1)


class Guide:
    """A photograph ``[1, 3, H, W]`` in 0..1 whose colors explain pictures of the same size.

    ``radius`` is that of the windows, in pixels. ``epsilon`` regularizes the maps: colors that vary by less than its
    root within a window are not amplified to explain what varies more."""

    def __init__(self, photo: Tensor, radius: int, epsilon: float) -> None:
        self.photo, self.radius = photo, min(radius, (min(photo.shape[-2:]) - 1) // 2)
        self.mean = box(photo, self.radius)
        self.inverse = inverse(covariances(photo, self.mean, lambda x: box(x, self.radius)), epsilon)

    def maps(self, target: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the maps that explain ``target`` ``[N, C, H, W]``: matrices ``[N, C, 3, H, W]`` and offsets
        ``[N, C, H, W]``, averaged over the windows that hold a pixel; linear in ``target``."""
        number, channels, height, width = target.shape
        mean = box(target, self.radius)
        products = (target[:, :, None] * self.photo[:, None]).flatten(1, 2)
        cross = (
            box(products, self.radius).view(number, channels, 3, height, width) - mean[:, :, None] * self.mean[:, None]
        )
        matrices = torch.einsum("ncjhw,jkhw->nckhw", cross, self.inverse)
        offsets = mean - (matrices * self.mean[:, None]).sum(dim=2)
        averaged = box(torch.cat([matrices.flatten(1, 2), offsets], dim=1), self.radius)
        return averaged[:, : 3 * channels].view_as(matrices), averaged[:, 3 * channels :]

    def __call__(self, target: Tensor) -> Tensor:
        """Return what the photograph's colors explain of ``target``, of the same shape."""
        matrices, offsets = self.maps(target)
        return (matrices * self.photo[:, None]).sum(dim=2) + offsets


def covariances(photo: Tensor, mean: Tensor, average: Callable[[Tensor], Tensor]) -> Tensor:
    """Compute the covariances of the colors of ``[1, 3, H, W]`` within windows, ``[1, 6, H, W]``: rr, rg, rb, gg, gb,
    bb; ``average`` computes means over windows, ``mean`` is that of the photograph."""

    def products(x: Tensor) -> Tensor:
        r, g, b = x.unbind(1)
        return torch.stack([r * r, r * g, r * b, g * g, g * b, b * b], dim=1)

    return average(products(photo)) - products(mean)


def inverse(covariance: Tensor, epsilon: float) -> Tensor:
    """Invert symmetric 3 x 3 matrices, given as by ``covariances``, plus ``epsilon`` on their diagonals; returns
    ``[3, 3, H, W]``."""
    rr, rg, rb, gg, gb, bb = covariance[0].double().unbind(0)
    rr, gg, bb = rr + epsilon, gg + epsilon, bb + epsilon
    a, b, c = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    d, e, f = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    determinant = rr * a + rg * b + rb * c
    rows = [torch.stack(row) for row in ((a, b, c), (b, d, e), (c, e, f))]
    return (torch.stack(rows) / determinant).to(covariance.dtype)
