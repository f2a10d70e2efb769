"""What a painting will take before it is begun: seconds and memory, on this machine, as busy as it was lately.

Almost all of a step goes into the network, forward and back, whose time is a little for every call and then grows with
the pixels. Both are found by timing steps of two small pictures, for each network, number format and statistic in use.
What masks and layers left out change is not foreseen.
"""

from __future__ import annotations

import math
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from nst import device, memory
from nst.backbones.backbone import Backbone
from nst.backbones.kinds import STUDENT
from nst.backbones.loading import Judges, keys, load_judges, numbers
from nst.images import Source, open_image, size_of
from nst.optimization import memory_use, scales
from nst.optimization.objective import Objective, advance
from nst.optimization.patches import Patch, cut
from nst.optimization.pyramid import LevelAdam, take_apart
from nst.optimization.scales import Scale
from nst.regions.masks import open_regions
from nst.settings import Settings
from nst.tensors import to_picture

SIDES = {"cpu": (64, 160), "cuda": (64, 512), "mps": (64, 384)}  # of the pictures that are timed
TIMED = 3  # steps of each, of which the middle one counts
OLD = 600  # seconds after which they are timed again, if asked for: a machine is not always as busy
COMPARED = (384, 288)  # width and height at which networks that were not timed are guessed
HISTORY = 20  # steps that L-BFGS remembers, which its memory hangs on
FORWARD = 0.38  # of a step's time: one picture looked at, for its targets
EVALUATIONS = {"adam": 1.0, "lbfgs": 2.1}  # of the objective in a step; a line search takes two and sometimes more
FLOAT32_COST = 1.8  # a guess: of a pixel in float32, where there is a faster format
LARGE, SLOWER = 200_000, 0.1  # pixels from which a CPU's caches help less, and by how much with every doubling

Shape = Callable[[int], tuple[int, int]]  # width and height worked at, for a scale's side


@dataclass(frozen=True)
class Speed:
    """Of a step with one network: seconds for every call, and for every pixel."""

    call: float
    pixel: float
    cached: bool = True  # whether small pictures gain from a CPU's caches

    def step(self, width: int, height: int, patches: list[Patch] | None = None) -> float:
        """Seconds that the objective and its gradient take, seen at once or in patches."""
        patches = patches or [Patch((0, height, 0, width), (0, height, 0, width))]
        # In patches each is looked at once more, for the whole's sums.
        looks = 1 if len(patches) == 1 else 1 + FORWARD
        total = 0.0
        for top, bottom, left, right in (p.outer for p in patches):
            pixels = (bottom - top) * (right - left)
            doublings = math.log2(max(1.0, pixels / LARGE)) if self.cached else 0.0
            total += looks * (self.call + self.pixel * pixels * (1 + SLOWER * doublings))
        return total


@dataclass(frozen=True)
class Speeds:
    """Of both networks of a run."""

    coarse: Speed
    fine: Speed

    def scale(
        self, scale: Scale, finest: bool, shape: Shape, settings: Settings, paintings: int, patch: int | None
    ) -> tuple[float, float]:
        """Seconds until a scale's targets are known, and for each of its steps."""
        kind = settings.schedule.fine if finest else settings.schedule.coarse
        width, height = shape(scale.side)
        patches = cut(height, width, patch, kind.margin(settings.content_layer), kind.aligned)
        step = (self.fine if finest else self.coarse).step(width, height, patches)
        return FORWARD * (1 + paintings * settings.stroke**2) * step, EVALUATIONS[settings.optimizer] * step


@dataclass(frozen=True)
class Estimate:
    """What ``optimize`` will take: ``seconds``, once the machine was timed; ``memory`` in bytes at its peak, beside
    what the program and the network have already; and ``size``, width and height that it is painted at, less than
    asked for where memory does not suffice. ``patch`` is the side of its patches, None where it is seen at once."""

    seconds: float | None
    memory: int
    size: tuple[int, int]
    patch: int | None


_timing = threading.Lock()
_timed: dict[tuple[str, str, torch.dtype, str], tuple[Speed, float]] = {}  # and when


