"""The terms of the objective: content, style and smoothness, each relative to its target.

A term is computed in two steps, so that a picture can go through the network in patches: ``sums`` reduces each patch's
activations to tensors that add up to those of the whole picture, and ``value`` computes the term from these sums and
the picture itself. A term that needs no activations (a matting Laplacian, temporal consistency) has no layers and no
sums.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from nst import losses
from nst.backbones.backbone import Backbone
from nst.images import of_area
from nst.optimization.patches import Patch, cut
from nst.optimization.scales import SMALLEST
from nst.optimization.statistics import STATISTICS, Moments
from nst.regions.masks import Regions
from nst.settings import Settings
from nst.tensors import to_tensor

FLAT = 1e-4  # total variation below which a photograph counts as empty

Features = Mapping[str, Tensor]


@dataclass(frozen=True)
class View:
    """How a picture goes through a network: which network, and in patches of at most ``side`` pixels or whole.
    ``watch`` is called between layers and may abort by raising."""

    network: Backbone
    watch: Callable[[], None]
    content_layer: str
    side: int | None = None

    def stride(self, layer: str) -> int:
        """Return how many pixels of the picture an activation stands for, in each direction."""
        return self.network.kind.layers[layer].stride

    def cut(self, height: int, width: int) -> list[Patch]:
        """Return the patches of a picture of this size."""
        kind = self.network.kind
        return cut(height, width, self.side, kind.margin(self.content_layer), kind.aligned)

    def features(self, part: Tensor, patch: Patch, layers: Iterable[str]) -> dict[str, Tensor]:
        """Compute the activations of a patch, which is given with its margin, and crop the margin from them."""
        found = self.network(part, layers, self.watch)
        return {layer: patch.without_margin(x, self.stride(layer)) for layer, x in found.items()}


class Term(Protocol):
    """A term of the objective. ``layers`` are those whose activations it needs, ``count`` is the number of tensors in
    its sums."""

    name: str
    layers: Sequence[str]
    count: int

    def sums(self, features: Features, patch: int) -> list[Tensor]:
        """Compute the term's sums over the activations of patch number ``patch``."""
        ...

    def value(self, sums: list[Tensor], picture: Tensor) -> Tensor:
        """Compute the term, a scalar, from the sums over all patches and the picture ``[1, 3, H, W]`` in 0..1."""
        ...


class Content:
    """``||F - P||^2 / ||P||^2`` at the content layer (Gatys et al. 2016, eq. 1), or at several with their shares."""

    name: str = "content"
    count: int = 1
    layers: Sequence[str]

    def __init__(self, view: View, photo: Tensor) -> None:
        self.shares = view.network.content_layers_at(view.content_layer)
        self.layers = tuple(self.shares)
        self.targets = [view.features(p.of(photo), p, self.layers) for p in view.cut(*photo.shape[-2:])]
        self.wholes = {k: torch.stack([_power(found[k]) for found in self.targets]).sum(dim=0) for k in self.layers}

    def sums(self, features: Features, patch: int) -> list[Tensor]:
        """Compute the patch's part of the distance."""
        target = self.targets[patch]
        distances = (
            share * losses.content_distance(features[k], target[k], self.wholes[k]) for k, share in self.shares.items()
        )
        return [torch.stack(list(distances)).sum()]

    def value(self, sums: list[Tensor], picture: Tensor) -> Tensor:
        """Return the distance."""
        return sums[0]


