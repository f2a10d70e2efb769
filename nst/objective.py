"""What a painting in the making is compared with, at one scale: the objective of Gatys et al. (2016), eq. 7."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from nst import losses
from nst.images import of_area
from nst.networks import STYLE_LAYERS, VGG19
from nst.scales import SMALLEST
from nst.settings import Settings
from nst.tensors import to_tensor

STYLE, SMOOTH = 3.7, 0.15  # against content, at weights of 1
FLAT = 1e-4  # total variation below which a photograph counts as empty


class Objective:
    """``content_weight * content + style_weight * style + smoothness * variation``, each term relative to its
    target. Targets are computed once, here.

    ``photo`` is ``[1, 3, H, W]`` in 0..1. The painting gets the photograph's area: then a stroke of it is as large
    as one on the photograph. ``watch`` is called between layers, and may leave by raising."""

    def __init__(
        self, network: VGG19, photo: Tensor, painting: Image.Image, settings: Settings, watch: Callable[[], None]
    ) -> None:
        self.network, self.settings, self.watch = network, settings, watch
        shares = {layer: getattr(settings, f"style_{layer[4]}") for layer in STYLE_LAYERS}
        self.shares = {layer: share / sum(shares.values()) for layer, share in shares.items() if share}
        area = photo.shape[2] * photo.shape[3] * settings.stroke**2
        with torch.no_grad():
            self.content = network(photo, [settings.content_layer], watch)[settings.content_layer]
            self.variation = losses.total_variation(photo) + FLAT
            self.style: dict[str, tuple[Tensor, ...]] = {}
            if self.shares:
                art = to_tensor(of_area(painting, area, SMALLEST), photo.device)
                self.style = {layer: self._target(found) for layer, found in network(art, self.shares, watch).items()}

    def __call__(self, picture: Tensor) -> tuple[Tensor, dict[str, float]]:
        """The objective of ``[1, 3, H, W]``, to be led back from; and its terms before their weights, and the total."""
        s = self.settings
        found = self.network(picture, (*self.shares, s.content_layer), self.watch)
        content = losses.content_distance(found[s.content_layer], self.content)
        style = torch.zeros((), device=content.device)
        for layer, share in self.shares.items():
            style = style + share * self._distance(found[layer], self.style[layer])
        smooth = losses.total_variation(picture) / self.variation
        total = s.content_weight * content + STYLE * s.style_weight * style + SMOOTH * s.smoothness * smooth
        values = torch.stack([content, style, smooth, total]).detach().tolist()
        return total, dict(zip(("content", "style", "smooth", "total"), values, strict=True))

    def _target(self, features: Tensor) -> tuple[Tensor, ...]:
        """What the style's distance at a layer is measured from: of the painting's activations there."""
        if self.settings.statistic == "gram":
            return (losses.gram_matrix(features),)
        mean, covariance = losses.mean_and_covariance(features)
        return mean, losses.matrix_root(covariance)

    def _distance(self, features: Tensor, target: tuple[Any, ...]) -> Tensor:
        if self.settings.statistic == "gram":
            return losses.style_distance(losses.gram_matrix(features), *target)
        return losses.wasserstein_distance(*losses.mean_and_covariance(features), *target)
