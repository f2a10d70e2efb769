"""Export a trained model for the program: ``python -m nst.training.export CHECKPOINT [FOLDER]``.

Writes to FOLDER, by default ``models/``, all from the checkpoint's averaged weights and in half precision:

=======================  =================================================================================
``network.safetensors``  the feed-forward network's weights
``network.onnx``         its graph, which reads its weights from that file
``regions.onnx``         the graph for several styles in one picture, each in its place, with the same weights
``vectors.safetensors``  the vectors of the identity and of every style, and notes to continue training from
``encoder.safetensors``  the encoder's weights
``encoder.onnx``         its graph, which reads them from there, and the student's from the student's own file
=======================  =================================================================================

The graphs are checked against PyTorch (``agreement.py``).
"""

from __future__ import annotations

import argparse
import json
import shutil
import struct
import tempfile
import warnings
from pathlib import Path
from typing import Any

import onnx
import torch
from onnx import TensorProto, helper
from safetensors.torch import save_file
from torch import Tensor, nn

from nst.backbones.student import Student, shipped
from nst.feedforward import encoder as encoding
from nst.feedforward.encoder import Encoder
from nst.feedforward.field import CHANNELS
from nst.feedforward.network import Statistics, StyleNetwork
from nst.models import MODELS
from nst.training import agreement, state
from nst.training.model import Model

OPSET = 20


class ExportedNetwork(nn.Module):
    """What ``network.onnx`` computes: ``(photo, field, vector, dose, given, share)`` to ``(painting, statistics)``; the
    vector is already the one at this dose."""

    def __init__(self, network: StyleNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, photo: Tensor, field: Tensor, vector: Tensor, dose: Tensor, given: Tensor, share: Tensor
    ) -> tuple[Tensor, Tensor]:
        statistics = Statistics(given, share)
        painting = self.network(photo, field, vector[None], dose[None], statistics)
        return painting, torch.cat(statistics.found, dim=1)


class ExportedRegions(nn.Module):
    """What ``regions.onnx`` computes: the same with ``vectors`` ``[R, length]`` and their ``places`` ``[N, R, height,
    width]``; the dose is ``[N, 1, height, width]``."""

    def __init__(self, network: StyleNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, photo: Tensor, field: Tensor, vectors: Tensor, places: Tensor, dose: Tensor, given: Tensor, share: Tensor
    ) -> tuple[Tensor, Tensor]:
        statistics = Statistics(given, share)
        painting = self.network(photo, field, vectors, dose, statistics, places)
        return painting, torch.cat(statistics.found, dim=1)


class ExportedEncoder(nn.Module):
    """What ``encoder.onnx`` computes: ``painting`` ``[1, 3, height, width]`` in 0..1, of which ``part`` ``[1, 1,
    height, width]`` counts, to ``vectors`` ``[2, length]``."""

    def __init__(self, student: Student, encoder: Encoder) -> None:
        super().__init__()
        self.student, self.encoder = student, encoder

    def forward(self, painting: Tensor, part: Tensor) -> Tensor:
        return self.encoder(encoding.look(self.student, painting, part))[0]


def rounded(module: nn.Module) -> nn.Module:
    """Round the weights of ``module`` to half precision; they are stored in float32."""
    for tensor in module.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(tensor.half().float())
    return module.eval().requires_grad_(False)


def load(checkpoint: Path) -> tuple[Model, dict[str, Any]]:
    """Load the averaged model from a training run's ``checkpoint/``, rounded as it is shipped, and its notes."""
    parts, notes = state.read(checkpoint)
    model = Model(notes["config"]["styles"], StyleNetwork(**notes["config"]["network"]))
    model.load_state_dict(parts["average"])
    return rounded(model), notes


def positions(file: Path) -> dict[str, tuple[int, int, str, list[int]]]:
    """Return where each tensor of a safetensors file is: offset, length, number format and shape."""
    with file.open("rb") as stream:
        (size,) = struct.unpack("<Q", stream.read(8))
        header = json.loads(stream.read(size))
    header.pop("__metadata__", None)
    return {
        name: (8 + size + t["data_offsets"][0], t["data_offsets"][1] - t["data_offsets"][0], t["dtype"], t["shape"])
        for name, t in header.items()
    }