class Style:
    """The distance of the picture's statistics from a painting's, over the style layers with their shares (Gatys et al.
    2016, eq. 5); with several paintings, each in its region (Gatys et al. 2017, "Spatial control"). Every painting is
    weighted by its share of the picture, so that style and content are balanced in a small region as in a large one."""

    name: str = "style"
    layers: Sequence[str]

    def __init__(self, view: View, photo: Tensor, regions: Regions, settings: Settings) -> None:
        self.statistic, kind = STATISTICS[settings.statistic], view.network.kind
        shares = {layer: getattr(settings, f"style_{n}") for n, layer in enumerate(kind.style_layers, 1)}
        shares = {layer: share * view.network.trust.get(layer, 1.0) for layer, share in shares.items() if share}
        self.shares = {layer: share / sum(shares.values()) for layer, share in shares.items()}
        self.layers = tuple(self.shares)
        height, width = photo.shape[-2:]
        self.patches, self.strides = view.cut(height, width), {layer: view.stride(layer) for layer in self.layers}
        self.maps: dict[str, Tensor] = {}
        if regions.everywhere:
            whole = sum(regions.weights)
            self.areas = [weight / whole for weight in regions.weights]
        else:
            maps = regions.maps((width, height), settings.edge).to(photo.device)
            self.areas = maps.mean(dim=(1, 2, 3)).tolist()
            self.maps = {k: F.adaptive_avg_pool2d(maps, (height // s, width // s)) for k, s in self.strides.items()}
        # A painting is resized to the photograph's area, so that its strokes have the same size in the picture.
        area = height * width * settings.stroke**2
        self.targets: list[dict[str, Moments]] = []
        numbers = range(len(regions.paintings)) if self.shares else ()
        for _, group in itertools.groupby(numbers, lambda number: id(regions.paintings[number])):
            # Regions that take parts of one painting share its pass through the network.
            members = list(group)
            art = to_tensor(of_area(regions.paintings[members[0]].image, area, SMALLEST), photo.device)
            parts = [regions.part(number, (art.shape[3], art.shape[2])) for number in members]
            self.targets += self._targets(view, art, parts)
        self.count = len(self.layers) * len(self.areas) * self.statistic.count

    def sums(self, features: Features, patch: int) -> Moments:
        """Compute the patch's part of every painting's moments at every layer."""
        place = self.patches[patch]
        return [moment for k in self.layers for moment in self._moments(k, features[k], place)]

    def value(self, sums: Moments, picture: Tensor) -> Tensor:
        """Compute the distance."""
        style, left = torch.zeros((), device=picture.device), iter(sums)
        for layer, share in self.shares.items():
            for area, targets in zip(self.areas, self.targets, strict=True):
                moments = [next(left) for _ in range(self.statistic.count)]
                style = style + share * area * self.statistic.distance(moments, targets[layer])
        return style

    def _moments(self, layer: str, features: Tensor, patch: Patch) -> Moments:
        stride = self.strides[layer]
        if not self.maps:
            # The moments are the same for all paintings: each painting's share is the same at every position.
            last = self.patches[-1].inner
            whole = (last[1] // stride) * (last[3] // stride)
            return self.statistic.moments(features, None, whole) * len(self.areas)
        found: Moments = []
        rows, columns = patch.span(stride)
        for shares in self.maps[layer]:
            share = float(shares.sum()) + losses.EPSILON
            found += self.statistic.moments(features, shares[None, :, rows, columns], share)
        return found

    def _targets(self, view: View, art: Tensor, parts: list[Tensor | None]) -> list[dict[str, Moments]]:
        """Compute a painting's targets at every layer: one of each of its ``parts``, or of all of it."""
        height, width = art.shape[-2:]
        shapes = {layer: (height // stride, width // stride) for layer, stride in self.strides.items()}
        maps = [
            None if p is None else {k: F.adaptive_avg_pool2d(p.to(art.device), shape) for k, shape in shapes.items()}
            for p in parts
        ]
        per_patch = []
        for patch in view.cut(height, width):
            found = view.features(patch.of(art), patch, self.layers)
            moments: Moments = []
            for shares, layer in itertools.product(maps, self.layers):
                rows, columns = patch.span(self.strides[layer])
                if shares is None:
                    moments += self.statistic.moments(found[layer], None, math.prod(shapes[layer]))
                else:
                    whole = float(shares[layer].sum()) + losses.EPSILON
                    moments += self.statistic.moments(found[layer], shares[layer][..., rows, columns], whole)
            per_patch.append(moments)
        left = iter(added(per_patch))
        return [
            {k: self.statistic.target([next(left) for _ in range(self.statistic.count)]) for k in self.layers}
            for _ in parts
        ]


class Smoothness:
    """Total variation, relative to the photograph's."""

    name: str = "smooth"
    layers: Sequence[str] = ()
    count: int = 0

    def __init__(self, photo: Tensor) -> None:
        self.target = losses.total_variation(photo) + FLAT

    def sums(self, features: Features, patch: int) -> list[Tensor]:
        """Return nothing: the term depends only on the picture itself."""
        return []

    def value(self, sums: list[Tensor], picture: Tensor) -> Tensor:
        """Compute the ratio."""
        return losses.total_variation(picture) / self.target


def added(several: Iterable[list[Tensor]]) -> list[Tensor]:
    """Add lists of tensors, element by element."""
    return [sum(values) for values in zip(*several, strict=True)]


def _power(features: Tensor) -> Tensor:
    return features.float().square().sum(dim=(1, 2, 3))
