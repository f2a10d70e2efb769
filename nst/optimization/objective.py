"""The objective of Gatys et al. (2016), eq. 7, at one scale: a weighted sum of terms, and its gradient."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from nst.backbones.backbone import Backbone
from nst.optimization.pyramid import reconstruct
from nst.optimization.terms import Content, Smoothness, Style, Term, View, added
from nst.regions.masks import Regions
from nst.settings import USUAL, Settings

STYLE, SMOOTH = 3.7, 0.15  # relative to content, at weights of 1 and the usual size
FALL = 0.35  # power of the side with which the weight of style falls

Figures = dict[str, float]


class Objective:
    """``content_weight * content + style_weight * style + smoothness * variation``, and the terms in ``more`` with
    their weights. Targets are computed once, here.

    ``photo`` is ``[1, 3, H, W]`` in 0..1. ``watch`` is called between layers and may abort by raising. With ``patch``,
    at most a patch of that side, plus its margin, goes through the network at once."""

    def __init__(
        self,
        network: Backbone,
        photo: Tensor,
        regions: Regions,
        settings: Settings,
        watch: Callable[[], None],
        patch: int | None = None,
        more: Sequence[tuple[float, Term]] = (),
    ) -> None:
        self.view = View(network, watch, settings.content_layer, patch)
        height, width = photo.shape[-2:]
        self.patches = self.view.cut(height, width)
        self.photo = self.covered = None
        if not regions.everywhere:
            maps = regions.maps((width, height), settings.edge).to(photo.device)
            self.photo, self.covered = photo, maps.sum(dim=0, keepdim=True).clamp(0, 1)
        with torch.no_grad():
            self.content = Content(self.view, photo)
            self.style = Style(self.view, photo, regions, settings)
            smoothness = Smoothness(photo)
        # More positions match the same statistics more easily: with a weight that falls with the size, the same
        # setting leads to the same style distance. Coarse scales have the weight of the usual size, or of the full
        # size if that is smaller.
        side = max(height, width, min(USUAL, settings.size))
        self.style_weight = STYLE * settings.style_weight * (USUAL / side) ** FALL
        self.terms: list[tuple[float, Term]] = [
            (settings.content_weight, self.content),
            (self.style_weight, self.style),
            (SMOOTH * settings.smoothness, smoothness),
            *more,
        ]
        self.layers = tuple(dict.fromkeys(layer for _, term in self.terms for layer in term.layers))

    def composed(self, painted: Tensor) -> Tensor:
        """Composite ``painted`` over the photograph, which stays where no painting goes; ``[1, 3, H, W]``."""
        return painted if self.covered is None else torch.lerp(self.photo, painted, self.covered)

    def __call__(self, picture: Tensor) -> tuple[Tensor, Figures]:
        """Compute the objective's gradient with respect to ``picture`` ``[1, 3, H, W]``, of the same shape, and its
        figures: the terms before their weights, and the weighted total."""
        picture = picture.detach().requires_grad_()
        if len(self.patches) == 1:
            total, figures = self._total(picture, self._sums(picture, 0))
            return torch.autograd.grad(total, picture)[0], figures
        # The total is not a sum over patches but a function of such sums: so compute the sums and the total's gradient
        # with respect to them first, then every patch's gradient by the chain rule.
        with torch.no_grad():
            sums = self._all_sums(picture)
        leaves = [value.requires_grad_() for value in sums]
        total, figures = self._total(picture, leaves)
        *slopes, gradient = torch.autograd.grad(total, [*leaves, picture])
        for number, patch in enumerate(self.patches):
            part = patch.of(picture).detach().requires_grad_()
            found = self._sums(part, number)
            chained: Any = sum((value * slope).sum() for value, slope in zip(found, slopes, strict=True))
            patch.of(gradient).add_(torch.autograd.grad(chained, part)[0])
        return gradient, figures

    @torch.no_grad()
    def figures(self, picture: Tensor) -> Figures:
        """Compute the figures alone, for ``[1, 3, H, W]``."""
        return self._total(picture, self._all_sums(picture))[1]

    def _all_sums(self, picture: Tensor) -> list[Tensor]:
        return added(self._sums(patch.of(picture), number) for number, patch in enumerate(self.patches))

    def _sums(self, part: Tensor, number: int) -> list[Tensor]:
        """Compute the sums of all terms over a patch, which is given with its margin."""
        features = self.view.features(part, self.patches[number], self.layers)
        return [value for _, term in self.terms for value in term.sums(features, number)]

    def _total(self, picture: Tensor, sums: list[Tensor]) -> tuple[Tensor, Figures]:
        left = iter(sums)
        found = {t.name: t.value([next(left) for _ in range(t.count)], picture) for _, t in self.terms}
        total = torch.stack([weight * found[term.name] for weight, term in self.terms]).sum()
        values = torch.stack([*found.values(), total]).detach().tolist()
        return total, dict(zip((*found, "total"), values, strict=True))


def advance(optimizer: torch.optim.Optimizer, levels: list[Tensor], objective: Objective) -> tuple[Tensor, Figures]:
    """Take one step of ``optimizer`` on the pyramid's ``levels``; returns the picture before the step and its
    figures."""
    seen: list[tuple[Tensor, Figures]] = []

    def closure() -> Tensor:
        optimizer.zero_grad()
        picture = objective.composed(reconstruct(levels))
        gradient, figures = objective(picture)
        picture.backward(gradient)
        seen.append((picture.detach(), figures))
        return torch.tensor(figures["total"])

    optimizer.step(closure)  # type: ignore[arg-type]
    return seen[0]
