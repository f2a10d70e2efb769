"""The networks that judge a painting, ready to use: read once, shared by all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

import torch

from nst import device, weights
from nst.networks import VGG19
from nst.settings import Settings

_loading = threading.Lock()
_networks: dict[tuple[str, torch.device, torch.dtype], VGG19] = {}


class Judges(NamedTuple):
    """VGG-19 twice: in float32 for the coarse scales, in the fastest number format for the last one."""

    coarse: VGG19
    fine: VGG19


def numbers(settings: Settings, where: torch.device) -> tuple[torch.dtype, torch.dtype]:
    """The number formats of a run's networks, coarse and fine, on that device."""
    # A line search compares losses that differ by less than bfloat16 can tell.
    return torch.float32, torch.float32 if settings.optimizer == "lbfgs" else device.number_format(where)


def loaded(settings: Settings) -> bool:
    """Whether the networks for a run with these settings are in memory already."""
    where = device.choose()
    return all((settings.pooling, where, number) in _networks for number in numbers(settings, where))


def load_judges(settings: Settings, progress: Callable[[int, int], None] | None = None) -> Judges:
    """The networks for a run with these settings, on the best device; their weights are fetched at first use.

    ``progress(bytes done, bytes in all)`` follows a download. Raises WeightsUnavailable. Networks
    are read-only and shared by every run that uses the same pooling and number format.
    """
    where = device.choose()
    wanted = numbers(settings, where)
    with _loading:
        missing = {n for n in wanted if (settings.pooling, where, n) not in _networks}
        tensors = weights.vgg19(progress) if missing else {}
        for number in missing:
            network = VGG19(tensors, settings.pooling).to(where, memory_format=torch.channels_last)
            network.convolutions.to(number)
            _networks[settings.pooling, where, number] = network
        return Judges(*(_networks[settings.pooling, where, number] for number in wanted))
