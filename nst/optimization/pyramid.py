"""A picture as its Laplacian pyramid (Burt & Adelson 1983), and a variant of Adam (Kingma & Ba 2014) for it.

Adam moves every variable by about the same amount. On pixels this amplifies noise; on a pyramid it changes broad areas
as readily as fine ones, and the same style is reached sooner and with less noise.
"""

from __future__ import annotations

import functools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

LEVELS = 4  # above the low-pass residual


def build_pyramid(picture: Tensor) -> list[Tensor]:
    """Decompose ``[N, C, H, W]`` into its Laplacian pyramid: differences from fine to coarse, then the low-pass
    residual."""
    levels = []
    for _ in range(LEVELS):
        if min(picture.shape[-2:]) < 8:
            break
        coarse = F.avg_pool2d(picture, 2, ceil_mode=True, count_include_pad=False)
        levels.append((picture - _enlarge(coarse, picture)).contiguous())
        picture = coarse
    return [*levels, picture.contiguous()]


def reconstruct(levels: list[Tensor]) -> Tensor:
    """Reconstruct the picture ``[N, C, H, W]`` from the levels that ``build_pyramid`` returned."""
    return functools.reduce(lambda coarse, level: _enlarge(coarse, level) + level, reversed(levels))


def _enlarge(coarse: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(coarse, size=like.shape[-2:], mode="bilinear", align_corners=False)


class LevelAdam(torch.optim.Optimizer):
    """Adam with a warm-up and an epsilon relative to each level's gradient.

    Plain Adam's first steps are ``±rate`` for every variable, whatever its gradient, so that the last bit of rounding
    decides where strokes appear. Here the rate is warmed up, and epsilon is relative, a share of the level's own root
    mean square, so that tiny gradients stay small and the scale of the objective does not matter."""

    BETAS = (0.75, 0.95)
    EPSILON = 0.1
    WARM_UP = 3  # steps until the full rate

    def __init__(self, levels: list[Tensor], lr: float) -> None:
        super().__init__(levels, {"lr": lr})
        self.taken = 0

    def step(self, closure: Callable[[], Tensor]) -> Tensor:
        """Take one step along the gradient that ``closure`` leaves in the levels; returns the objective."""
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
                    # The smallest normal number only matters for a level whose gradient is zero.
                    floor = self.EPSILON * size.square().mean().sqrt() + torch.finfo(size.dtype).tiny
                    level.addcdiv_(mean, size + floor, value=-rate / (1 - first**self.taken))
        return objective
