"""The interface of a loss network."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import torch
from torch import Tensor

from nst.backbones.kinds import Kind


class Backbone(Protocol):
    """A loss network cut at named layers, read-only and shared by every run.

    ``kind`` describes its layers. ``trust`` is the factor on a layer's style loss where that is not 1. ``mean`` is on
    the device that the network computes on."""

    kind: Kind
    trust: Mapping[str, float]
    mean: Tensor

    @property
    def number(self) -> torch.dtype:
        """The dtype that it computes in."""
        ...

    def content_layers_at(self, layer: str) -> Mapping[str, float]:
        """Return the layers where content is compared if ``layer`` is requested, and their shares."""
        ...

    def __call__(
        self, picture: Tensor, layers: Iterable[str], watch: Callable[[], None] | None = None
    ) -> dict[str, Tensor]:
        """Return the activations ``[N, channels, H / stride, W / stride]`` of ``layers``, for a picture
        ``[N, 3, H, W]`` in 0..1. Calls ``watch`` between layers, in the forward and the backward pass: a caller aborts
        a pass by raising there. Raises ValueError for a layer that the network does not have."""
        ...
