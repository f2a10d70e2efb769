"""The image as the variable: Gatys, Ecker & Bethge (2016), from coarse to fine.

A picture is changed step by step until VGG-19 sees the photograph's content in it and the
painting's style. It starts small, where a step is cheap and a stroke is large against the picture,
and doubles twice on its way to full size, each time taking up some detail of what it began with.

The variable is not the pixels but the picture's Laplacian pyramid (see ``pyramid.py``). Where the
strokes go is settled at the coarse scales, so these are computed in float32; the full size, which
takes most of the time, in the device's fastest number format.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from nst import device, losses, memory, weights
from nst.color import keep_colors, luminance, match_colors
from nst.errors import SettingsError
from nst.images import Picture, Source, fit, open_image, with_alpha
from nst.networks import STYLE_LAYERS, VGG19
from nst.pyramid import LevelAdam, put_together, take_apart
from nst.settings import Settings

SMALLEST = 32  # a working side, in pixels; VGG-19 halves it four times
COARSEST = 64  # no scale has a shorter long side than this
SCALES = ((0.25, 0.25), (0.5, 0.35), (1.0, 0.4))  # share of the size, share of the steps
RATE = 0.012  # Adam's step in brightness (0..1), at the start of a scale
FINEST_RATE = 0.5  # of it at the last scale: longer steps would let bfloat16's rounding grow into other strokes
LAST = 0.3  # of the rate, at a scale's last step
DETAIL = 0.7  # of the finer detail of the picture that a run began with, which each finer scale takes up
STYLE, SMOOTH = 3.7, 0.15  # against content, at weights of 1
FLAT = 1e-4  # total variation below which a photograph counts as empty
HISTORY = 20  # of L-BFGS
RETRIES = 8
SMALLER = 0.75  # of a side for which the memory did not suffice: a little more than half of its pixels
OVERHEAD = 80  # side of a picture whose step takes as long as what every step takes besides, for ``remaining``
COARSE_COST = 2.0  # of a pixel in float32 against one in bfloat16, likewise

Cancelled = Callable[[], bool]


@dataclass(frozen=True, eq=False)
class Step:
    """Where a run stands. ``losses`` are the terms before their weights, and their weighted total."""

    step: int
    steps: int
    losses: dict[str, float]
    seconds: float  # since the run began
    remaining: float  # seconds, estimated
    scale: tuple[int, int]  # width and height worked at now
    notes: tuple[str, ...]  # sentences: what was done to the pictures, what went wrong on the way
    canvas: Tensor = field(repr=False)  # [1, 3, H, W] in 0..1
    size: tuple[int, int]  # of the result
    alpha: Image.Image | None = field(repr=False)
    colors: Image.Image | None = field(repr=False, default=None)  # at the result's size; the canvas has their luma only

    @property
    def image(self) -> Image.Image:
        """The picture now, at the result's full size, with the photograph's transparency."""
        pixels = self.canvas[0].permute(1, 2, 0).clamp(0, 1).mul(255).round().byte().cpu().numpy()
        picture = Image.fromarray(pixels).resize(self.size, Image.BICUBIC)
        return with_alpha(picture if self.colors is None else keep_colors(picture, self.colors), self.alpha)


class _Interrupted(Exception):
    """Raised between two layers when the run was cancelled."""


_loading = threading.Lock()


class Judges(NamedTuple):
    """VGG-19 twice: in float32 for the coarse scales, in the fastest number format for the last one."""

    coarse: VGG19
    fine: VGG19


def load_network(settings: Settings, progress: Callable[[int, int], None] | None = None) -> Judges:
    """The networks that judge, on the best device; their weights are fetched at first use.

    ``progress(bytes done, bytes in all)`` follows a download. Raises WeightsUnavailable. Networks
    are read-only and shared by every run that uses the same pooling and number format.
    """
    where = device.choose()
    # A line search compares losses that differ by less than bfloat16 can tell.
    fine = torch.float32 if settings.optimizer == "lbfgs" else device.number_format(where)
    with _loading:
        missing = {n for n in (torch.float32, fine) if (settings.pooling, where, n) not in _networks}
        tensors = weights.vgg19(progress) if missing else {}
        for number in missing:
            network = VGG19(tensors, settings.pooling).to(where, memory_format=torch.channels_last)
            network.convolutions.to(number)
            _networks[settings.pooling, where, number] = network
        return Judges(*(_networks[settings.pooling, where, number] for number in (torch.float32, fine)))


_networks: dict[tuple[str, torch.device, torch.dtype], VGG19] = {}


def optimize(
    photo: Source,
    painting: Source,
    settings: Settings = Settings(),  # noqa: B008 (frozen)
    *,
    init: Source | None = None,
    unfinished: Source | None = None,
    after: int = 0,
    cancelled: Cancelled | None = None,
) -> Iterator[Step]:
    """Paint ``photo`` in the style of ``painting``, yielding a ``Step`` after every step.

    The objective is ``content_weight * content + style_weight * style + smoothness * variation``,
    each term relative to its target (see ``losses``). ``init`` is the picture to begin with,
    instead of the photograph or noise. ``unfinished`` is what a run that was interrupted had painted
    when ``after`` steps were taken: this one goes on from there. The last step yielded holds the best
    picture, of the steps of this run. Closing the generator stops it; ``cancelled`` is asked between
    layers, and when it says True the run ends within a fraction of a second, after yielding its best
    picture once more.

    Raises ImageError, SettingsError, and WeightsUnavailable where VGG-19 cannot be had.
    """
    content, style = open_image(photo), open_image(painting)
    first = None if init is None else open_image(init)
    if (unfinished is None) != (after == 0) or not 0 <= after < settings.steps:
        raise SettingsError(
            f"To go on with an unfinished picture takes both it and the number of steps it is after, from 1 on, less "
            f"than {settings.steps}, not {after!r}."
        )
    started = None if unfinished is None else (open_image(unfinished), after)
    run = _Run(content, style, first, started, load_network(settings), settings, cancelled or (lambda: False))
    return run.steps()


def plan(size: int, steps: int, scales: int = len(SCALES)) -> list[tuple[int, int]]:
    """Long side and number of steps of each of the last ``scales``, coarse to fine; the steps add up to ``steps``."""
    scales = [(round(size * part), share) for part, share in SCALES[-scales:] if size * part >= min(COARSEST, size)]
    whole = sum(share for _, share in scales)
    counts = [int(steps * share / whole) for _, share in scales]
    counts[-1] += steps - sum(counts)
    return [(side, count) for (side, _), count in zip(scales, counts, strict=True) if count]


class _Run:
    """One painting in the making: nothing of it is shared with another run."""

    def __init__(
        self,
        photo: Picture,
        painting: Picture,
        init: Picture | None,
        started: tuple[Picture, int] | None,
        judges: Judges,
        settings: Settings,
        cancelled: Cancelled,
    ) -> None:
        self.colors = None
        if settings.color == "match":
            painting = replace(painting, image=match_colors(painting.image, photo.image))
        elif settings.color == "luminance":
            self.colors = fit(photo.image, settings.size)
            painting = replace(painting, image=luminance(painting.image, photo.image))
            photo = replace(photo, image=luminance(photo.image))
            init = init and replace(init, image=luminance(init.image))
            started = started and (replace(started[0], image=luminance(started[0].image)), started[1])
        self.photo, self.painting, self.init = photo, painting, init
        self.started, self.behind = started or (None, 0)
        self.judges, self.settings, self.cancelled = judges, settings, cancelled
        self.device = judges.fine.mean.device
        self.size = fit(photo.image, settings.size).size
        self.notes = photo.notes + painting.notes + (init.notes if init else ())
        self.plan = plan(settings.size, settings.steps, settings.scales)
        self._fit_memory()
        shares = {layer: getattr(settings, f"style_{layer[4]}") for layer in STYLE_LAYERS}
        self.shares = {layer: share / sum(shares.values()) for layer, share in shares.items() if share}
        self.rate = RATE
        self.best: tuple[Tensor, dict[str, float]] | None = None

    def steps(self) -> Iterator[Step]:
        began = time.perf_counter()
        total = sum(self._cost(side) * count for side, count in self.plan)
        done, number, last = 0.0, 0, None
        start, place = None, 0
        try:
            while place < len(self.plan):
                side, count = self.plan[place]
                behind = min(count, max(0, self.behind - number))
                number, total = number + behind, total - behind * self._cost(side)
                if behind == count:
                    start, place = self._resized(self.started, self._shape(side)), place + 1
                    continue
                before = number
                try:
                    for canvas, terms in self._scale(side, count, behind, start):
                        number, done = number + 1, done + self._cost(side)
                        seconds = time.perf_counter() - began
                        last = self._step(number, seconds, seconds * (total - done) / done, canvas, terms)
                        yield last
                except (MemoryError, RuntimeError) as error:
                    if not memory.exhausted(error):
                        raise
                    taken, smaller = behind + number - before, int(side * SMALLER)
                    if self.best is None and smaller < SMALLEST:
                        raise SettingsError(
                            f"There is not enough memory even for a picture of {side} pixels; close other programs."
                        ) from error
                    late = place == len(self.plan) - 1 and taken >= count / 2
                    if self.best is not None and (smaller < SMALLEST or late):
                        kept = f"The memory did not suffice for {side} pixels, so the best picture until then is kept."
                        self.notes += (kept,)
                        break
                    self.notes += (
                        f"The memory did not suffice for {side} pixels: painted at {smaller} and then enlarged.",
                    )
                    if number > before:
                        start = self.best[0]
                    elif behind:
                        start = self._resized(self.started, self._shape(side))
                    # All larger scales would not fit either: their steps are taken at this one.
                    left = sum(steps for _, steps in self.plan[place:]) - taken
                    self.plan = [*self.plan[:place], (smaller, left)]
                    total = done + self._cost(smaller) * left
                    self.behind = 0
                    continue
                start, place = self.best[0], place + 1
        except _Interrupted:
            if last is None:
                return
        if self.best[0] is not last.canvas or self.notes != last.notes:
            yield self._step(number, time.perf_counter() - began, 0.0, *self.best)

    def _fit_memory(self) -> None:
        """Leave out of the plan what would not fit into memory: a system may kill a program that takes too much."""
        free = memory.free(self.device)
        number = self.judges.fine.convolutions["relu1_1"].weight.dtype
        history = HISTORY if self.settings.optimizer == "lbfgs" else 0
        asked = side = self.plan[-1][0]
        while free is not None and side * SMALLER >= SMALLEST:
            width, height = self._shape(side)
            if memory.needed(width * height, number, history, self.settings.stroke) <= free * memory.SHARE:
                break
            side = int(side * SMALLER)
        if side == asked:
            return
        kept = [(scale, steps) for scale, steps in self.plan if scale < side]
        self.plan = [*kept, (side, self.settings.steps - sum(steps for _, steps in kept))]
        self.notes += (
            f"{free / 1e9:.1f} GB of memory are free, too little for {asked} pixels: "
            f"painted at {side} and then enlarged.",
        )

    def _cost(self, side: int) -> float:
        """What a step at this scale costs, in pixels of the finest; even a small one has some work to do."""
        slower = self.judges.coarse is not self.judges.fine and side < self.plan[-1][0]
        return (side**2 + OVERHEAD**2) * (COARSE_COST if slower else 1)

    def _step(self, number: int, seconds: float, remaining: float, canvas: Tensor, terms: dict[str, float]) -> Step:
        return Step(
            step=number,
            steps=self.settings.steps,
            losses=terms,
            seconds=seconds,
            remaining=remaining,
            scale=(canvas.shape[3], canvas.shape[2]),
            notes=self.notes,
            canvas=canvas,
            size=self.size,
            alpha=self.photo.alpha,
            colors=self.colors,
        )

    def _scale(
        self, side: int, count: int, behind: int, start: Tensor | None
    ) -> Iterator[tuple[Tensor, dict[str, float]]]:
        """Paint at one scale, where ``behind`` of ``count`` steps are taken already; yields the picture and its
        losses at each step, leaves the best in ``self.best``."""
        finest = side == self.plan[-1][0]
        self.network = self.judges.fine if finest else self.judges.coarse
        photo, targets = self._targets(side)
        if behind:
            canvas = self._resized(self.started, self._shape(side))
        else:
            canvas = self._first(photo) if start is None else self._finer(start, photo)
        variables = [level.requires_grad_() for level in take_apart(canvas.clamp(0, 1))]
        rule = self._rule(variables)
        taken, failures, best = behind, 0, math.inf
        while taken < count:
            for group in rule.param_groups:
                group["lr"] = self._rate(taken / count, finest)
            before = [v.detach().clone() for v in variables]
            canvas, terms = self._advance(rule, variables, targets)
            if math.isfinite(terms["total"]) and all(bool(v.isfinite().all()) for v in variables):
                taken += 1
                if terms["total"] < best:
                    best, self.best = terms["total"], (canvas, terms)
                yield canvas, terms
                continue
            failures += 1
            if failures > RETRIES:
                break
            self.notes += (f"A loss went out of range at {side} pixels: stepped back and halved the rate.",)
            self.rate /= 2
            with torch.no_grad():
                for variable, value in zip(variables, before, strict=True):
                    variable.copy_(value)
            rule = self._rule(variables)
        if taken == count:
            # The last step's own result has not been looked at yet.
            with torch.no_grad():
                canvas = put_together(variables)
                terms = self._objective(canvas, targets)[1]
            if terms["total"] < best:
                self.best = canvas, terms
        if failures > RETRIES:
            if self.best is None:
                raise SettingsError("The losses are out of range from the first step; the weights file may be damaged.")
            self.notes += ("The losses stayed out of range, so the best picture until then is kept.",)

    def _advance(
        self, rule: torch.optim.Optimizer, variables: list[Tensor], targets: dict[str, Any]
    ) -> tuple[Tensor, dict[str, float]]:
        """Take one step; returns the picture it started from, and its losses."""
        seen: list[tuple[Tensor, dict[str, float]]] = []

        def closure() -> Tensor:
            rule.zero_grad()
            picture = put_together(variables)
            objective, terms = self._objective(picture, targets)
            objective.backward()
            seen.append((picture.detach(), terms))
            return objective

        rule.step(closure)
        return seen[0]

    def _rule(self, variables: list[Tensor]) -> torch.optim.Optimizer:
        if self.settings.optimizer == "lbfgs":
            return torch.optim.LBFGS(variables, max_iter=1, history_size=HISTORY, line_search_fn="strong_wolfe")
        return LevelAdam(variables, self.rate)

    def _rate(self, progress: float, finest: bool) -> float:
        """Along a cosine, so that each scale ends calm; L-BFGS finds its own length."""
        if self.settings.optimizer == "lbfgs":
            return self.rate / RATE
        top = self.rate * (FINEST_RATE if finest else 1)
        return top * (LAST + (1 - LAST) * (1 + math.cos(math.pi * progress)) / 2)

    def _tensor(self, image: Image.Image) -> Tensor:
        pixels = torch.from_numpy(np.array(image)).to(self.device)
        return pixels.permute(2, 0, 1)[None].float() / 255

    def _shape(self, side: int) -> tuple[int, int]:
        """Width and height worked at where the long side is ``side``."""
        width, height = (max(SMALLEST, s) for s in fit(self.photo.image, side).size)
        return width, height

    def _targets(self, side: int) -> tuple[Tensor, dict[str, Any]]:
        """The photograph at this scale, and what the objective compares with."""
        width, height = self._shape(side)
        photo = self._resized(self.photo, (width, height))
        # The painting gets the photograph's area: then a stroke of it is as large as one on the photograph.
        art, stroke = self.painting.image, self.settings.stroke
        scale = stroke * math.sqrt(width * height / (art.width * art.height))
        longest = max(
            SMALLEST, int(width * height * stroke**2) // SMALLEST
        )  # or a painting of one line would be a very long one
        shape = [min(longest, max(SMALLEST, round(s * scale))) for s in art.size]
        with torch.no_grad():
            layer = self.settings.content_layer
            content = self.network(photo, [layer], self._watch)[layer]
            style = {}
            if self.shares:
                found = self.network(self._tensor(art.resize(shape, Image.LANCZOS)), self.shares, self._watch)
                style = {layer: self._style_target(features) for layer, features in found.items()}
            variation = losses.total_variation(photo) + FLAT
        return photo, {"content": content, "style": style, "variation": variation}

    def _style_target(self, features: Tensor) -> tuple[Tensor, ...]:
        """What the style's distance at a layer is measured from: of the painting's activations there."""
        if self.settings.statistic == "gram":
            return (losses.gram_matrix(features),)
        mean, covariance = losses.mean_and_covariance(features)
        return mean, losses.matrix_root(covariance)

    def _style_distance(self, features: Tensor, target: tuple[Tensor, ...]) -> Tensor:
        if self.settings.statistic == "gram":
            return losses.style_distance(losses.gram_matrix(features), *target)
        return losses.wasserstein_distance(*losses.mean_and_covariance(features), *target)

    def _first(self, photo: Tensor) -> Tensor:
        if self.init is not None:
            return self._resized(self.init, (photo.shape[3], photo.shape[2]))
        if self.settings.start == "noise":
            generator = torch.Generator().manual_seed(self.settings.seed)
            return torch.rand(photo.shape, generator=generator).to(self.device)
        return photo

    def _resized(self, picture: Picture, size: tuple[int, int]) -> Tensor:
        return self._tensor(picture.image.resize(size, Image.LANCZOS))

    def _finer(self, start: Tensor, photo: Tensor) -> Tensor:
        """A coarser scale's picture at this one, with some detail, which it could not have, of the picture that the
        run began with; noise has none worth keeping."""
        if start.shape[-1] >= photo.shape[-1]:  # memory did not suffice for as much
            return F.interpolate(start, photo.shape[-2:], mode="bilinear", antialias=True)
        if self.init is None and self.settings.start == "noise":
            return F.interpolate(start, photo.shape[-2:], mode="bicubic")
        first = self._first(photo)
        coarse = F.interpolate(first, start.shape[-2:], mode="bilinear", antialias=True)
        large, own = F.interpolate(torch.cat([start, coarse]), photo.shape[-2:], mode="bicubic").chunk(2)
        return large + DETAIL * (first - own)

    def _objective(self, picture: Tensor, targets: dict[str, Any]) -> tuple[Tensor, dict[str, float]]:
        layer = self.settings.content_layer
        found = self.network(picture, (*self.shares, layer), self._watch)
        content = losses.content_distance(found[layer], targets["content"])
        distances = [share * self._style_distance(found[k], targets["style"][k]) for k, share in self.shares.items()]
        style = sum(distances, start=torch.zeros((), device=content.device))
        smooth = losses.total_variation(picture) / targets["variation"]
        s = self.settings
        total = s.content_weight * content + STYLE * s.style_weight * style + SMOOTH * s.smoothness * smooth
        values = torch.stack([content, style, smooth, total]).detach().tolist()
        return total, dict(zip(("content", "style", "smooth", "total"), values, strict=True))

    def _watch(self) -> None:
        if self.cancelled():
            raise _Interrupted
