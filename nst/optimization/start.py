"""What a scale begins with."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from nst.images import Picture
from nst.settings import Settings
from nst.tensors import to_tensor

DETAIL = 0.7  # share of the initial picture's finer detail that each finer scale adds


def first_picture(photo: Tensor, init: Picture | None, settings: Settings) -> Tensor:
    """Return the picture that a run begins with, at a scale where the photograph is ``photo`` ``[1, 3, H, W]``."""
    if init is not None:
        size = (photo.shape[3], photo.shape[2])
        return to_tensor(init.image.resize(size, Image.Resampling.LANCZOS), photo.device)
    if settings.start == "noise":
        generator = torch.Generator().manual_seed(settings.seed)
        return torch.rand(photo.shape, generator=generator).to(photo.device)
    return photo


def refined(start: Tensor, first: Tensor | None, size: torch.Size) -> Tensor:
    """Enlarge a coarser scale's picture ``start`` to this scale's height and width, and add some detail that it could
    not hold from ``first``, the picture that the run began with; without one, as noise has none worth keeping."""
    # This scale was already begun, or a larger one that ran out of memory.
    if start.shape[-1] >= size[-1]:
        return F.interpolate(start, size, mode="bilinear", antialias=True)
    if first is None:
        return F.interpolate(start, size, mode="bicubic")
    coarse = F.interpolate(first, start.shape[-2:], mode="bilinear", antialias=True)
    large, own = F.interpolate(torch.cat([start, coarse]), size, mode="bicubic").chunk(2)
    return large + DETAIL * (first - own)
