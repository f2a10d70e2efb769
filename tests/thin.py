"""A thin VGG-19: all its layers with an eighth of their channels, for whatever does not hang on how wide they are."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import prod

import pytest
import torch

from nst.backbones import vgg19
from nst.benchmark import baseline

LAYOUT = {
    layer: (index, (outputs // 8, inputs if inputs == 3 else inputs // 8))
    for layer, (index, (outputs, inputs)) in vgg19.LAYOUT.items()
}


@contextmanager
def thin_vgg19() -> Iterator[dict[str, torch.Tensor]]:
    """Random weights for it (He et al. 2015); until the end ``VGG19`` expects its shapes."""
    dice, weights = torch.Generator().manual_seed(1), {}
    for index, (outputs, inputs) in LAYOUT.values():
        shape = (outputs, inputs, 3, 3)
        weights[f"features.{index}.weight"] = torch.randn(shape, generator=dice) * (2 / prod(shape[1:])) ** 0.5
        weights[f"features.{index}.bias"] = torch.zeros(outputs)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(vgg19, "LAYOUT", LAYOUT)
        patch.setattr(baseline, "LAYOUT", LAYOUT)
        yield weights
