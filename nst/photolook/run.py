"""The photo look: a photograph with the colors and the light of another (Luan, Paris, Shechtman & Bala 2017).

As in their method, each region follows the style of its part of the reference, at the same layers, and a term keeps the
picture a recoloring of the photograph. Unlike there, pixels are not the variable: what is optimized are affine maps of
the photograph's colors (see ``maps.py``). They are found at a small size, where a step is cheap, and applied to the
photograph in full.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from nst.backbones.loading import load_networks
from nst.errors import Cancelled
from nst.images import Picture, Source, open_image, with_alpha
from nst.optimization.estimates import working
from nst.optimization.objective import Objective
from nst.optimization.pyramid import LevelAdam
from nst.photolook.maps import ColorMaps, empty_grids
from nst.photolook.settings import LookSettings
from nst.photolook.transfer import transferred
from nst.recipe import looked
from nst.regions.labels import Masks, pair_regions
from nst.regions.masks import Regions, open_regions
from nst.regions.matching import matched
from nst.regions.matting import Matting
from nst.settings import Settings
from nst.tensors import to_picture, to_tensor

RATE, LAST = 0.02, 0.2  # Adam's learning rate, of maps, at the start, and the factor on it at the last step
CONTENT = 0.1  # weight of content, which the maps keep by themselves
EDGE = 0.5  # width of a mask's soft edge, in percent of the long side
WINDOW, FLAT = 0.01, 1e-5  # radius of photorealism's windows as a share of the long side; variance that is none
PHOTOREALISM = 6.0  # weight of the share of variance that no affine map explains
OUTSIDE = 0.05  # slope of the penalty on values outside 0..1, which a picture cannot have


@dataclass(frozen=True, eq=False)
class LookStep:
    """The state of a photo look. ``preview`` is small, ``image`` has the photograph's own size. ``losses`` are the
    terms before their weights."""

    step: int
    steps: int
    losses: dict[str, float]
    seconds: float  # since it began
    remaining: float  # seconds, estimated
    notes: tuple[str, ...]
    maps: ColorMaps = field(repr=False)
    photo: Picture = field(repr=False)
    small: Tensor = field(repr=False)  # the photograph at the size at which the look is found
    recipe: Mapping[str, Any] = field(repr=False)

    @property
    def preview(self) -> Image.Image:
        """The result, small."""
        with torch.no_grad():
            return to_picture(self.maps(self.small))

    @property
    def image(self) -> Image.Image:
        """The result at the photograph's full size, with its transparency and its recipe; computed anew each time."""
        picture = with_alpha(self.maps.recolor(self.photo.image), self.photo.alpha)
        picture.info["recipe"] = {**self.recipe, "step": self.step}
        return picture


def photoreal(
    photo: Source,
    reference: Source,
    settings: LookSettings = LookSettings(),  # noqa: B008 (frozen)
    *,
    masks: Masks = None,
    reference_masks: Masks = None,
    cancelled: Callable[[], bool] | None = None,
) -> Iterator[LookStep]:
    """Give ``photo`` the look of ``reference``, yielding a ``LookStep`` at once and after every step.

    ``masks`` and ``reference_masks`` say which regions belong together: two pictures of flat colors, where the same
    color means the same kind of thing, or two lists of gray masks. Without them, regions are found (see
    ``LookSettings.regions``). Closing the generator stops it; ``cancelled`` is polled between layers, and when it
    returns True the run ends, after yielding its best picture once more. The last step yielded holds the best.

    Raises ImageError, SettingsError, and WeightsUnavailable if VGG-19 is missing and cannot be downloaded."""
    whole, theirs = open_image(photo), open_image(reference)
    small = replace(_small(whole, settings.size), alpha=None)
    theirs = _small(theirs, settings.size)
    if masks is None and reference_masks is None and settings.regions != 1:
        regions = open_regions(matched(small, theirs, settings.regions or None).regions(), small)
    else:
        paired, notes = pair_regions(small, theirs, masks, reference_masks)
        regions = open_regions(paired, small)
        regions = replace(regions, notes=notes + regions.notes)
    run = _Look(whole, small, theirs, regions, settings, cancelled or (lambda: False))
    return run.steps()


def _small(picture: Picture, side: int) -> Picture:
    size = working(picture.image.size, side)
    return replace(picture, image=picture.image.resize(size, Image.Resampling.LANCZOS))


