"""The networks that judge a picture, read once and shared by every run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

import torch

from nst import device
from nst.backbones.backbone import Backbone
from nst.backbones.kinds import KINDS, SCHEDULES
from nst.backbones.student import Student, shipped
from nst.backbones.vgg19 import VGG19
from nst.hub import weights
from nst.settings import Settings

_loading = {name: threading.Lock() for name in KINDS}  # a download holds up no other network
_networks: dict[tuple[str, str, torch.device, torch.dtype], Backbone] = {}


class Judges(NamedTuple):
    """The network twice: for the coarse scales, and in the fastest number format for the last one. VGG-19 judges the
    coarse scales in float32, as their strokes should not hang on how its file is scaled. Or the small network for all
    but the last scale, and VGG-19 for that."""

    coarse: Backbone
    fine: Backbone


def numbers(settings: Settings, where: torch.device) -> tuple[torch.dtype, torch.dtype]:
    """The number formats of a run's networks, coarse and fine, on that device."""
    # A line search compares losses that differ by less than bfloat16 can tell.
    fine = torch.float32 if settings.optimizer == "lbfgs" else device.number_format(where)
    return torch.float32 if SCHEDULES[settings.network].precise else fine, fine


def keys(settings: Settings) -> list[tuple[str, str, torch.device, torch.dtype]]:
    """By which the networks of such a run are known, coarse and fine."""
    where = device.choose()
    schedule = SCHEDULES[settings.network]
    kinds = (schedule.coarse, schedule.fine)
    return [(k.name, settings.pooling, where, n) for k, n in zip(kinds, numbers(settings, where), strict=True)]


def at_hand(settings: Settings) -> bool:
    """Whether the network for a run with these settings needs no download."""
    return all(kind.shipped for kind in SCHEDULES[settings.network].kinds) or weights.cached()


def usual() -> str:
    """The network to begin with here: the one that was shipped, then VGG-19 where it is on this machine already."""
    return "both" if weights.cached() else "student"


def load_judges(settings: Settings, progress: Callable[[int, int], None] | None = None) -> Judges:
    """The networks for a run with these settings, on the best device; their weights are read, or fetched, at first use.

    ``progress(bytes done, bytes in all)`` follows a download. Raises WeightsUnavailable. Networks
    are read-only and shared by every run that uses the same network, pooling and number format.
    """
    wanted = keys(settings)
    for name in {name for name, *_ in wanted}:
        with _loading[name]:
            if missing := {key for key in wanted if key[0] == name} - _networks.keys():
                tensors = shipped() if name == "student" else weights.vgg19(progress)
            for key in missing:
                _, pooling, where, number = key
                network = Student(tensors) if name == "student" else VGG19(tensors, pooling)
                _networks[key] = network.to(where, memory_format=torch.channels_last).computing_in(number)
    return Judges(*(_networks[key] for key in wanted))
