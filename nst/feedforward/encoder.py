"""Style prediction: an encoder that maps any painting to its style vectors (Ghiasi et al. 2017).

The painting goes through the first layers of the student (``nst/backbones/student.py``). The mean and the standard
deviation along each of its feature directions go through three linear layers, which output two vectors for the
feed-forward network: one for fine strokes, one for broad ones.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nst.backbones.student import STAGES, Student

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")  # of the student, read by the encoder
FEATURES = 2 * sum(STAGES[layer].directions for layer in LAYERS)
LEAST = 1e-6  # added to a part's size, for one that is empty
VARIANCE = 1e-6  # added to a variance: the gradient of a square root is infinite at 0


def look(student: Student, painting: Tensor, part: Tensor | None = None) -> Tensor:
    """Return the encoder's input for paintings ``[N, 3, H, W]`` in 0..1: ``[N, FEATURES]``, means and standard
    deviations along the student's feature directions. ``part`` ``[N, 1, H, W]`` says how much every pixel counts."""
    seen = student(painting, LAYERS)
    found = []
    for number, layer in enumerate(LAYERS):
        x = seen[layer].float().flatten(2)
        if part is None:
            mean = x.mean(dim=2)
            variance = (x - mean[:, :, None]).square().mean(dim=2)
        else:
            share = F.avg_pool2d(part, 2**number).flatten(2)  # each layer halves the one before
            share = share / (share.sum(dim=2, keepdim=True) + LEAST)
            mean = (share * x).sum(dim=2)
            variance = (share * (x - mean[:, :, None]).square()).sum(dim=2)
        found += [mean, (variance + VARIANCE).sqrt()]
    return torch.cat(found, dim=1)


class Encoder(nn.Module):
    """Maps features ``[N, FEATURES]`` to style vectors ``[N, 2, length]``, fine and broad."""

    def __init__(self, length: int, widths: tuple[int, int] = (256, 128)) -> None:
        super().__init__()
        self.config = {"length": length, "widths": list(widths)}
        self.register_buffer("mean", torch.zeros(FEATURES))
        self.register_buffer("deviation", torch.ones(FEATURES))
        first, second = widths
        self.first, self.second = nn.Linear(FEATURES, first), nn.Linear(first, second)
        self.last = nn.Linear(second, 2 * length)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, features: Tensor) -> Tensor:
        x = (features - self.mean) / self.deviation
        x = F.leaky_relu(self.second(F.leaky_relu(self.first(x), 0.1)), 0.1)
        return self.last(x).unflatten(1, (2, -1))