def outsource(model: onnx.ModelProto, prefix: str, file: Path) -> None:
    """Make the graph read the tensors whose names begin with ``prefix`` from a safetensors file beside it, where they
    are stored in half precision under the rest of the name."""
    where, graph = positions(file), model.graph
    kept, casts = [], []
    for tensor in graph.initializer:
        name = tensor.name.removeprefix(prefix)
        if not tensor.name.startswith(prefix) or name not in where or where[name][2] != "F16":
            kept.append(tensor)
            continue
        offset, length, _, shape = where[name]
        outside = TensorProto(name=f"{tensor.name}.half", data_type=TensorProto.FLOAT16, dims=shape)
        outside.data_location = TensorProto.EXTERNAL
        for key, value in (("location", file.name), ("offset", offset), ("length", length)):
            outside.external_data.add(key=key, value=str(value))
        kept.append(outside)
        casts.append(helper.make_node("Cast", [outside.name], [tensor.name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)


def graph_of(module: nn.Module, inputs: dict[str, Tensor], outputs: list[str], shapes: tuple) -> onnx.ModelProto:
    """Export ``module`` as an ONNX graph that contains no information about the machine it was made on."""
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecation warnings
        file = Path(folder, "graph.onnx")
        torch.onnx.export(
            module, tuple(inputs.values()), file, dynamo=True, dynamic_shapes=shapes, input_names=list(inputs),
            output_names=outputs, external_data=False, opset_version=OPSET, verbose=False,
        )  # fmt: skip
        model = onnx.load(file)
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info):
        # The exporter records where each node comes from, with paths of the machine it ran on.
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    return model


def export(model: Model, notes: dict[str, Any], folder: Path) -> None:
    """Write the six files. ``student.safetensors`` must already be in ``folder``."""
    network, encoder = model.network, model.encoder
    halves = [{k: v.half().contiguous() for k, v in m.state_dict().items()} for m in (network, encoder)]
    # What changes with every style stays out of the network's file, since style files refer to that by its digest.
    save_file(halves[0], folder / "network.safetensors", {"config": json.dumps(network.config)})
    save_file(halves[1], folder / "encoder.safetensors", {"config": json.dumps(encoder.config)})
    vectors = {name: vector.half().contiguous() for name, vector in zip(notes["ids"], model.vectors, strict=True)}
    told = {name: json.dumps(notes[name]) for name in state.LASTING}
    told["trained"] = json.dumps(notes["trained"] + notes["step"])
    vectors["identity"] = model.identity.half()
    save_file(vectors, folder / "vectors.safetensors", told)

    tiles = torch.export.Dim("tiles", min=1, max=1024)
    height, width = (8 * torch.export.Dim(name, min=2, max=4096) for name in ("rows", "columns"))
    sides = {0: tiles, 2: height, 3: width}
    inputs = {
        "photo": torch.rand(2, 3, 256, 320),
        "field": torch.rand(2, CHANNELS, 256, 320),
        "vector": network.neutral(),
        "dose": torch.ones(()),
        "given": torch.zeros(2, network.channels),
        "share": torch.zeros(()),
    }
    graph = graph_of(ExportedNetwork(network), inputs, ["painting", "statistics"], (sides, sides, *[None] * 4))
    outsource(graph, "network.", folder / "network.safetensors")
    onnx.save(graph, folder / "network.onnx")

    regions = torch.export.Dim("regions", min=1, max=64)
    placed = {"vectors": network.neutral().repeat(3, 1), "places": torch.rand(2, 3, 256, 320)}
    inputs |= {"dose": torch.rand(2, 1, 256, 320)}
    inputs = {k: inputs[k] for k in ("photo", "field")} | placed | {k: inputs[k] for k in ("dose", "given", "share")}
    shapes = (sides, sides, {0: regions}, sides | {1: regions}, sides, None, None)
    graph = graph_of(ExportedRegions(network), inputs, ["painting", "statistics"], shapes)
    outsource(graph, "network.", folder / "network.safetensors")
    onnx.save(graph, folder / "regions.onnx")

    painting = {"painting": torch.rand(1, 3, 256, 320), "part": torch.rand(1, 1, 256, 320)}
    sides = {2: torch.export.Dim("height", min=16, max=4096), 3: torch.export.Dim("width", min=16, max=4096)}
    graph = graph_of(ExportedEncoder(Student(shipped()), encoder), painting, ["vectors"], (sides, sides))
    outsource(graph, "student.", folder / "student.safetensors")
    outsource(graph, "encoder.", folder / "encoder.safetensors")
    onnx.save(graph, folder / "encoder.onnx")


def checked(checkpoint: Path, folder: Path) -> float:
    """Export and check; return the largest difference. Raises SystemExit if PyTorch and the files disagree, and then
    leaves ``folder`` unchanged."""
    model, notes = load(checkpoint)
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder) as name:
        made = Path(name)
        shutil.copyfile(MODELS / "student.safetensors", made / "student.safetensors")
        export(model, notes, made)
        worst = agreement.largest_difference(model, made)
        if worst > agreement.TOLERANCE:
            raise SystemExit(
                f"The exported network differs from PyTorch by {worst:.1e}; {agreement.TOLERANCE} is allowed."
            )
        for file in made.iterdir():
            if file.name != "student.safetensors" or not (folder / file.name).exists():
                file.chmod(0o644)
                file.replace(folder / file.name)
    return worst


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("folder", type=Path, nargs="?", default=MODELS)
    options = parser.parse_args()
    worst = checked(options.checkpoint, options.folder)
    size = sum(
        (options.folder / f"{n}.{s}").stat().st_size for n in ("network", "encoder") for s in ("onnx", "safetensors")
    )
    size += (options.folder / "regions.onnx").stat().st_size
    print(f"{options.folder}: opset {OPSET}, {size / 1e6:.1f} MB, differs from PyTorch by {worst:.1e} at most")


if __name__ == "__main__":
    main()
