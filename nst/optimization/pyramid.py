"""A picture as its Laplacian pyramid (Burt & Adelson 1983), and Adam (Kingma & Ba 2014) made for it.

Adam moves every variable by about the same amount. On pixels that stirs up noise; on a pyramid it
moves broad areas as readily as fine ones, and the same style is reached sooner and with less noise.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

LEVELS = 4  # above the coarse rest


def take_apart(picture: Tensor) -> list[Tensor]:
    """The Laplacian pyramid of ``[N, C, H, W]``: differences from fine to coarse, then the rest."""
    levels = []
    for _ in range(LEVELS):
        if min(picture.shape[-2:]) < 8:
            break
        coarse = F.avg_pool2d(picture, 2, ceil_mode=True, count_include_pad=False)
        levels.append((picture - _enlarge(coarse, picture)).contiguous())
        picture = coarse
    return [*levels, picture.contiguous()]


def put_together(levels: list[Tensor]) -> Tensor:
    """The picture, ``[N, C, H, W]``, that ``take_apart`` made these levels of."""
    return functools.reduce(lambda coarse, level: _enlarge(coarse, level) + level, reversed(levels))


def _enlarge(coarse: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(coarse, size=like.shape[-2:], mode="bilinear", align_corners=False)


class LevelAdam(torch.optim.Optimizer):
    """Adam that starts gently and does not take a tiny gradient for a large one.

    Plain Adam's first steps are ``±rate`` for every variable, whatever its gradient, so that a last
    bit of rounding decides where strokes appear. Here the rate is warmed up, and epsilon is relative,
    a share of the level's own root mean square, so that the scale of the objective does not matter.
    """

    BETAS = (0.75, 0.95)
    EPSILON = 0.1
    WARM_UP = 3  # steps until the full rate

    def __init__(self, levels: list[Tensor], lr: float) -> None:
        super().__init__(levels, {"lr": lr})
        self.taken = 0

    def step(self, closure: Callable[[], Tensor]) -> Tensor:
        """One step along the gradient that ``closure`` leaves in the levels; returns its objective."""
        objective = closure()
        self.taken += 1
        first, second = self.BETAS
        with torch.no_grad():
            for group in self.param_groups:
                rate = group["lr"] * min(1.0, self.taken / self.WARM_UP) * (1 + self.EPSILON)
                for level in group["params"]:
                    state = self.state[level]
                    if not state:
                        state["mean"], state["square"] = torch.zeros_like(level), torch.zeros_like(level)
                    mean, square = state["mean"], state["square"]
                    mean.lerp_(level.grad, 1 - first)
                    square.lerp_(level.grad.square(), 1 - second)
                    size = (square / (1 - second**self.taken)).sqrt_()
                    # The smallest normal number only guards a level without any gradient.
                    floor = self.EPSILON * size.square().mean().sqrt() + torch.finfo(size.dtype).tiny
                    level.addcdiv_(mean, size + floor, value=-rate / (1 - first**self.taken))
        return objective