class _Look:
    """The state of one run, none of which is shared with another."""

    def __init__(
        self,
        whole: Picture,
        small: Picture,
        reference: Picture,
        regions: Regions,
        settings: LookSettings,
        cancelled: Callable[[], bool],
    ) -> None:
        self.whole, self.settings, self.cancelled = whole, settings, cancelled
        self.regions, self.notes = regions, whole.notes + regions.notes
        self.recipe = looked(reference.name, len(regions.paintings), settings.made())
        self.network = None
        if settings.network is not None:
            self.network = load_networks(Settings(network=settings.network.name)).fine
        device = None if self.network is None else self.network.mean.device
        self.photo, self.reference = to_tensor(small.image, device), to_tensor(reference.image, device)
        self.began = time.perf_counter()

    def steps(self) -> Iterator[LookStep]:
        height, width = self.photo.shape[-2:]
        places = self.regions.maps((width, height), EDGE).to(self.photo.device)
        size = (self.reference.shape[3], self.reference.shape[2])
        parts = [self.regions.part(n, size) for n in range(len(places))]
        everything = torch.ones(1, 1, size[1], size[0], device=self.photo.device)
        base = transferred(
            self.photo, self.reference, places, [everything if p is None else p.to(everything.device) for p in parts]
        )
        maps = replace(base, strength=self.settings.strength)
        last = self._step(0, maps, {})
        yield last
        if self.network is None:
            return
        best = None
        try:
            for grids, losses in self._optimized(maps):
                number = min(last.step + 1, self.settings.total_steps)
                last = self._step(number, replace(maps, grids=grids), losses)
                if best is None or losses["total"] < best.losses["total"]:
                    best = last
                yield last
        except Cancelled:
            if best is None:
                return
        if best is not last:
            yield replace(best, step=last.step, seconds=last.seconds, remaining=0.0)

    def _optimized(self, base: ColorMaps) -> Iterator[tuple[list[Tensor], dict[str, float]]]:
        """Optimize grids beside ``base``; yields them and their losses before every step and after the last."""
        used = Settings(
            network=self.settings.network.name,
            size=self.settings.size,
            style_weight=self.settings.style_weight,
            content_weight=CONTENT,
            smoothness=0.0,
            edge=EDGE,
        )
        objective = Objective(self.network, self.photo, self.regions, used, self._watch)
        height, width = self.photo.shape[-2:]
        radius = max(1, min(round(WINDOW * max(height, width)), (min(height, width) - 1) // 2))
        matting = Matting(self.photo, radius, FLAT * (2 * radius + 1) ** 2)
        grids = [grid.to(self.photo.device).requires_grad_() for grid in empty_grids(height, width)]
        full = replace(base, grids=grids, strength=1.0)
        rule, total = LevelAdam(grids, RATE), self.settings.total_steps
        for number in range(total + 1):
            for group in rule.param_groups:
                group["lr"] = RATE * (LAST + (1 - LAST) * (1 + math.cos(math.pi * number / total)) / 2)
            losses: dict[str, float] = {}

            def closure(losses: dict[str, float] = losses) -> Tensor:
                rule.zero_grad()
                painted = full(self.photo)
                picture = painted.detach().clamp(0, 1)
                gradient, figures = objective(picture)
                leaf = painted.detach().requires_grad_()
                unexplained, variance = matting.unexplained(leaf)
                share = unexplained.sum() / variance.sum().clamp(min=1e-6)
                weight = PHOTOREALISM * self.settings.photorealism
                gradient = gradient + weight * torch.autograd.grad(share, leaf)[0] + OUTSIDE * (leaf.detach() - picture)
                painted.backward(gradient)
                losses.update(figures, photorealism=float(share.detach()))
                losses["total"] += weight * losses["photorealism"]
                return torch.tensor(losses["total"])

            before = [grid.detach().clone() for grid in grids]
            rule.step(closure)
            yield before, losses

    def _step(self, number: int, maps: ColorMaps, losses: dict[str, float]) -> LookStep:
        seconds, total = time.perf_counter() - self.began, self.settings.total_steps
        return LookStep(
            step=number,
            steps=total,
            losses=losses,
            seconds=seconds,
            remaining=seconds / number * (total - number) if number else 0.0,
            notes=self.notes,
            maps=maps,
            photo=self.whole,
            small=self.photo,
            recipe=self.recipe,
        )

    def _watch(self) -> None:
        if self.cancelled():
            raise Cancelled("The photo look was stopped.")
