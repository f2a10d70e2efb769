"""Estimate what a run will take before it starts: time and memory, on this machine under its recent load.

Almost all of a step's time goes into the network's forward and backward pass: a fixed time per call, and then a time
per pixel. Both are measured by timing steps on two small pictures, for each network, dtype and statistic in use. The
effect of masks and of layers left out is not estimated.
"""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch

from nst import device, memory
from nst.backbones.backbone import Backbone
from nst.backbones.kinds import STUDENT
from nst.backbones.loading import LossNetworks, keys, load_networks, numbers
from nst.images import Source, open_image, size_of
from nst.optimization import memory_use, scales
from nst.optimization.objective import Objective, advance
from nst.optimization.patches import Patch, cut
from nst.optimization.pyramid import LevelAdam, build_pyramid
from nst.optimization.scales import Scale
from nst.regions.masks import open_regions
from nst.settings import Settings
from nst.tensors import to_picture

SIDES = {"cpu": (64, 160), "cuda": (64, 512), "mps": (64, 384)}  # of the pictures that are timed, by device
TIMED = 3  # steps of each, of which the median counts
OLD = 600  # seconds after which they are timed again, if requested: a machine's load changes
COMPARED = (384, 288)  # width and height at which untimed networks are compared with the small one
HISTORY = 20  # steps that L-BFGS remembers, on which its memory use depends
FORWARD = 0.38  # of a step's time: one forward pass, as for targets
EVALUATIONS = {"adam": 1.0, "lbfgs": 2.1}  # of the objective per step; a line search takes two and sometimes more
FLOAT32_COST = 1.8  # a guess: relative time of a pixel in float32, where a faster dtype is available
LARGE, SLOWER = 200_000, 0.1  # pixels above which a CPU's caches help less, and the slowdown with every doubling

Shape = Callable[[int], tuple[int, int]]  # from a scale's side to the width and height processed


@dataclass(frozen=True)
class Speed:
    """The time of a step with one network: seconds per call, and seconds per pixel."""

    call: float
    pixel: float
    cached: bool = True  # whether small pictures gain from a CPU's caches

    def step(self, width: int, height: int, patches: list[Patch] | None = None) -> float:
        """Return the seconds that the objective and its gradient take, on the whole picture at once or in patches."""
        patches = patches or [Patch((0, height, 0, width), (0, height, 0, width))]
        # Each patch takes one more forward pass, for the sums over the whole picture.
        looks = 1 if len(patches) == 1 else 1 + FORWARD
        total = 0.0
        for top, bottom, left, right in (p.outer for p in patches):
            pixels = (bottom - top) * (right - left)
            doublings = math.log2(max(1.0, pixels / LARGE)) if self.cached else 0.0
            total += looks * (self.call + self.pixel * pixels * (1 + SLOWER * doublings))
        return total


@dataclass(frozen=True)
class Speeds:
    """The speeds of a run's two networks."""

    coarse: Speed
    fine: Speed

    def scale(
        self, scale: Scale, finest: bool, shape: Shape, settings: Settings, paintings: int, patch: int | None
    ) -> tuple[float, float]:
        """Return the seconds until a scale's targets are known, and for each of its steps."""
        kind = settings.schedule.fine if finest else settings.schedule.coarse
        width, height = shape(scale.side)
        patches = cut(height, width, patch, kind.margin(settings.content_layer), kind.aligned)
        step = (self.fine if finest else self.coarse).step(width, height, patches)
        return FORWARD * (1 + paintings * settings.stroke**2) * step, EVALUATIONS[settings.optimizer] * step


@dataclass(frozen=True)
class Estimate:
    """What ``optimize`` will take: ``seconds``, None until the machine was timed; ``memory``, the peak in bytes, beyond
    what the program and the network already use; and ``size``, the width and height it is painted at, less than asked
    for if memory does not suffice. ``patch`` is the side of its patches, None if the picture is processed whole."""

    seconds: float | None
    memory: int
    size: tuple[int, int]
    patch: int | None


_timing = threading.Lock()
_timed: dict[tuple[str, str, torch.dtype, str], tuple[Speed, float]] = {}  # and the time of measuring


def estimate(photo: Source, settings: Settings = Settings(), paintings: int = 1) -> Estimate:  # noqa: B008 (frozen)
    """Estimate what painting ``photo`` from ``paintings`` paintings will take; the first call takes about a second to
    time the network. Raises ImageError, and WeightsUnavailable if the network's weights are missing."""
    size = size_of(photo)
    time_steps(load_networks(settings), settings)
    return foreseen(size, settings, paintings)


