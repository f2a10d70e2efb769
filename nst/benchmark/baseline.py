"""The full method as in textbooks, as a baseline for ours: ``python -m nst.benchmark optimize`` runs both.

Gatys et al. (2016): one scale, float32, L-BFGS with a history of 100 and no line search, mean squared errors at relu4_2
and of Gram matrices at relu1_1 to relu5_1, starting from the photograph, with the network normalized to a mean
activation of 1. Layers are weighted as in the authors' code; the weight of the style as a whole is chosen so that the
loop ends at about the same balance of style and content as ours by default.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor

from nst.backbones.kinds import CONTENT_LAYER, STYLE_LAYERS
from nst.backbones.vgg19 import LAYOUT, VGG19

HISTORY = 100
STYLE = 3e5  # weight of a layer's Gram matrix, divided by its channels squared; content has 1


def features(network: VGG19, picture: Tensor) -> dict[str, Tensor]:
    """Return the activations of all layers in use, by a plain forward pass."""
    x, found, block = (picture - network.mean) / network.std, {}, "1"
    for layer, convolution in network.convolutions.items():
        if layer[4] != block:
            x, block = F.max_pool2d(x, 2), layer[4]
        x = F.relu(convolution(x))
        if layer in (*STYLE_LAYERS, CONTENT_LAYER):
            found[layer] = x
        if layer == STYLE_LAYERS[-1]:
            break
    return found


def gram_matrix(features: Tensor) -> Tensor:
    """Gatys et al. (2016), eq. 3, divided by the number of positions."""
    flat = features.flatten(2)
    return flat @ flat.mT / flat.shape[2]


def optimize(network: VGG19, photo: Tensor, painting: Tensor, steps: int) -> Iterator[Tensor]:
    """Yield the picture after each step, ``[1, 3, H, W]``; photo and painting have the same form, in 0..1, float32."""
    with torch.no_grad():
        content = features(network, photo)[CONTENT_LAYER]
        wanted = {layer: gram_matrix(found) for layer, found in features(network, painting).items()}
    picture = photo.clone(memory_format=torch.contiguous_format).requires_grad_()
    rule = torch.optim.LBFGS([picture], max_iter=1, history_size=HISTORY, tolerance_grad=0, tolerance_change=0)

    def closure() -> Tensor:
        rule.zero_grad()
        found = features(network, picture)
        style = sum(
            STYLE / LAYOUT[layer][1][0] ** 2 * F.mse_loss(gram_matrix(found[layer]), wanted[layer])
            for layer in STYLE_LAYERS
        )
        loss = F.mse_loss(found[CONTENT_LAYER], content) + style
        loss.backward()
        return loss

    for _ in range(steps):
        rule.step(closure)
        yield picture.detach().clamp(0, 1)
