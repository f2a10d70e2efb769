"""A small loss network that approximates VGG-19: shipped, so that the full method needs no download.

It follows VGG-19 layer by layer, but passes on only what matters most to the next layer, in few channels, so that each
of its convolutions has few inputs. Its weights were learned from VGG-19's activations (see ``training/distill.py`` and
``deep.py``), not copied from VGG-19. At the layers in use its outputs approximate VGG-19's activations, projected onto
the directions that capture most of them: Gram matrices and distances between features stand in for VGG-19's.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import torch
import torch.nn.functional as F
from safetensors.torch import load
from torch import Tensor, nn

from nst.backbones.kinds import CONTENT_LAYER, Kind
from nst.backbones.kinds import STUDENT as KIND
from nst.backbones.vgg19 import MEAN, STD
from nst.errors import WeightsUnavailable
from nst.models import MODELS


class Stage(NamedTuple):
    """One layer of VGG-19: rectified channels computed for it, channels passed on to the next, whether it is pooled on
    the way, and the number of directions it is projected onto, 0 if it is not in use."""

    hidden: int
    passed: int
    pooled: bool = False
    directions: int = 0


STAGES = {
    "relu1_1": Stage(32, 24, directions=24),
    "relu1_2": Stage(48, 40, pooled=True),
    "relu2_1": Stage(96, 56, directions=64),
    "relu2_2": Stage(96, 64, pooled=True),
    "relu3_1": Stage(192, 80, directions=128),
    "relu3_2": Stage(192, 80),
    "relu3_3": Stage(192, 80),
    "relu3_4": Stage(192, 112, pooled=True),
    "relu4_1": Stage(352, 128, directions=192),
    "relu4_2": Stage(352, 144, directions=192),
    "relu4_3": Stage(352, 176),
    "relu4_4": Stage(352, 224, pooled=True),
    "relu5_1": Stage(512, 0, directions=512),  # VGG-19's own channels
}
# Chosen on training pictures, by the gradient of VGG-19's objective (see ``training/layer_weights.py``) and by the
# results: the student approximates shallow layers best, and structure there predicts that of VGG-19's deeper one.
TRUST = {"relu4_1": 0.2, "relu5_1": 0.15}
STRUCTURE = {"relu3_1": 0.42, "relu4_2": 0.42}
LEARNED = tuple(layer for layer, stage in STAGES.items() if stage.directions)  # that can be requested


class Student(nn.Module):
    """The small network. ``weights`` maps names to tensors of any float type, or is None for a network yet to be
    trained."""

    kind: Kind = KIND
    trust: Mapping[str, float] = TRUST  # factors on the layers' style losses, if not 1

    def __init__(self, weights: Mapping[str, Tensor] | None = None) -> None:
        super().__init__()
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1), persistent=False)
        self.convolutions, self.passes, self.taps = nn.ModuleDict(), nn.ModuleDict(), nn.ModuleDict()
        inputs = 3
        for layer, stage in STAGES.items():
            self.convolutions[layer] = nn.Conv2d(inputs, stage.hidden, 3, padding=1)
            if stage.passed:
                self.passes[layer] = nn.Conv2d(stage.hidden, stage.passed, 1)
            if stage.directions not in (0, stage.hidden):
                self.taps[layer] = nn.Conv2d(stage.hidden, stage.directions, 1)
            inputs = stage.passed
        if weights is None:
            for convolution in self.convolutions.values():
                nn.init.kaiming_normal_(convolution.weight, nonlinearity="relu")
                nn.init.zeros_(convolution.bias)
        else:
            self.load_state_dict(dict(weights))
            self.eval().requires_grad_(False)

    @property
    def number(self) -> torch.dtype:
        """The dtype that it computes in."""
        return self.convolutions["relu1_1"].weight.dtype

    def computing_in(self, number: torch.dtype) -> Student:
        """Convert the network to this dtype, in place, and return it."""
        for part in (self.convolutions, self.passes, self.taps):
            part.to(number)
        return self

    def content_layers_at(self, layer: str) -> dict[str, float]:
        """Return the layers where structure is compared if ``layer`` is requested, and their weights."""
        return STRUCTURE if layer == CONTENT_LAYER else {layer: 1.0}

    def entered(self, picture: Tensor) -> Tensor:
        """Normalize a picture in 0..1 for the first stage."""
        x = ((picture - self.mean) / self.std).to(self.number)
        channels_last = self.convolutions["relu1_1"].weight.is_contiguous(memory_format=torch.channels_last)
        return x.contiguous(memory_format=torch.channels_last) if channels_last else x

    def hidden(self, layer: str, x: Tensor) -> Tensor:
        """Compute a layer's rectified channels from what the previous one passed on."""
        x = F.relu(self.convolutions[layer](x), inplace=True)
        return F.max_pool2d(x, 2) if STAGES[layer].pooled else x

    def tapped(self, layer: str, hidden: Tensor) -> Tensor:
        """Project a layer onto its directions."""
        return self.taps[layer](hidden) if layer in self.taps else hidden

    def forward(
        self, picture: Tensor, layers: Iterable[str], watch: Callable[[], None] | None = None
    ) -> dict[str, Tensor]:
        """Compute the layers as ``VGG19.forward`` does: ``picture`` is ``[N, 3, H, W]`` in 0..1, H and W at least 16;
        returns the directions of ``layers``, each
        ``[N, STAGES[layer].directions, H / 2**(block-1), W / 2**(block-1)]``, of either sign if they are fewer than
        VGG-19's channels. Raises ValueError for a layer that is not among ``LEARNED``."""
        wanted = set(layers)
        if unknown := wanted - set(LEARNED):
            raise ValueError(f"The small network has no layer {sorted(unknown)}; it has {list(LEARNED)}")
        x, found = self.entered(picture), {}
        for layer in STAGES:
            x = self.hidden(layer, x)
            if watch is not None:
                watch()
                if x.requires_grad:
                    x.register_hook(lambda gradient: watch())
            if layer in wanted:
                found[layer] = self.tapped(layer, x)
                if len(found) == len(wanted):
                    break
            x = self.passes[layer](x)
        return found


def shipped() -> dict[str, Tensor]:
    """Read the tensors in ``models/``. Raises WeightsUnavailable if the file is missing, damaged, or a different
    one."""
    try:
        entry = json.loads((MODELS / "student.json").read_text("utf-8"))
        data = (MODELS / entry["file"]).read_bytes()
    except (OSError, ValueError, KeyError) as error:
        raise WeightsUnavailable(
            f"The small network student.safetensors cannot be read from {MODELS}: {error}. Get the files again."
        ) from error
    if hashlib.sha256(data).hexdigest() != entry["sha256"]:
        raise WeightsUnavailable(f"{entry['file']} is damaged, or another than this program's. Get its files again.")
    return load(data)