def estimate(photo: Source, settings: Settings = Settings(), paintings: int = 1) -> Estimate:  # noqa: B008 (frozen)
    """What painting ``photo`` from so many paintings will take; the first call takes a second itself, to time the
    network. Raises ImageError, and WeightsUnavailable where the network cannot be had."""
    size = size_of(photo)
    time_steps(load_judges(settings), settings)
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
    """The same at once, from the photograph's width and height; of a run to be taken up after so many steps, what is
    left. Where it is not ``alone`` another run has memory now that will be free then, and all of it is counted on.
    With ``guess`` a network that was not timed is taken to be as much slower than the small one as elsewhere."""

    def shape(side: int) -> tuple[int, int]:
        return working(size, side)

    where, speeds = device.choose(), known(settings) or (likely(settings) if guess else None)
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
    """How fast this machine is in a run with these settings, if that was timed."""
    found = [_timed.get((name, where.type, number, settings.statistic)) for name, _, where, number in keys(settings)]
    return None if None in found else Speeds(*(speed for speed, _ in found))


def likely(settings: Settings) -> Speeds | None:
    """How fast a run with these settings may be, in proportion to the small network, if that was timed."""
    able = {"pooling": STUDENT.poolings[0], "content_layer": STUDENT.content_layer}
    small = known(replace(settings, network=STUDENT.name, **able))
    if small is None:
        return None
    # By whole steps: what a call takes and what a pixel takes are told apart badly on a busy machine.
    usual = Speed(STUDENT.cost * STUDENT.overhead**2, STUDENT.cost, small.fine.cached)
    unit = small.fine.step(*COMPARED) / usual.step(*COMPARED)
    speeds = guessed(settings)
    parts = (Speed(unit * s.call, unit * s.pixel, small.fine.cached) for s in (speeds.coarse, speeds.fine))
    return Speeds(*parts)


def time_steps(judges: Judges, settings: Settings) -> None:
    """Time the steps of a run with these settings, if that was not done lately. For a second or so it needs the device
    for itself."""
    for network, (name, *_) in zip(judges, keys(settings), strict=True):
        kind = network.mean.device.type
        key = name, kind, network.number, settings.statistic
        with _timing:
            if key in _timed and time.monotonic() - _timed[key][1] < OLD:
                continue
            small, large = (_step(network, settings.statistic, side) for side in SIDES[kind])
            fewer, more = (side**2 for side in SIDES[kind])
            pixel = max((large - small) / (more - fewer), 0.1 * large / more)  # whatever else the machine did meanwhile
            _timed[key] = Speed(max(0.0, small - pixel * fewer), pixel, kind == "cpu"), time.monotonic()


def guessed(settings: Settings) -> Speeds:
    """Speeds in proportion to one another only."""
    (*_, coarse), (*_, fine) = keys(settings)
    schedule, found = settings.schedule, []
    for kind, slower in ((schedule.coarse, 1.0 if coarse is fine else FLOAT32_COST), (schedule.fine, 1.0)):
        found.append(Speed(slower * kind.cost * kind.overhead**2, slower * kind.cost, False))
    return Speeds(*found)


def _step(network: Backbone, statistic: str, side: int) -> float:
    """Seconds that a step of a square picture takes."""
    photo = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    image, photo = to_picture(photo), photo.to(network.mean.device)
    objective = Objective(
        network, photo, open_regions(image, open_image(image)), Settings(statistic=statistic), lambda: None
    )
    levels = [level.requires_grad_() for level in take_apart(photo)]
    rule, seconds = LevelAdam(levels, 0.01), []
    for _ in range(TIMED):
        began = time.perf_counter()
        advance(rule, levels, objective)
        levels[0].detach().sum().item()  # a GPU is waited for
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def working(size: tuple[int, int], side: int) -> tuple[int, int]:
    """Width and height worked at where the long side is ``side``, for a photograph of this width and height."""
    width, height = (max(scales.SMALLEST, round(length * side / max(size))) for length in size)
    return width, height


def needed(pixels: int, settings: Settings, number: torch.dtype, patch: int | None) -> int:
    """Bytes that a run takes at its peak, as ``memory_use.needed`` has them."""
    history = HISTORY if settings.optimizer == "lbfgs" else 0
    margin = settings.schedule.fine.margin(settings.content_layer)
    return memory_use.needed(pixels, number, history, settings.stroke, patch, margin)


def fitting(
    side: int, shape: Shape, settings: Settings, number: torch.dtype, free: int | None
) -> tuple[int, int | None]:
    """The largest side, at most ``side``, for which so many bytes of memory suffice, and the side of its patches."""
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
