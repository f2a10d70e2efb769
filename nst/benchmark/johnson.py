"""The classic fast network (Johnson et al. 2016), as a baseline for ours: ``python -m nst.benchmark`` runs both.

Its architecture is the authors', with instance normalization (Ulyanov et al. 2016): 9x9 convolutions at both ends, 32,
64 and 128 channels, five residual blocks at a quarter of the resolution, upsampling before convolution. Its weights are
random; timings do not depend on them.
"""

from __future__ import annotations

import statistics
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nst.feedforward import fast
from nst.feedforward.field import stroke_field

THREADS, OPSET = 2, 20
REST = 0.1  # seconds before a run: the other network's threads keep spinning for a while after theirs


def layer(inputs: int, outputs: int, kernel: int = 3, stride: int = 1) -> nn.Sequential:
    """Reflection padding, convolution, instance normalization."""
    convolution = nn.Conv2d(inputs, outputs, kernel, stride)
    return nn.Sequential(nn.ReflectionPad2d(kernel // 2), convolution, nn.InstanceNorm2d(outputs, affine=True))


class ClassicNetwork(nn.Module):
    """``forward(photo)`` maps ``[1, 3, H, W]``, H and W multiples of 4, to the same shape; 1.68 million parameters."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Sequential(
            layer(3, 32, 9), nn.ReLU(), layer(32, 64, stride=2), nn.ReLU(), layer(64, 128, stride=2), nn.ReLU()
        )
        self.residuals = nn.ModuleList(nn.Sequential(layer(128, 128), nn.ReLU(), layer(128, 128)) for _ in range(5))
        self.up1, self.up2 = layer(128, 64), layer(64, 32)
        self.out = nn.Sequential(nn.ReflectionPad2d(4), nn.Conv2d(32, 3, 9))

    def forward(self, photo: Tensor) -> Tensor:
        x = self.down(photo)
        for residual in self.residuals:
            x = x + residual(x)
        for up in (self.up1, self.up2):
            x = F.relu(up(F.interpolate(x, scale_factor=2, mode="nearest")))
        return self.out(x)


def compare(sizes: tuple[int, ...], repeats: int) -> dict[int, tuple[float, float]]:
    """Time the classic network and ours on a square of each size: median seconds of alternating runs, both with ONNX
    Runtime on ``THREADS`` threads of the CPU. Ours includes making the stroke field."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = THREADS
    options.log_severity_level = 4
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecations
        file = Path(folder, "classic.onnx")
        side = {n: 4 * torch.export.Dim(name, min=4, max=4096) for n, name in ((2, "rows"), (3, "columns"))}
        torch.onnx.export(
            ClassicNetwork().eval(), (torch.rand(1, 3, 256, 320),), file, dynamo=True, dynamic_shapes=(side,),
            input_names=["photo"], external_data=False, opset_version=OPSET, verbose=False,
        )  # fmt: skip
        models = (file, fast.NETWORK)
        classic, ours = (onnxruntime.InferenceSession(m, options, providers=["CPUExecutionProvider"]) for m in models)
    shapes = {i.name: i.shape for i in ours.get_inputs()}
    rest = {name: np.zeros(shapes[name], np.float32) for name in ("given", "share")}
    rest |= {"vector": fast.styles()[0].vectors[0], "dose": np.ones((), np.float32)}
    medians = {}
    for size in sizes:
        photo = np.random.default_rng(0).random((1, 3, size, size), np.float32)
        seconds: tuple[list[float], list[float]] = ([], [])
        for _ in range(repeats + 1):
            time.sleep(REST)
            began = time.perf_counter()
            classic.run(None, {"photo": photo})
            seconds[0].append(time.perf_counter() - began)
            time.sleep(REST)
            began = time.perf_counter()
            ours.run(None, {"photo": photo, "field": stroke_field(size, size)[None], **rest})
            seconds[1].append(time.perf_counter() - began)
        medians[size] = tuple(statistics.median(times[1:]) for times in seconds)
    return medians
