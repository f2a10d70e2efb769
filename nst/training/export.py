"""Export the trained network for the app: ``python -m nst.training.export CHECKPOINT MODEL.onnx``.

Writes one file with a dynamic number and size of pictures, taken from the checkpoint's averaged
weights, and checks it against PyTorch at ten sizes, and a batch of tiles with given statistics. The
file holds what training needs to go on from it: its weights under their names, the styles' ids and
balances.
"""

from __future__ import annotations

import argparse
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from nst.training.network import Statistics, StyleNetwork

OPSET = 20
TOLERANCE = 1e-3
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
PREFIX = "network."


class Exported(nn.Module):
    """What the file computes: ``(photo, mix, given, share)`` to ``(painting, statistics)``; see ``Statistics``."""

    def __init__(self, network: StyleNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, photo: Tensor, mix: Tensor, given: Tensor, share: Tensor) -> tuple[Tensor, Tensor]:
        statistics = Statistics(given, share)
        painting = self.network(photo, mix[None], statistics)
        return painting, torch.cat(statistics.found, dim=1)


def load(checkpoint: Path) -> tuple[StyleNetwork, dict[str, Any]]:
    """The averaged network, and what else the checkpoint says."""
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network = StyleNetwork(**state["config"])
    network.load_state_dict(state["average"])
    return network.eval(), state


def export(network: StyleNetwork, state: dict[str, Any], path: Path) -> None:
    """One ONNX file, inputs ``photo`` ``[tiles, 3, height, width]``, ``mix`` ``[styles]``, ``given``
    ``[2, channels]`` and ``share`` ``[]``, outputs ``painting`` like ``photo`` and ``statistics`` like ``given``."""
    styles = network.config["styles"]
    tiles = torch.export.Dim("tiles", min=1, max=1024)
    height, width = (8 * torch.export.Dim(name, min=2, max=4096) for name in ("rows", "columns"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        torch.onnx.export(
            Exported(network),
            (
                torch.rand(2, 3, 256, 320),
                torch.ones(styles) / styles,
                torch.zeros(2, network.channels),
                torch.zeros(()),
            ),
            path,
            dynamo=True,
            dynamic_shapes=({0: tiles, 2: height, 3: width}, None, None, None),
            input_names=["photo", "mix", "given", "share"],
            output_names=["painting", "statistics"],
            external_data=False,
            opset_version=OPSET,
            verbose=False,
        )
    model = onnx.load(path)
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info):
        # The exporter notes where each node comes from: the paths of whoever's machine it was.
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    kept = {i.name for i in model.graph.initializer}
    for name, value in network.state_dict().items():
        if PREFIX + name not in kept:  # folded into another tensor; training wants it as it was
            model.graph.initializer.append(numpy_helper.from_array(value.numpy(), PREFIX + name))
    balance = {name: [round(float(w), 4) for w in weights] for name, weights in state["balance"].items()}
    notes = {
        "config": network.config,
        "ids": state["ids"],
        "balance": balance,
        "trained": state["trained"] + state["step"],
    }
    onnx.helper.set_model_props(model, {name: json.dumps(value) for name, value in notes.items()})
    onnx.save(model, path)


def read(path: Path) -> dict[str, Any]:
    """What an exported file says of itself, and its weights as ``"network"``: enough to go on training it."""
    model = onnx.load(path)
    notes = {p.key: json.loads(p.value) for p in model.metadata_props}
    arrays = {i.name.removeprefix(PREFIX): i for i in model.graph.initializer if i.name.startswith(PREFIX)}
    network = StyleNetwork(**notes["config"])
    tensors = {name: torch.from_numpy(numpy_helper.to_array(arrays[name]).copy()) for name in network.state_dict()}
    network.load_state_dict(tensors)
    balance = {name: torch.tensor(weights) for name, weights in notes["balance"].items()}
    return notes | {"network": network.state_dict(), "balance": balance}


def largest_difference(network: StyleNetwork, path: Path) -> float:
    """The largest absolute difference from PyTorch over ``SIZES``, styles in turn at three doses, and for tiles
    with given statistics; of pixels in 0..1."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    rng, worst = np.random.default_rng(0), 0.0
    styles = network.config["styles"]
    given, share = np.zeros((2, network.channels), np.float32), np.zeros((), np.float32)
    for number, (height, width) in enumerate(SIZES):
        photo = rng.random((1, 3, height, width), np.float32)
        mix = np.eye(styles, dtype=np.float32)[number % styles] * (1.0, 0.5, 1.3)[number % 3]
        with torch.no_grad():
            expected = network(torch.from_numpy(photo), torch.from_numpy(mix)[None]).numpy()
        found, known = session.run(None, {"photo": photo, "mix": mix, "given": given, "share": share})
        worst = max(worst, float(np.abs(found - expected).max()))
    tiles, whole = rng.random((3, 3, 64, 48), np.float32), np.ones((), np.float32)
    with torch.no_grad():
        statistics = Statistics(torch.from_numpy(known), torch.ones(()))
        expected = network(torch.from_numpy(tiles), torch.from_numpy(mix)[None], statistics).numpy()
    found = session.run(None, {"photo": tiles, "mix": mix, "given": known, "share": whole})[0]
    return max(worst, float(np.abs(found - expected).max()))


def checked(checkpoint: Path, path: Path) -> float:
    """Export and check; returns the largest difference. Raises SystemExit when PyTorch and the file disagree."""
    network, state = load(checkpoint)
    export(network, state, path)
    worst = largest_difference(network, path)
    if worst > TOLERANCE:
        raise SystemExit(f"The exported network differs from PyTorch by {worst:.1e}; {TOLERANCE} is allowed.")
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("model", type=Path)
    options = parser.parse_args()
    worst = checked(options.checkpoint, options.model)
    size = options.model.stat().st_size / 1e6
    print(f"{options.model}: opset {OPSET}, {size:.1f} MB, differs from PyTorch by {worst:.1e} at most")


if __name__ == "__main__":
    main()
