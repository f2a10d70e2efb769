"""Whether the exported graphs compute what PyTorch does: at ten sizes, and for tiles with given statistics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import torch

from nst.backbones.student import Student, shipped
from nst.feedforward import encoder as encoding
from nst.feedforward.field import stroke_field
from nst.feedforward.network import Statistics
from nst.training.model import Model

TOLERANCE = 1e-3  # of a painting's values, in 0..1, and of a vector's
SIZES = (
    (16, 16),
    (16, 256),
    (64, 64),
    (128, 96),
    (200, 304),
    (256, 256),
    (336, 512),
    (512, 344),
    (40, 1024),
    (512, 512),
)


def largest_difference(model: Model, folder: Path) -> float:
    """Return the largest absolute difference from PyTorch: of paintings, in 0..1, over ``SIZES``, with styles in turn
    at three doses, in one style and in three, each in its place; for tiles with given statistics; and of the encoder's
    predictions, from parts of pictures."""
    alone, placed, predicting = (
        onnxruntime.InferenceSession(folder / f"{name}.onnx", providers=["CPUExecutionProvider"])
        for name in ("network", "regions", "encoder")
    )
    rng, worst = np.random.default_rng(0), 0.0
    student = Student(shipped()).float()

    def compare(count: int, height: int, width: int, number: int, known: np.ndarray | None = None) -> np.ndarray:
        """Compare both graphs on ``count`` pictures; returns the statistics of one."""
        nonlocal worst
        photo = rng.random((count, 3, height, width), np.float32)
        field = np.stack([stroke_field(height, width, number + n) for n in range(count)])
        given = np.zeros((2, model.network.channels), np.float32) if known is None else known
        share = np.array(known is not None, np.float32)
        dose = torch.tensor((1.0, 0.5, 1.3)[number % 3])
        chosen = [(number + n) % len(model.vectors) for n in range(3)]
        vectors = torch.lerp(model.identity, model.vectors[chosen, number % 2], dose)
        places = rng.random((count, 3, height, width), np.float32)
        places /= places.sum(axis=1, keepdims=True)
        doses = np.full((count, 1, height, width), float(dose), np.float32)
        shared = {"photo": photo, "field": field, "given": given, "share": share}
        with torch.no_grad():
            told = torch.from_numpy(given), torch.from_numpy(share)
            tensors = [torch.from_numpy(x) for x in (photo, field)]
            one = model.network(*tensors, vectors[:1], dose[None], Statistics(*told))
            three = model.network(
                *tensors, vectors, torch.from_numpy(doses), Statistics(*told), torch.from_numpy(places)
            )
        found, statistics = alone.run(None, shared | {"vector": vectors[0].numpy(), "dose": dose.numpy()})
        several = placed.run(None, shared | {"vectors": vectors.numpy(), "places": places, "dose": doses})[0]
        for made, expected in ((found, one), (several, three)):
            worst = max(worst, float(np.abs(made - expected.numpy()).max()))
        return statistics

    for number, (height, width) in enumerate(SIZES):
        known = compare(1, height, width, number)
        painting, part = (rng.random((1, channels, height, width), np.float32) for channels in (3, 1))
        with torch.no_grad():
            seen = encoding.look(student, torch.from_numpy(painting), torch.from_numpy(part))
            vectors = model.encoder(seen)[0].numpy()
        predicted = predicting.run(None, {"painting": painting, "part": part})[0]
        worst = max(worst, float(np.abs(predicted - vectors).max()))
    compare(3, 64, 48, 0, known)
    return worst
