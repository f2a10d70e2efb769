"""A look as affine maps of a photograph's own colors, found at a small size and applied at any.

A pixel's color c becomes ``A c + b``. The maps are the sum of two fields: one that was fitted window by window (see
``regions/guided.py``), and bilateral grids (Chen, Paris & Durand 2007), which vary slowly over the picture and with a
pixel's lightness, and are what ``run.py`` optimizes. As no map varies within a few pixels of one lightness, no edge
moves, and nothing appears that was not in the photograph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from nst.color import LUMA
from nst.tensors import to_picture

LEVELS = ((1, 1), (4, 4), (12, 4), (32, 4))  # cells along the long side, and in lightness, of each grid
BAND = 1_000_000  # pixels processed at a time, so that a large photograph needs little extra memory
CENTER = 0.5  # colors are taken relative to middle gray, so that a matrix turns them about it


def empty_grids(height: int, width: int) -> list[Tensor]:
    """Return grids of zeros ``[1, 12, lightness, rows, columns]`` for a picture of this shape, coarse to fine."""
    longest = max(height, width)
    sides = [(depth, *(max(1, round(cells * side / longest)) for side in (height, width))) for cells, depth in LEVELS]
    return [torch.zeros(1, 12, *side) for side in sides]


@dataclass(frozen=True)
class ColorMaps:
    """The maps of a look, of no particular size: ``base`` ``[1, 12, H, W]`` and ``grids``, each with matrices (9) and
    offsets (3) that are added to the identity. ``strength`` scales them all."""

    base: Tensor
    grids: Sequence[Tensor] = ()
    strength: float = 1.0

    def __call__(self, photo: Tensor, top: float = 0.0, bottom: float = 1.0) -> Tensor:
        """Apply the maps to rows of a photograph, ``[1, 3, H, W]`` in 0..1, from the share ``top`` of its height to
        ``bottom``; values of the result may lie outside 0..1."""
        height, width = photo.shape[-2:]
        rows = top + (bottom - top) * (torch.arange(height, device=photo.device) + 0.5) / height
        columns = (torch.arange(width, device=photo.device) + 0.5) / width
        y, x = torch.meshgrid(rows * 2 - 1, columns * 2 - 1, indexing="ij")
        change = _sampled(self.base, torch.stack([x, y], dim=-1)[None])
        if self.grids:
            lightness = torch.einsum("chw,c->hw", photo[0], torch.from_numpy(LUMA).to(photo.device)) * 2 - 1
            places = torch.stack([x, y, lightness], dim=-1)[None, None]
            change = change + sum(_sampled(grid, places)[:, :, 0] for grid in self.grids)
        matrices, offsets = change[:, :9].unflatten(1, (3, 3)), change[:, 9:]
        return photo + self.strength * ((matrices * (photo - CENTER)[:, None]).sum(dim=2) + offsets)

    @torch.no_grad()
    def recolor(self, photo: Image.Image) -> Image.Image:
        """Apply the maps to a photograph of any size (RGB)."""
        result = np.empty((photo.height, photo.width, 3), np.uint8)
        rows = max(1, BAND // photo.width)
        for top in range(0, photo.height, rows):
            bottom = min(top + rows, photo.height)
            band = np.asarray(photo.crop((0, top, photo.width, bottom)), np.float32) / 255
            colors = torch.from_numpy(band).permute(2, 0, 1)[None].to(self.base.device)
            result[top:bottom] = np.asarray(to_picture(self(colors, top / photo.height, bottom / photo.height)))
        return Image.fromarray(result)


def as_change(matrices: Tensor, offsets: Tensor) -> Tensor:
    """Turn maps ``A c + b``, ``[1, 3, 3, H, W]`` and ``[1, 3, H, W]``, into a ``base`` of ``ColorMaps``."""
    identity = torch.eye(3, device=matrices.device).view(1, 3, 3, 1, 1)
    return torch.cat([(matrices - identity).flatten(1, 2), offsets + (matrices.sum(dim=2) - 1) * CENTER], dim=1)


def _sampled(field: Tensor, places: Tensor) -> Tensor:
    return F.grid_sample(field, places, mode="bilinear", padding_mode="border", align_corners=False)
