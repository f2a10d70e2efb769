"""Style transfer by image optimization (Gatys, Ecker & Bethge 2016), from coarse to fine.

A picture is changed step by step until its activations in a network match the photograph's content and the painting's
style. It starts small, where a step is cheap and a stroke is large relative to the picture, and doubles twice on its
way to full size, each time adding some detail of the picture it began with.

The variable is not the pixels but the picture's Laplacian pyramid (see ``pyramid.py``). The coarse scales determine
where the strokes go, so VGG-19 computes these in float32; the full size, which takes most of the time, uses the
device's fastest dtype.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import torch
from PIL import Image
from torch import Tensor

from nst import memory
from nst.backbones.loading import LossNetworks, load_networks
from nst.color import luminance
from nst.errors import SettingsError
from nst.images import Picture, Source, fit, open_image
from nst.optimization import estimates, memory_use, scales
from nst.optimization.objective import Objective, advance
from nst.optimization.pyramid import LevelAdam, build_pyramid, reconstruct
from nst.optimization.scales import Scale
from nst.optimization.start import first_picture, refined
from nst.optimization.step import Step
from nst.recipe import optimized
from nst.regions.masks import Regions, open_regions
from nst.regions.region import Region
from nst.settings import Settings
from nst.tensors import to_tensor

RATE = 0.012  # Adam's learning rate, in pixel values (0..1), at the start of a scale
LAST = 0.3  # factor on the rate at a scale's last step
RETRIES = 8
TRUSTED = 0.05  # of a run's cost: the weight of earlier timings against the run's own pace

Cancelled = Callable[[], bool]


class _Interrupted(Exception):
    """Raised between two layers when the run was cancelled."""


def optimize(
    photo: Source,
    painting: Source | Sequence[Region],
    settings: Settings = Settings(),  # noqa: B008 (frozen)
    *,
    init: Source | None = None,
    unfinished: Source | None = None,
    after: int = 0,
    cancelled: Cancelled | None = None,
) -> Iterator[Step]:
    """Paint ``photo`` in the style of ``painting``, yielding a ``Step`` after every step.

    Several paintings are a list of ``Region``, each with its weight, and a mask of where it goes. ``objective.py``
    defines the loss that is minimized. ``init`` is the picture to begin with, instead of the photograph or noise.
    ``unfinished`` is what an interrupted run had painted after ``after`` steps: this run resumes from there. The last
    step yielded holds the best picture among the steps of this run. Closing the generator stops it; ``cancelled`` is
    polled between layers, and when it returns True the run ends within a fraction of a second, after yielding its best
    picture once more.

    Raises ImageError, SettingsError, and WeightsUnavailable if the network's weights are missing and cannot be
    downloaded."""
    content = open_image(photo)
    regions = open_regions(painting, content)
    first = None if init is None else open_image(init)
    if (unfinished is None) != (after == 0) or not 0 <= after < settings.total_steps:
        raise SettingsError(
            f"To go on with an unfinished picture takes both it and the number of steps it is after, from 1 on, less "
            f"than {settings.total_steps}, not {after!r}."
        )
    started = None if unfinished is None else (open_image(unfinished), after)
    run = _Run(content, regions, first, started, load_networks(settings), settings, cancelled or (lambda: False))
    return run.steps()


class _Run:
    """The state of one run, none of which is shared with another."""

    def __init__(
        self,
        photo: Picture,
        regions: Regions,
        init: Picture | None,
        started: tuple[Picture, int] | None,
        judges: LossNetworks,
        settings: Settings,
        cancelled: Cancelled,
    ) -> None:
        self.colors = self.kept = None
        self.recipe = optimized(regions.title, settings.made())
        self.regions, real = regions.recolored(settings.color, photo.image), fit(photo.image, settings.size)
        self.size = real.size
        if not regions.everywhere:
            covered = regions.maps(real.size, settings.edge).sum(dim=0)[0].clamp(0, 1)
            self.kept = real, Image.fromarray((covered * 255).ceil().byte().numpy())
        if settings.color == "luminance":
            self.colors = real
            photo = replace(photo, image=luminance(photo.image))
            init = init and replace(init, image=luminance(init.image))
            started = started and (replace(started[0], image=luminance(started[0].image)), started[1])
        self.photo, self.init = photo, init
        self.judges, self.settings, self.cancelled = judges, settings, cancelled
        self.device = judges.fine.mean.device
        self.notes = photo.notes + regions.notes + (init.notes if init else ())
        self.patch: int | None = None
        self.margin = settings.schedule.fine.margin(settings.content_layer)
        self.plan = scales.plan(settings.size, settings.total_steps, settings.scales, settings.finish_steps)
        self.number, self.start = 0, None
        if started is not None:
            unfinished, self.number = started
            self.plan, side = scales.after(self.plan, self.number)
            self.start = self._resized(unfinished, self._shape(side))
        self._fit_memory()
        self.known = estimates.known(settings)
        self.speeds = self.known or estimates.relative_speeds(settings)
        self.rate = RATE
        self.best: tuple[Tensor, dict[str, float]] | None = None

    def steps(self) -> Iterator[Step]:
        began, done, last = time.perf_counter(), 0.0, None
        once = (0.0, 0.0)  # seconds and cost before the second step, which are left out of the pace
        try:
            while self.plan:
                scale, before = self.plan[0], self.number
                costs = [self._cost(s) for s in self.plan]
                targets, cost = costs[0]
                left = sum(t + c * s.left for s, (t, c) in zip(self.plan, costs, strict=True)) - targets
                trusted = TRUSTED * (done + targets + left) if self.known else 0.0
                done += targets
                try:
                    for canvas, terms in self._scale(scale):
                        self.number, done, left = self.number + 1, done + cost, left - cost
                        seconds = time.perf_counter() - began
                        slower = (seconds - once[0] + trusted) / (done - once[1] + trusted)
                        if last is None:
                            once = seconds, done
                        remaining = slower * left if self.number < self.settings.total_steps else 0.0
                        last = self._step(seconds, remaining, canvas, terms)
                        yield last
                    self.plan = self.plan[1:]
                except (MemoryError, RuntimeError) as error:
                    if not memory.exhausted(error):
                        raise
                    self._replan_with_less(self.number - before, error)
                if self.number > before:
                    self.start = self.best[0]
        except _Interrupted:
            if last is None:
                return
        if self.best[0] is not last.canvas or self.notes != last.notes:
            yield self._step(time.perf_counter() - began, 0.0, *self.best)

    def _replan_with_less(self, taken: int, error: Exception) -> None:
        """Replan from here, after ``taken`` steps at a scale that then ran out of memory."""
        scale = replace(self.plan[0], taken=self.plan[0].taken + taken)
        width, height = self._shape(scale.side)
        sides = memory_use.sides(width * height, self.margin)
        if patches := [side for side in sides if self.patch is None or side < self.patch]:
            self.patch = patches[0]
            self.notes += (
                f"The memory did not suffice for {scale.side} pixels at once: painted in patches of {self.patch}.",
            )
            self.plan = [scale, *self.plan[1:]]
            return
        smaller = int(scale.side * memory_use.SMALLER)
        # A finish may be skipped altogether: the picture is complete before it.
        late = len(self.plan) == 1 and (self.settings.finish_steps > 0 or scale.taken >= scale.steps / 2)
        if self.best is None and smaller < scales.SMALLEST:
            raise SettingsError(
                f"There is not enough memory even for a picture of {scale.side} pixels; close other programs."
            ) from error
        if self.best is not None and (smaller < scales.SMALLEST or late):
            self.notes += (
                f"The memory did not suffice for {scale.side} pixels, so the best picture until then is kept.",
            )
            self.plan = []
            return
        self.notes += (f"The memory did not suffice for {scale.side} pixels: painted at {smaller} and then enlarged.",)
        self.plan = scales.at_most([scale, *self.plan[1:]], smaller)

    def _fit_memory(self) -> None:
        """Remove from the plan what would not fit into memory: a system may kill a program that takes too much."""
        free, asked = memory.free(self.device), self.plan[-1].side
        side, self.patch = estimates.fitting(asked, self._shape, self.settings, self.judges.fine.number, free)
        if self.patch is not None:
            self.notes += (
                f"{free / 1e9:.1f} GB of memory are free, too little for {side} pixels at once: "
                f"painted in patches of {self.patch}.",
            )
        if side < asked:
            self.plan = scales.at_most(self.plan, side)
            self.notes += (
                f"{free / 1e9:.1f} GB of memory are free, too little for {asked} pixels: "
                f"painted at {side} and then enlarged.",
            )

    def _cost(self, scale: Scale) -> tuple[float, float]:
        """Return the seconds, or a proportional cost, until this scale's targets are known, and for each step."""
        finest, count = scale is self.plan[-1], len(self.regions.paintings)
        return self.speeds.scale(scale, finest, self._shape, self.settings, count, self.patch)

    def _step(self, seconds: float, remaining: float, canvas: Tensor, terms: dict[str, float]) -> Step:
        return Step(
            step=self.number,
            steps=self.settings.total_steps,
            losses=terms,
            seconds=seconds,
            remaining=remaining,
            scale=(canvas.shape[3], canvas.shape[2]),
            notes=self.notes,
            canvas=canvas,
            size=self.size,
            alpha=self.photo.alpha,
            colors=self.colors,
            kept=self.kept,
            recipe=self.recipe,
        )

    def _scale(self, scale: Scale) -> Iterator[tuple[Tensor, dict[str, float]]]:
        """Take the remaining steps at one scale, from ``self.start``; yields the picture and its losses at each step,
        leaves the best in ``self.best``."""
        finest = scale.side == self.plan[-1].side
        network = self.judges.fine if scale is self.plan[-1] else self.judges.coarse
        photo = self._resized(self.photo, self._shape(scale.side))
        objective = Objective(network, photo, self.regions, self.settings, self._watch, self.patch)
        first = first_picture(photo, self.init, self.settings)
        plain = self.init is None and self.settings.start == "noise"
        canvas = first if self.start is None else refined(self.start, None if plain else first, photo.shape[-2:])
        variables = [level.requires_grad_() for level in build_pyramid(canvas.clamp(0, 1))]
        rule = self._optimizer(variables)
        taken, failures, best = scale.taken, 0, math.inf
        while taken < scale.steps:
            for group in rule.param_groups:
                group["lr"] = self._rate(taken / scale.steps, finest)
            before = [v.detach().clone() for v in variables]
            canvas, terms = advance(rule, variables, objective)
            if math.isfinite(terms["total"]) and all(bool(v.isfinite().all()) for v in variables):
                taken += 1
                if terms["total"] < best:
                    best, self.best = terms["total"], (canvas, terms)
                yield canvas, terms
                continue
            failures += 1
            if failures > RETRIES:
                break
            self.notes += (f"A loss went out of range at {scale.side} pixels: stepped back and halved the rate.",)
            self.rate /= 2
            with torch.no_grad():
                for variable, value in zip(variables, before, strict=True):
                    variable.copy_(value)
            rule = self._optimizer(variables)
        if taken == scale.steps:
            # The result of the last step has not been evaluated yet.
            with torch.no_grad():
                canvas = objective.composed(reconstruct(variables))
                terms = objective.figures(canvas)
            if terms["total"] < best:
                self.best = canvas, terms
        if failures > RETRIES:
            if self.best is None:
                raise SettingsError("The losses are out of range from the first step; the weights file may be damaged.")
            self.notes += ("The losses stayed out of range, so the best picture until then is kept.",)

    def _optimizer(self, variables: list[Tensor]) -> torch.optim.Optimizer:
        if self.settings.optimizer == "lbfgs":
            return torch.optim.LBFGS(
                variables, max_iter=1, history_size=estimates.HISTORY, line_search_fn="strong_wolfe"
            )
        return LevelAdam(variables, self.rate)

    def _rate(self, progress: float, finest: bool) -> float:
        """Return the learning rate, annealed along a cosine so that each scale ends with small steps; L-BFGS finds its
        own step length."""
        if self.settings.optimizer == "lbfgs":
            return self.rate / RATE
        top = self.rate * (self.settings.schedule.finest_rate if finest else 1)
        return top * (LAST + (1 - LAST) * (1 + math.cos(math.pi * progress)) / 2)

    def _shape(self, side: int) -> tuple[int, int]:
        """Return the width and height processed if the long side is ``side``."""
        return estimates.working(self.photo.image.size, side)

    def _resized(self, picture: Picture, size: tuple[int, int]) -> Tensor:
        return to_tensor(picture.image.resize(size, Image.Resampling.LANCZOS), self.device)

    def _watch(self) -> None:
        if self.cancelled():
            raise _Interrupted
