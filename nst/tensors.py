"""Convert between pictures and tensors."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from torch import Tensor


def to_tensor(picture: Image.Image, device: torch.device | None = None) -> Tensor:
    """Convert a picture to ``[1, 3, H, W]`` float32 in 0..1, on ``device`` or else on the CPU."""
    pixels = torch.from_numpy(np.array(picture.convert("RGB"))).to(device=device)
    return pixels.permute(2, 0, 1)[None].float() / 255


def to_picture(tensor: Tensor) -> Image.Image:
    """Convert the first picture of ``[N, 3, H, W]``; values outside 0..1 are clamped."""
    return Image.fromarray(tensor[0].permute(1, 2, 0).clamp(0, 1).mul(255).round().byte().cpu().numpy())
