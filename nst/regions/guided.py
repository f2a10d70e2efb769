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


class WindowFit:
    """Least squares in every window: the affine map of a photograph's colors that comes nearest to a picture.

    ``photo`` is ``[1, 3, H, W]``; ``average`` computes means over windows, ``[N, C, H, W]`` to ``[N, C, H', W']``.
    ``epsilon`` regularizes the maps: colors that vary by less than its root within a window are not amplified."""

    def __init__(self, photo: Tensor, average: Callable[[Tensor], Tensor], epsilon: float) -> None:
        self.photo, self.average, self.mean = photo, average, average(photo)
        self.inverse = _inverse(average(_products(photo)) - _products(self.mean), epsilon)

    def __call__(self, picture: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Fit ``[N, C, H, W]``; returns its means ``[N, C, H', W']``, its covariances with the photograph's colors and
        the matrices of the maps, each ``[N, C, 3, H', W']``."""
        mean = self.average(picture)
        products = self.average((picture[:, :, None] * self.photo[:, None]).flatten(1, 2))
        cross = products.unflatten(1, (picture.shape[1], 3)) - mean[:, :, None] * self.mean[:, None]
        return mean, cross, torch.einsum("ncjhw,jkhw->nckhw", cross, self.inverse)


class Guide:
    """A photograph ``[1, 3, H, W]`` in 0..1 whose colors explain pictures of the same size, in windows of
    ``2 radius + 1`` pixels; ``epsilon`` as in ``WindowFit``."""

    def __init__(self, photo: Tensor, radius: int, epsilon: float) -> None:
        self.photo, self.radius = photo, min(radius, (min(photo.shape[-2:]) - 1) // 2)
        self.fit = WindowFit(photo, self._average, epsilon)

    def maps(self, target: Tensor) -> tuple[Tensor, Tensor]:
        """Compute the maps that explain ``target`` ``[N, C, H, W]``: matrices ``[N, C, 3, H, W]`` and offsets
        ``[N, C, H, W]``, averaged over the windows that hold a pixel; linear in ``target``."""
        mean, _, matrices = self.fit(target)
        offsets = mean - (matrices * self.fit.mean[:, None]).sum(dim=2)
        averaged = self._average(torch.cat([matrices.flatten(1, 2), offsets], dim=1))
        channels = target.shape[1]
        return averaged[:, : 3 * channels].view_as(matrices), averaged[:, 3 * channels :]

    def __call__(self, target: Tensor) -> Tensor:
        """Return what the photograph's colors explain of ``target``, of the same shape."""
        matrices, offsets = self.maps(target)
        return (matrices * self.photo[:, None]).sum(dim=2) + offsets

    def _average(self, x: Tensor) -> Tensor:
        return box(x, self.radius)


def _products(colors: Tensor) -> Tensor:
    """Return the products of the colors of ``[1, 3, H, W]``: rr, rg, rb, gg, gb, bb, ``[1, 6, H, W]``."""
    r, g, b = colors.unbind(1)
    return torch.stack([r * r, r * g, r * b, g * g, g * b, b * b], dim=1)


def _inverse(covariance: Tensor, epsilon: float) -> Tensor:
    """Invert symmetric 3 x 3 matrices, in the order of ``_products``, plus ``epsilon`` on their diagonals; returns
    ``[3, 3, H, W]``."""
    rr, rg, rb, gg, gb, bb = covariance[0].double().unbind(0)
    rr, gg, bb = rr + epsilon, gg + epsilon, bb + epsilon
    a, b, c = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    d, e, f = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    determinant = rr * a + rg * b + rb * c
    rows = [torch.stack(row) for row in ((a, b, c), (b, d, e), (c, e, f))]
    return (torch.stack(rows) / determinant).to(covariance.dtype)
