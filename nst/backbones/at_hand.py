"""Which networks need no download, without loading any."""

from __future__ import annotations

from nst.backbones.kinds import SCHEDULES
from nst.hub import weights
from nst.settings import Settings


def at_hand(settings: Settings) -> bool:
    """Return whether the networks for a run with these settings need no download."""
    return all(kind.shipped for kind in SCHEDULES[settings.network].kinds) or weights.cached()


def usual() -> str:
    """Return the default ``network`` on this machine: the shipped one, followed by VGG-19 if that is already
    downloaded."""
    return "both" if weights.cached() else "student"