def foreseen(
    size: tuple[int, int],
    settings: Settings,
    paintings: int = 1,
    *,
    after: int = 0,
    alone: bool = True,
    guess: bool = False,
) -> Estimate:
    """Make the same estimate without timing anything, from the photograph's width and height.

    For a run to be resumed after ``after`` steps, it covers the remaining steps. If not ``alone``, another run uses
    memory that will be free by then, so free memory is not taken as a limit. With ``guess``, a network that was not
    timed is assumed to be slower than the small one by the same factor as on other machines."""

    def shape(side: int) -> tuple[int, int]:
        return working(size, side)

    where, speeds = device.choose(), known(settings) or (extrapolated(settings) if guess else None)
    plan = scales.plan(settings.size, settings.total_steps, settings.scales, settings.finish_steps)
    if after:
        plan, _ = scales.after(plan, after)
    number = numbers(settings, where)[1]
    side, patch = fitting(plan[-1].side, shape, settings, number, memory.free(where) if alone else None)
    if side < plan[-1].side:
        plan = scales.at_most(plan, side)
    seconds = None
    if speeds is not None:
        costs = [speeds.scale(s, s is plan[-1], shape, settings, paintings, patch) for s in plan]
        seconds = sum(targets + step * scale.left for scale, (targets, step) in zip(plan, costs, strict=True))
    width, height = shape(side)
    return Estimate(seconds, needed(width * height, settings, number, patch), (width, height), patch)


def known(settings: Settings) -> Speeds | None:
    """Return this machine's speeds in a run with these settings, or None if they were not timed."""
    found = [_timed.get((name, where.type, number, settings.statistic)) for name, _, where, number in keys(settings)]
    return None if None in found else Speeds(*(speed for speed, _ in found))


def extrapolated(settings: Settings) -> Speeds | None:
    """Return the likely speeds of a run with these settings, in proportion to the small network's, or None if that was
    not timed."""
    able: dict[str, Any] = {"pooling": STUDENT.poolings[0], "content_layer": STUDENT.content_layer}
    small = known(replace(settings, network=STUDENT.name, **able))
    if small is None:
        return None
    # Compare whole steps: on a busy machine, the times per call and per pixel are hard to separate.
    usual = Speed(STUDENT.cost * STUDENT.overhead**2, STUDENT.cost, small.fine.cached)
    unit = small.fine.step(*COMPARED) / usual.step(*COMPARED)
    speeds = relative_speeds(settings)
    parts = (Speed(unit * s.call, unit * s.pixel, small.fine.cached) for s in (speeds.coarse, speeds.fine))
    return Speeds(*parts)


def time_steps(judges: LossNetworks, settings: Settings) -> None:
    """Time the steps of a run with these settings, unless that was done recently. Needs the device to itself for about
    a second."""
    for network, (name, *_) in zip(judges, keys(settings), strict=True):
        kind = network.mean.device.type
        key = name, kind, network.number, settings.statistic
        with _timing:
            if key in _timed and time.monotonic() - _timed[key][1] < OLD:
                continue
            small, large = (_step(network, settings.statistic, side) for side in SIDES[kind])
            fewer, more = (side**2 for side in SIDES[kind])
            pixel = max((large - small) / (more - fewer), 0.1 * large / more)  # whatever else ran meanwhile
            _timed[key] = Speed(max(0.0, small - pixel * fewer), pixel, kind == "cpu"), time.monotonic()


def relative_speeds(settings: Settings) -> Speeds:
    """Return speeds that are meaningful only in proportion to one another."""
    (*_, coarse), (*_, fine) = keys(settings)
    schedule, found = settings.schedule, []
    for kind, slower in ((schedule.coarse, 1.0 if coarse is fine else FLOAT32_COST), (schedule.fine, 1.0)):
        found.append(Speed(slower * kind.cost * kind.overhead**2, slower * kind.cost, False))
    return Speeds(*found)


def _step(network: Backbone, statistic: str, side: int) -> float:
    """Return the seconds that a step on a square picture takes."""
    photo = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    image, photo = to_picture(photo), photo.to(network.mean.device)
    objective = Objective(
        network, photo, open_regions(image, open_image(image)), Settings(statistic=statistic), lambda: None
    )
    levels = [level.requires_grad_() for level in build_pyramid(photo)]
    rule, seconds = LevelAdam(levels, 0.01), []
    for _ in range(TIMED):
        began = time.perf_counter()
        advance(rule, levels, objective)
        levels[0].detach().sum().item()  # waits for a GPU
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def working(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Return the width and height at which a photograph of this width and height is processed if the long side is
    ``side``."""
    width, height = (max(scales.SMALLEST, round(length * side / max(size))) for length in size)
    return width, height


def needed(pixels: int, settings: Settings, number: torch.dtype, patch: int | None) -> int:
    """Return the bytes that a run takes at its peak (see ``memory_use.needed``)."""
    history = HISTORY if settings.optimizer == "lbfgs" else 0
    margin = settings.schedule.fine.margin(settings.content_layer)
    return memory_use.needed(pixels, number, history, settings.stroke, patch, margin)


def fitting(
    side: int, shape: Shape, settings: Settings, number: torch.dtype, free: int | None
) -> tuple[int, int | None]:
    """Return the largest side, at most ``side``, that fits into ``free`` bytes of memory, and the side of its
    patches."""
    while free is not None:
        width, height = shape(side)
        margin = settings.schedule.fine.margin(settings.content_layer)
        for patch in (None, *memory_use.sides(width * height, margin)):
            if needed(width * height, settings, number, patch) <= free * memory_use.SHARE:
                return side, patch
        if side * memory_use.SMALLER < scales.SMALLEST:
            break
        side = int(side * memory_use.SMALLER)
    return side, None
