"""What the optimizer asks of a network that judges pictures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import torch
from torch import Tensor

from nst.backbones.kinds import Kind


class Backbone(Protocol):
    """A network cut at named layers, read-only and shared by every run.

    ``kind`` describes its layers. ``trust`` says how much a layer's style counts where that is not 1. ``mean`` lies on
    the device that the network computes on."""

    kind: Kind
    trust: Mapping[str, float]
    mean: Tensor

    @property
    def number(self) -> torch.dtype:
        """The number format that it computes in."""
        ...

    def structure_at(self, layer: str) -> Mapping[str, float]:
        """The layers where content is compared when this one is asked for, and their shares."""
        ...

    def __call__(
        self, picture: Tensor, layers: Iterable[str], watch: Callable[[], None] | None = None
    ) -> dict[str, Tensor]:
        """Returns the activations ``[N, channels, H / stride, W / stride]`` of ``layers``, of a picture
        ``[N, 3, H, W]`` in 0..1. Calls ``watch`` between layers, forward and back: a caller leaves a pass by raising
        there. Raises ValueError for a layer that the network does not have."""
        ...
