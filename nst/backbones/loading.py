"""The networks that judge a painting, ready to use: read once, shared by all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

import torch

from nst import device
from nst.backbones.student import Network, Student, shipped
from nst.backbones.vgg19 import VGG19
from nst.hub import weights
from nst.settings import Settings

_loading = {network: threading.Lock() for network in ("vgg19", "student")}  # a download holds up no other network
_networks: dict[tuple[str, str, torch.device, torch.dtype], Network] = {}


class Judges(NamedTuple):
    """The network twice: for the coarse scales, and in the fastest number format for the last one. VGG-19 judges the
    coarse scales in float32, as their strokes should not hang on how its file is scaled. Or the small network for all
    but the last scale, and VGG-19 for that."""

    coarse: Network
    fine: Network


def numbers(settings: Settings, where: torch.device) -> tuple[torch.dtype, torch.dtype]:
    """The number formats of a run's networks, coarse and fine, on that device."""
    # A line search compares losses that differ by less than bfloat16 can tell.
    fine = torch.float32 if settings.optimizer == "lbfgs" else device.number_format(where)
    return torch.float32 if settings.network == "vgg19" else fine, fine


def keys(settings: Settings) -> list[tuple[str, str, torch.device, torch.dtype]]:
    """By which the networks of such a run are known, coarse and fine."""
    where = device.choose()
    names = ("student", "vgg19") if settings.network == "both" else (settings.network,) * 2
    return [(name, settings.pooling, where, n) for name, n in zip(names, numbers(settings, where), strict=True)]


def at_hand(settings: Settings) -> bool:
    """Whether the network for a run with these settings needs no download."""
    return settings.network == "student" or weights.cached()


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
