"""Several paintings in one picture: each everywhere with a share, or each in a region of its own.

Where masks overlap, their paintings share the place by their weights; where there is no mask, the photograph stays as
it is. A mask on a painting says which part of it is the style. A mask is downsampled to each layer's resolution, as in
Gatys et al. (2017), "Spatial control".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from nst.color import luminance, match_colors
from nst.errors import SettingsError
from nst.images import Picture, Source, open_image
from nst.regions.region import MAX_PAINTINGS, MAX_WEIGHT, Region

EMPTY = 1e-3  # share of the picture below which a mask counts as empty
ASPECT_TOLERANCE = 1.05  # factor by which a mask's aspect may differ from the photograph's without a note


@dataclass(frozen=True)
class Regions:
    """Opened regions: paintings, their weights, masks (mode L) of the photograph's size, and the parts of the paintings
    that count, masks of their paintings' size."""

    paintings: tuple[Picture, ...]
    weights: tuple[float, ...]
    masks: tuple[Image.Image | None, ...]
    parts: tuple[Image.Image | None, ...]
    notes: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """The paintings' names."""
        return ", ".join(painting.name for painting in self.paintings)

    @property
    def everywhere(self) -> bool:
        """Whether no part of the photograph can stay as it is."""
        return all(mask is None for mask in self.masks)

    def recolored(self, color: str, photo: Image.Image) -> Regions:
        """Return the regions with their paintings adapted to the setting ``color``: unchanged, matched to the
        photograph's colors, or luminance only."""
        if color == "style":
            return self
        change: Any = {"match": match_colors, "luminance": luminance}[color]
        changed = {id(p): replace(p, image=change(p.image, photo)) for p in self.paintings}
        return replace(self, paintings=tuple(changed[id(p)] for p in self.paintings))

    def maps(self, size: tuple[int, int], edge: float) -> Tensor:
        """Compute the share of every painting at every pixel of a picture of this size (width, height),
        ``[R, 1, H, W]`` in 0..1; together at most 1, less where some of the photograph stays. ``edge`` is the width of
        a mask's soft edge, in percent of the long side."""
        masks = []
        for mask in self.masks:
            resized = Image.new("L", size, 255) if mask is None else mask.resize(size, Image.Resampling.BILINEAR)
            pixels = torch.from_numpy(np.array(resized, np.float32))[None, None] / 255
            masks.append(pixels if mask is None else _blurred(pixels, edge / 100 * max(size) / 4))
        drawn = torch.cat(masks)
        weighted = drawn * torch.tensor(self.weights).view(-1, 1, 1, 1)
        # Where soft edges meet, what one mask lacks the other has: the photograph does not show between them.
        return weighted * (drawn.sum(dim=0).clamp(max=1) / weighted.sum(dim=0).clamp(min=1e-6))

    def part(self, number: int, size: tuple[int, int]) -> Tensor | None:
        """Return which part of a painting of this size (width, height) counts, ``[1, 1, H, W]`` in 0..1, or None for
        all of it."""
        part = self.parts[number]
        if part is None:
            return None
        resized = part.resize(size, Image.Resampling.BOX)
        return torch.from_numpy(np.array(resized, np.float32))[None, None] / 255


def _blurred(mask: Tensor, deviation: float) -> Tensor:
    """Blur ``[1, 1, H, W]`` with a Gaussian of this standard deviation, truncated at twice that to each side."""
    reach = round(2 * deviation)
    if reach < 1:
        return mask
    bell = torch.exp(-0.5 * (torch.arange(-reach, reach + 1) / deviation).square())
    bell = bell / bell.sum()
    padded = F.pad(mask, (reach,) * 4, mode="replicate")
    return F.conv2d(F.conv2d(padded, bell.view(1, 1, 1, -1)), bell.view(1, 1, -1, 1)).clamp(0, 1)


def open_regions(painting: Source | Sequence[Region], photo: Picture) -> Regions:
    """Open one painting for the whole picture, or several regions.

    Raises ImageError for anything but a picture, SettingsError for weights or masks that leave nothing to paint."""
    given: list[Any] = list(painting) if isinstance(painting, list | tuple) else [Region(painting)]  # type: ignore[arg-type]
    if not 1 <= len(given) <= MAX_PAINTINGS:
        raise SettingsError(f"A picture is of 1 to {MAX_PAINTINGS} paintings, not {len(given)}.")
    paintings, weights, masks, parts, notes = [], [], [], [], []
    known: dict[int, Picture] = {}  # a painting that several regions take their parts of is opened once
    for region in given:
        if not isinstance(region, Region):
            raise SettingsError(f"Of several paintings each is a Region, not {type(region).__name__}.")
        weight = region.weight
        if isinstance(weight, bool) or not isinstance(weight, int | float) or not 0 <= weight <= MAX_WEIGHT:
            raise SettingsError(
                f"The weight of a painting is a number from 0 to {MAX_WEIGHT}, not {str(weight)[:40]!r}."
            )
        mask = part = None
        if (opened := known.get(id(region.painting))) is None:
            opened = known[id(region.painting)] = open_image(region.painting)
        if region.mask is not None:
            mask, said = _open_mask(region.mask, photo, "photo")
            notes += said
        if region.part is not None:
            part, said = _open_mask(region.part, opened, "painting")
            notes += said
            if np.asarray(part).mean() < 255 * EMPTY:
                raise SettingsError(f"The part of {opened.name} is empty: make some of its mask white.")
        if weight == 0 or (mask is not None and np.asarray(mask).mean() < 255 * EMPTY):
            notes.append(f"{opened.name} has no place in the picture.")
            continue
        paintings.append(opened)
        weights.append(float(weight))
        masks.append(mask)
        parts.append(part)
    if not paintings:
        raise SettingsError("The masks and weights leave the whole photo as it is: make some of a mask white.")
    notes += [note for opened in paintings for note in opened.notes]
    return Regions(tuple(paintings), tuple(weights), tuple(masks), tuple(parts), tuple(dict.fromkeys(notes)))


def _open_mask(source: Source, of: Picture, kind: str) -> tuple[Image.Image, list[str]]:
    """Return a mask (mode L) as large as the photo or painting ``of``, and notes."""
    opened = open_image(source)
    mask, size, notes = opened.image.convert("L"), of.image.size, []
    if opened.alpha is not None:
        # The transparent parts of a drawn mask were not painted.
        mask = Image.composite(mask, Image.new("L", mask.size), opened.alpha)
    leaning = mask.width * size[1] / (mask.height * size[0])
    if not 1 / ASPECT_TOLERANCE <= leaning <= ASPECT_TOLERANCE:
        notes.append(
            f"{opened.name} is {mask.width} x {mask.height} and the {kind} {size[0]} x {size[1]}: the mask is "
            "stretched."
        )
    return mask.resize(size, Image.Resampling.BILINEAR), notes


def deepest(inside: np.ndarray) -> tuple[int, int]:
    """Return the row and column that are farthest from the edge of a region, a boolean array ``[H, W]`` with some true.
    What is beyond the picture counts as outside."""
    from scipy.ndimage import distance_transform_edt

    depth = distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    return int(row), int(column)
