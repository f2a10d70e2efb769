"""How good a stylization is: its distance from the painting's style and the photograph's content.

The same three figures for every program, whatever made the picture:

style      mean over relu1_1 .. relu5_1 of ``||G - A|| / ||A||``   0: the same texture statistics
content    ``||F - P|| / ||P||`` at relu4_2                       0: the same structure
noise      mean absolute difference of neighbors, against the photo's own; near 1 is clean
"""

from __future__ import annotations

import torch
from PIL import Image
from torch import Tensor

from nst import losses
from nst.images import of_area
from nst.networks import CONTENT_LAYER, STYLE_LAYERS, VGG19
from nst.tensors import to_tensor


def roughness(picture: Tensor) -> Tensor:
    """Mean absolute difference of neighbors of ``[N, 3, H, W]``, over both directions, ``[N]``."""
    across = (picture[..., :, 1:] - picture[..., :, :-1]).abs().mean(dim=(1, 2, 3))
    down = (picture[..., 1:, :] - picture[..., :-1, :]).abs().mean(dim=(1, 2, 3))
    return across + down


@torch.no_grad()
def distances(judge: VGG19, photo: Image.Image, painting: Image.Image, result: Image.Image) -> dict[str, float]:
    """Style, content and noise of ``result``, measured at its own size."""
    art = of_area(painting, result.width * result.height)
    images = (photo.resize(result.size, Image.LANCZOS), result, art)
    target, made, art = (to_tensor(image, judge.mean.device) for image in images)
    found = judge(made, (*STYLE_LAYERS, CONTENT_LAYER))
    wanted = judge(art, STYLE_LAYERS)
    structure = judge(target, [CONTENT_LAYER])[CONTENT_LAYER]
    style = [
        losses.style_distance(losses.gram_matrix(found[k]), losses.gram_matrix(wanted[k])).sqrt() for k in STYLE_LAYERS
    ]
    return {
        "style": float(torch.stack(style).mean()),
        "content": float(losses.content_distance(found[CONTENT_LAYER], structure).sqrt()),
        "noise": float(roughness(made) / roughness(target)),
    }
