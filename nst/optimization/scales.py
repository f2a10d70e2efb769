"""The scales at which a picture is painted, from coarse to fine, and the number of steps at each."""

from __future__ import annotations

from dataclasses import dataclass

from nst.settings import USUAL, step_share

SMALLEST = 32  # shortest side of a processed picture, in pixels; VGG-19 halves it four times
COARSEST = 64  # shortest long side of a scale, unless the full size is smaller
SHARES = ((0.25, 0.25), (0.5, 0.35), (1.0, 0.4))  # shares of the size, and of the steps
BEFORE = 0.25  # share of the steps, as above, of each scale that a larger picture has before these


@dataclass(frozen=True)
class Scale:
    """The long side of a scale in pixels, its number of steps, and how many of them an interrupted run has taken."""

    side: int
    steps: int
    taken: int = 0

    @property
    def left(self) -> int:
        """Steps yet to be taken."""
        return self.steps - self.taken


def plan(size: int, steps: int, scales: int = len(SHARES), finish: int = 0) -> list[Scale]:
    """Plan the scales of a run; their steps add up to ``steps``, and the last has the full ``size``.

    The last ``scales`` of ``SHARES`` are used. If there are several, a picture larger than usual has one more for each
    doubling: if it began larger, plain areas of the photograph would stay bare in the painting. Scales above the usual
    size have fewer steps the larger they are. The last ``finish`` of the steps are one more scale of full size."""
    shares: tuple[tuple[float, float], ...] = SHARES[-scales:]
    coarse = USUAL * shares[0][0]  # the coarsest side at the usual size
    while scales > 1 and size * shares[0][0] > coarse:
        shares = ((shares[0][0] / 2, BEFORE), *shares)
    chosen = [(size * part, share) for part, share in shares if size * part >= min(COARSEST, size)]
    sides = [side for side, _ in chosen]
    parts = [share * step_share(side) for side, share in chosen]
    counts = [int((steps - finish) * part / sum(parts)) for part in parts]
    if finish < steps:
        counts[-1] = max(1, counts[-1])
    # Steps left over by rounding go to a scale where they are cheap.
    usual = max((place for place, side in enumerate(sides) if side <= USUAL), default=0)
    counts[usual] += steps - finish - sum(counts)
    planned = [Scale(round(side), count) for side, count in zip(sides, counts, strict=True)]
    return [scale for scale in (*planned, Scale(size, finish)) if scale.steps]


def after(planned: list[Scale], taken: int) -> tuple[list[Scale], int]:
    """Return what is left of a plan after ``taken`` steps, fewer than all, and the side of the picture by then."""
    for place, scale in enumerate(planned):
        if taken < scale.steps:
            side = scale.side if taken or not place else planned[place - 1].side
            return [Scale(scale.side, scale.steps, taken), *planned[place + 1 :]], side
        taken -= scale.steps
    raise ValueError("no step is left")


def at_most(planned: list[Scale], side: int) -> list[Scale]:
    """Return a plan with the same steps and no scale larger than ``side``: the steps of all larger scales are taken at
    that side, and a finish stays a scale of its own."""
    *coarser, last = planned
    kept = [scale for scale in coarser if scale.side < side]
    larger = coarser[len(kept) :]
    if larger and larger[-1].side == last.side:
        return [*kept, Scale(side, sum(scale.left for scale in larger)), Scale(side, last.left)]
    return [*kept, Scale(side, sum(scale.left for scale in (*larger, last)))]
