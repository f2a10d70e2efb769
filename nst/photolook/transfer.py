"""The look at once: the statistics of each region's colors, matched in a perceptual color space.

Each region's mean and covariance in Oklab become those of its part of the reference.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from nst.color import least_move
from nst.oklab import from_oklab, mixed, to_oklab
from nst.photolook.maps import ColorMaps, as_change
from nst.regions.guided import Guide

FLOOR = 2e-4  # added to variances in Oklab: a plain region's noise is not amplified
MOST = 2.5  # largest factor on contrast
# Of the guide's windows, as shares of the long side: for masks and for maps; and its regularization. Chosen by eye on
# skylines, where the sky's color would glow around roofs if masks did not follow the photograph's edges.
MASKS, MAPS, EPSILON = 0.02, 0.012, 1e-4


def transferred(photo: Tensor, reference: Tensor, places: Tensor, parts: list[Tensor]) -> ColorMaps:
    """Return the maps that give each region of ``photo`` ``[1, 3, H, W]`` the colors of its part of ``reference``.

    ``places`` ``[R, 1, H, W]`` are the regions' shares of every pixel; where they add up to less than 1, the rest of
    the photograph's color stays. ``parts`` are masks ``[1, 1, H', W']`` of the reference."""
    side = max(photo.shape[-2:])
    places = Guide(photo, round(MASKS * side), EPSILON)(places.transpose(0, 1)).clamp(0, 1).transpose(0, 1)
    lab, theirs = to_oklab(photo), to_oklab(reference)
    changed = lab * (1 - places.sum(dim=0, keepdim=True))
    for place, part in zip(places, parts, strict=True):
        mean, covariance = _moments(lab, place[None])
        wanted, target = _moments(theirs, part)
        matrix = _bounded(least_move(covariance, target))
        moved = mixed(matrix, lab - mean.view(1, 3, 1, 1)) + wanted.view(1, 3, 1, 1)
        changed = changed + place[None] * moved
    return ColorMaps(as_change(*Guide(photo, round(MAPS * side), EPSILON).maps(from_oklab(changed))))


def _moments(lab: Tensor, share: Tensor) -> tuple[Tensor, np.ndarray]:
    """Return the mean ``[3]`` and covariance ``[3, 3]`` of colors weighted by ``share`` ``[1, 1, H, W]``."""
    weights = share / share.sum().clamp(min=1e-6)
    mean = (lab * weights).sum(dim=(0, 2, 3))
    centered = lab - mean.view(1, 3, 1, 1)
    covariance = torch.einsum("nihw,njhw->ij", centered * weights, centered)
    return mean, covariance.double().cpu().numpy() + FLOOR * np.eye(3)


def _bounded(matrix: np.ndarray) -> Tensor:
    """Bound a symmetric matrix's factors on contrast by ``MOST``."""
    values, vectors = np.linalg.eigh(matrix)
    return torch.from_numpy(vectors * values.clip(max=MOST) @ vectors.T)
