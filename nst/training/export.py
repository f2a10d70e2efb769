"""Export a trained style for the app: ``python -m nst.training.export CHECKPOINT MODEL.onnx``.

Writes one file with dynamic height and width, taken from the checkpoint's averaged weights, and
checks it against PyTorch at ten sizes, odd ones padded as ``fast.py`` pads them.
"""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch

from nst.training.network import StyleNetwork

OPSET = 20
TOLERANCE = 1e-3
SIZES = (
    (16, 16),
    (16, 256),
    (64, 64),
    (128, 96),
    (200, 304),
    (256, 256),
    (340, 512),
    (512, 340),
    (36, 1024),
    (512, 512),
)


def load(checkpoint: Path) -> StyleNetwork:
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network = StyleNetwork(**state["config"])
    network.load_state_dict(state["average"])
    return network.eval()


def export(network: StyleNetwork, path: Path) -> None:
    """One ONNX file, inputs ``photo`` ``[1, 3, height, width]`` and ``mix`` ``[styles]``, output ``painting``."""
    mix = torch.ones(network.config["styles"]) / network.config["styles"]
    height, width = (4 * torch.export.Dim(name, min=4, max=4096) for name in ("rows", "columns"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        torch.onnx.export(
            network,
            (torch.rand(1, 3, 256, 320), mix),
            path,
            dynamo=True,
            dynamic_shapes=({2: height, 3: width}, None),
            input_names=["photo", "mix"],
            output_names=["painting"],
            external_data=False,
            opset_version=OPSET,
            verbose=False,
        )
    model = onnx.load(path)
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info):
        # The exporter notes where each node comes from: the paths of whoever's machine it was.
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    onnx.save(model, path)


def largest_difference(network: StyleNetwork, path: Path) -> float:
    """The largest absolute difference from PyTorch over ``SIZES`` and three doses, of pixels in 0..1."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    rng, worst = np.random.default_rng(0), 0.0
    for number, (height, width) in enumerate(SIZES):
        photo = rng.random((1, 3, height, width), np.float32)
        mix = np.full(network.config["styles"], (1.0, 0.5, 1.3)[number % 3], np.float32)
        with torch.no_grad():
            expected = network(torch.from_numpy(photo), torch.from_numpy(mix)).numpy()
        found = session.run(None, {"photo": photo, "mix": mix})[0]
        worst = max(worst, float(np.abs(found - expected).max()))
    return worst


def checked(checkpoint: Path, path: Path) -> float:
    """Export and check; returns the largest difference. Raises SystemExit when PyTorch and the file disagree."""
    network = load(checkpoint)
    export(network, path)
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
