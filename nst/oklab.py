"""Oklab (Ottosson 2020), a color space where distances are about as large as they look."""

from __future__ import annotations

import torch
from torch import Tensor

# From linear sRGB to the cones' responses, and from their cube roots to Oklab (https://bottosson.github.io/posts/oklab).
_CONES = torch.tensor(
    [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566],
     [0.0883024619, 0.2817188376, 0.6299787005]]
)  # fmt: skip
_LAB = torch.tensor(
    [[0.2104542553, 0.7936177850, -0.0040720468], [1.9779984951, -2.4285922050, 0.4505937099],
     [0.0259040371, 0.7827717662, -0.8086757660]]
)  # fmt: skip


def to_oklab(picture: Tensor) -> Tensor:
    """Convert ``[N, 3, H, W]`` from sRGB in 0..1 to Oklab."""
    linear = torch.where(picture <= 0.04045, picture / 12.92, ((picture.clamp(min=0) + 0.055) / 1.055) ** 2.4)
    return mixed(_LAB, mixed(_CONES, linear).clamp(min=0) ** (1 / 3))


def from_oklab(lab: Tensor) -> Tensor:
    """Convert ``[N, 3, H, W]`` from Oklab to sRGB, clamped to 0..1."""
    linear = mixed(torch.linalg.inv(_CONES), mixed(torch.linalg.inv(_LAB), lab) ** 3).clamp(0, 1)
    return torch.where(linear <= 0.0031308, linear * 12.92, 1.055 * linear ** (1 / 2.4) - 0.055)


def mixed(matrix: Tensor, colors: Tensor) -> Tensor:
    """Multiply the colors of ``[N, 3, H, W]`` by a matrix ``[3, 3]``."""
    return torch.einsum("ij,njhw->nihw", matrix.to(colors), colors)
