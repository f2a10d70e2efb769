"""Load the loss networks, once for all runs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, NamedTuple

import torch

from nst import device
from nst.backbones.backbone import Backbone
from nst.backbones.kinds import KINDS, SCHEDULES
from nst.backbones.student import Student, shipped
from nst.backbones.vgg19 import VGG19
from nst.hub import weights
from nst.settings import Settings

_loading = {name: threading.Lock() for name in KINDS}  # one each: a download does not block another network
_networks: dict[tuple[str, str, torch.device, torch.dtype], Backbone] = {}


class LossNetworks(NamedTuple):
    """The loss networks of a run, for the coarse scales and for the last one.

    With VGG-19 alone, it computes the coarse scales in float32, as their strokes should not depend on how its file is
    scaled, and the last one in the fastest dtype. Or the small network is used for all but the last scale, and VGG-19
    for that."""

    coarse: Backbone
    fine: Backbone


def numbers(settings: Settings, where: torch.device) -> tuple[torch.dtype, torch.dtype]:
    """Return the dtypes of a run's networks, coarse and fine, on that device."""
    # A line search compares losses that differ by less than bfloat16 can resolve.
    fine = torch.float32 if settings.optimizer == "lbfgs" else device.number_format(where)
    return torch.float32 if SCHEDULES[settings.network].precise else fine, fine


def keys(settings: Settings) -> list[tuple[str, str, torch.device, torch.dtype]]:
    """Return the cache keys of such a run's networks, coarse and fine."""
    where = device.choose()
    schedule = SCHEDULES[settings.network]
    kinds = (schedule.coarse, schedule.fine)
    return [(k.name, settings.pooling, where, n) for k, n in zip(kinds, numbers(settings, where), strict=True)]


def load_networks(settings: Settings, progress: Callable[[int, int], None] | None = None) -> LossNetworks:
    """Load the networks for a run with these settings on the best device; their weights are read, or downloaded, at
    first use.

    ``progress(bytes done, bytes in all)`` is called during a download. Raises WeightsUnavailable. Networks are
    read-only and shared by every run that uses the same network, pooling and dtype."""
    wanted = keys(settings)
    for name in {name for name, *_ in wanted}:
        with _loading[name]:
            if missing := {key for key in wanted if key[0] == name} - _networks.keys():
                tensors = shipped() if name == "student" else weights.vgg19(progress)
            for key in missing:
                _, pooling, where, number = key
                network: Any = Student(tensors) if name == "student" else VGG19(tensors, pooling)
                _networks[key] = network.to(where, memory_format=torch.channels_last).computing_in(number)
    return LossNetworks(*(_networks[key] for key in wanted))
