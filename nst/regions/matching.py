"""Which part of a picture goes to which region of a photograph: found by likeness, and changed by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from nst.images import Picture
from nst.regions.masks import EMPTY
from nst.regions.region import Region
from nst.regions.segments import Parts, as_mask, segment

MEANING = 3.0  # weight of what regions show, beside how they look
AGAIN = 0.1  # what it costs if one part of a reference serves another region of the photograph too


@dataclass(frozen=True, eq=False)
class Assignment:
    """The regions of a photograph and the part that each takes. ``shares`` are the regions' of every pixel
    ``[R, 1, H, W]``, together 1; ``parts`` are pictures, each with the mask of a part; ``numbers`` says for each region
    which of them."""

    shares: Tensor
    parts: tuple[Region, ...]
    numbers: tuple[int, ...]

    def changed(self, numbers: Sequence[int]) -> Assignment:
        """Return the assignment of other parts to the same regions."""
        return replace(self, numbers=tuple(numbers))

    def regions(self) -> list[Region]:
        """Return every region with its part, but none that is empty: a plain photograph may have fewer regions than it
        was divided into."""
        placed = [
            replace(self.parts[number], mask=as_mask(share))
            for share, number in zip(self.shares, self.numbers, strict=True)
        ]
        return [region for region in placed if np.asarray(region.mask).mean() >= 255 * EMPTY]

    def joined(self) -> list[Region]:
        """Return the regions with those of the same part joined."""
        several: dict[int, Tensor] = {}
        for share, number in zip(self.shares, self.numbers, strict=True):
            several[number] = several.get(number, torch.zeros_like(share)) + share
        return [replace(self.parts[number], mask=as_mask(several[number])) for number in sorted(several)]


def matched(photo: Picture, reference: Picture, regions: int | None = None) -> Assignment:
    """Divide a photograph into this number of regions, or as many as it consists of, and give each the part of the
    reference that fits it best."""
    ours, theirs = segment(photo.image, regions), segment(reference.image)
    parts = tuple(Region(reference, part=mask) for mask in theirs.masks())
    return Assignment(ours.shares, parts, tuple(match(ours, theirs)))


def match(photo: Parts, reference: Parts, penalties: Sequence[float] | None = None) -> list[int]:
    """Return, for each region of the photograph, the number of the part of the reference that fits it best.

    Of all assignments it is the one with the least sum of costs: the squared Wasserstein distance of order 2 between
    the Gaussians of two parts' descriptions, and the distance between what they show. Parts are used once where that
    fits, several times where it must be. ``penalties`` are added to the cost of each part."""
    from scipy.optimize import linear_sum_assignment

    count, theirs = len(photo.means), len(reference.means)
    costs = MEANING * (1 - photo.shows @ reference.shows.T)
    for ours, other in np.ndindex(count, theirs):
        costs[ours, other] += _wasserstein(
            photo.means[ours], photo.covariances[ours], reference.means[other], reference.covariances[other]
        )
    costs += np.zeros(theirs) if penalties is None else np.asarray(penalties)
    # Every part is there as often as there are regions, the second time at a higher cost than the first, and so on.
    wide = np.concatenate([costs + times * AGAIN for times in range(count)], axis=1)
    return [int(column) % theirs for column in linear_sum_assignment(wide)[1]]


def _wasserstein(mean: np.ndarray, covariance: np.ndarray, other: np.ndarray, theirs: np.ndarray) -> float:
    """Compute the squared Wasserstein distance of order 2 between two Gaussians (Dowson & Landau 1982)."""
    root = _root(covariance)
    together = _root(root @ theirs @ root)
    return float(((mean - other) ** 2).sum() + np.trace(covariance + theirs - 2 * together))


def _root(matrix: np.ndarray) -> np.ndarray:
    values, vectors = np.linalg.eigh(matrix)
    return vectors * np.sqrt(values.clip(min=0)) @ vectors.T
