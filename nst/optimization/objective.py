"""What a painting in the making is compared with, at one scale: the objective of Gatys et al. (2016), eq. 7."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
import torch.nn.functional as F
from torch import Tensor

from nst import losses
from nst.backbones.student import Network
from nst.backbones.vgg19 import STYLE_LAYERS
from nst.images import of_area
from nst.optimization.patches import Patch, cut
from nst.optimization.pyramid import put_together
from nst.optimization.scales import SMALLEST
from nst.regions.masks import Regions
from nst.settings import USUAL, Settings
from nst.tensors import to_tensor

STYLE, SMOOTH = 3.7, 0.15  # against content, at weights of 1 and the usual size
FALL = 0.35  # power of the side by which the weight of style falls
FLAT = 1e-4  # total variation below which a photograph counts as empty

Sums = list[Tensor]  # over positions: of every painting, at every layer, its Gram matrix, and means where needed
Terms = dict[str, float]


def stride(layer: str) -> int:
    """How many of a picture's pixels a pixel of this layer's stands for, each way."""
    return 2 ** (int(layer[4]) - 1)


class Objective:
    """``content_weight * content + style_weight * style + smoothness * variation``, each term relative to its
    target. Targets are computed once, here. Every painting's style counts by its share of the picture, so that
    style and content are balanced in a small region as in a large one.

    ``photo`` is ``[1, 3, H, W]`` in 0..1. A painting gets the photograph's area: then a stroke of it is as large
    as one on the photograph. ``watch`` is called between layers, and may leave by raising. With ``patch`` no more
    than a patch of so many pixels a side, and its margin, goes through the network at once."""

    def __init__(
        self,
        network: Network,
        photo: Tensor,
        regions: Regions,
        settings: Settings,
        watch: Callable[[], None],
        patch: int | None = None,
    ) -> None:
        self.network, self.settings, self.watch = network, settings, watch
        shares = {layer: getattr(settings, f"style_{layer[4]}") for layer in STYLE_LAYERS}
        shares = {layer: share * network.trust.get(layer, 1.0) for layer, share in shares.items() if share}
        self.shares = {layer: share / sum(shares.values()) for layer, share in shares.items()}
        height, width = photo.shape[-2:]
        # More positions match the same statistics more easily: with a weight that falls with the size, the same
        # strength comes to the same style distance. What a larger picture than usual begins with is painted as that.
        side = max(height, width, min(USUAL, settings.size))
        self.style_weight = STYLE * settings.style_weight * (USUAL / side) ** FALL
        self.side, self.patches = patch, cut(height, width, patch)
        # Regions
        self.photo = self.covered = None
        self.maps: dict[str, Tensor] = {}
        if regions.everywhere:
            whole = sum(regions.weights)
            self.areas = [weight / whole for weight in regions.weights]
        else:
            maps = regions.maps((width, height), settings.edge).to(photo.device)
            self.photo, self.covered = photo, maps.sum(dim=0, keepdim=True).clamp(0, 1)
            self.areas = maps.mean(dim=(1, 2, 3)).tolist()
            self.maps = {k: F.adaptive_avg_pool2d(maps, (height // stride(k), width // stride(k))) for k in self.shares}
        # Targets
        self.variation = losses.total_variation(photo) + FLAT
        with torch.no_grad():
            self.structure = network.structure_at(settings.content_layer)
            looks = [(p, network(p.of(photo), self.structure, watch)) for p in self.patches]
            self.content = [{k: p.without_margin(c, stride(k)) for k, c in found.items()} for p, found in looks]
            self.wholes = {k: sum(_power(found[k]) for found in self.content) for k in self.structure}
            area = height * width * settings.stroke**2
            arts = (to_tensor(of_area(p.image, area, SMALLEST), photo.device) for p in regions.paintings)
            self.style = [self._targets(art) for art in arts] if self.shares else []

    def composed(self, painted: Tensor) -> Tensor:
        """The picture ``[1, 3, H, W]``: what is painted, and the photograph where no painting goes."""
        return painted if self.covered is None else torch.lerp(self.photo, painted, self.covered)

    def __call__(self, picture: Tensor) -> tuple[Tensor, Terms]:
        """The objective's gradient at ``[1, 3, H, W]``, as large; its terms before their weights, and the total."""
        picture = picture.detach().requires_grad_()
        if len(self.patches) == 1:
            total, terms = self._total(picture, *self._look(picture, 0))
            return torch.autograd.grad(total, picture)[0], terms
        # The total is no sum over patches, but what it takes is: so first that, and how the total follows it.
        with torch.no_grad():
            sums, content = self._looks(picture)
        leaves = [value.requires_grad_() for value in (*sums, content)]
        total, terms = self._total(picture, leaves[:-1], leaves[-1])
        *slopes, gradient = torch.autograd.grad(total, [*leaves, picture])
        for number, patch in enumerate(self.patches):
            part = patch.of(picture).detach().requires_grad_()
            found = self._look(part, number)
            led = sum((value * slope).sum() for value, slope in zip((*found[0], found[1]), slopes, strict=True))
            patch.of(gradient).add_(torch.autograd.grad(led, part)[0])
        return gradient, terms

    @torch.no_grad()
    def terms(self, picture: Tensor) -> Terms:
        """The same terms of ``[1, 3, H, W]``."""
        return self._total(picture, *self._looks(picture))[1]

    def _looks(self, picture: Tensor) -> tuple[Sums, Tensor]:
        looks = [self._look(patch.of(picture), number) for number, patch in enumerate(self.patches)]
        return _added(sums for sums, _ in looks), sum(content for _, content in looks)

    def _look(self, part: Tensor, number: int) -> tuple[Sums, Tensor]:
        """What the total takes of a patch, given with its margin, in numbers that add up to the whole picture's."""
        patch, targets = self.patches[number], self.content[number]
        found = self.network(part, (*self.shares, *self.structure), self.watch)
        inner = {k: patch.without_margin(features, stride(k)) for k, features in found.items()}
        content = sum(
            share * losses.content_distance(inner[k], targets[k], self.wholes[k]) for k, share in self.structure.items()
        )
        return [s for k in self.shares for s in self._statistics(k, inner[k], patch)], content

    def _statistics(self, layer: str, features: Tensor, patch: Patch) -> Sums:
        if not self.maps:
            # The same for all paintings: of each position as much is every painting's as of any other.
            last = self.patches[-1].inner
            whole = (last[1] // stride(layer)) * (last[3] // stride(layer))
            return self._moments(features, None, whole) * len(self.areas)
        found = []
        rows, columns = patch.span(stride(layer))
        for shares in self.maps[layer]:
            found += self._moments(features, shares[None, :, rows, columns], float(shares.sum()) + losses.EPSILON)
        return found

    def _moments(self, features: Tensor, shares: Tensor | None, whole: float) -> Sums:
        gram = losses.gram_matrix(features, shares, whole)
        return [gram] if self.settings.statistic == "gram" else [gram, losses.mean_features(features, shares, whole)]

    def _total(self, picture: Tensor, sums: Sums, content: Tensor) -> tuple[Tensor, Terms]:
        s, style, left = self.settings, torch.zeros((), device=picture.device), iter(sums)
        for layer, share in self.shares.items():
            for area, targets in zip(self.areas, self.style, strict=True):
                moments = [next(left)] if s.statistic == "gram" else [next(left), next(left)]
                style = style + share * area * self._distance(moments, targets[layer])
        smooth = losses.total_variation(picture) / self.variation
        total = s.content_weight * content + self.style_weight * style + SMOOTH * s.smoothness * smooth
        values = torch.stack([content, style, smooth, total]).detach().tolist()
        return total, dict(zip(("content", "style", "smooth", "total"), values, strict=True))

    def _targets(self, art: Tensor) -> dict[str, tuple[Tensor, ...]]:
        """What a painting's distance is measured from, at every layer."""
        patches, height, width = cut(*art.shape[-2:], self.side), *art.shape[-2:]
        per_patch = []
        for patch in patches:
            found = self.network(patch.of(art), self.shares, self.watch)
            inner = {k: patch.without_margin(f, stride(k)) for k, f in found.items()}
            wholes = {k: (height // stride(k)) * (width // stride(k)) for k in self.shares}
            per_patch.append([s for k in self.shares for s in self._moments(inner[k], None, wholes[k])])
        left, targets = iter(_added(per_patch)), {}
        for layer in self.shares:
            if self.settings.statistic == "gram":
                targets[layer] = (next(left),)
            else:
                gram, mean = next(left), next(left)
                targets[layer] = (mean, losses.matrix_root(losses.covariance(mean, gram)))
        return targets

    def _distance(self, moments: Sums, target: tuple[Tensor, ...]) -> Tensor:
        if self.settings.statistic == "gram":
            return losses.style_distance(*moments, *target)
        gram, mean = moments
        return losses.wasserstein_distance(mean, losses.covariance(mean, gram), *target)


def _power(features: Tensor) -> Tensor:
    return features.float().square().sum(dim=(1, 2, 3))


def _added(several: Iterable[Sums]) -> Sums:
    return [sum(values) for values in zip(*several, strict=True)]


def advance(rule: torch.optim.Optimizer, levels: list[Tensor], objective: Objective) -> tuple[Tensor, Terms]:
    """Take one step of ``rule`` with the pyramid's ``levels``; returns the picture it started from, and its terms."""
    seen: list[tuple[Tensor, Terms]] = []

    def closure() -> Tensor:
        rule.zero_grad()
        picture = objective.composed(put_together(levels))
        gradient, terms = objective(picture)
        picture.backward(gradient)
        seen.append((picture.detach(), terms))
        return torch.tensor(terms["total"])

    rule.step(closure)
    return seen[0]
