"""Ship a trained student: ``python -m nst.training.publish_student OUT --paintings FOLDER --photos FOLDER``.

OUT is the output folder of ``distill.py`` or ``deep.py``. Writes ``models/student.safetensors`` and its entry
``models/student.json``: its cost on this machine compared with VGG-19's, and how far the pictures optimized with it are
from the painting's style and the photograph's content under VGG-19, compared with those optimized with VGG-19.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import statistics
import time
from collections import deque
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import nn

from nst.backbones.backbone import Backbone
from nst.backbones.loading import load_networks
from nst.backbones.student import LEARNED
from nst.backbones.vgg19 import VGG19
from nst.benchmark import metrics
from nst.benchmark.speed import random_weights
from nst.hub import weights
from nst.images import open_image
from nst.models import MODELS
from nst.optimization.run import optimize
from nst.settings import PRESETS, Settings
from nst.training import distillation, model_card
from nst.training.photos import pictures

FILE = "student.safetensors"
LICENSE = "MIT; learned from VGG-19 (Simonyan & Zisserman 2014, CC BY 4.0), none of whose weights it has"
SIDES, REPEATS = (256, 512, 1024), 5  # of the pictures on which steps are timed, and how often


def size(network: Backbone) -> tuple[int, int]:
    """Count the parameters in use, and their multiplications for a picture of 256 x 256."""
    parameters = multiplied = 0

    def count(module: nn.Module, given: Any, found: torch.Tensor) -> None:
        nonlocal parameters, multiplied
        parameters += sum(p.numel() for p in module.parameters())
        multiplied += found.numel() * module.weight[0].numel()

    hooks = [m.register_forward_hook(count) for m in network.modules() if isinstance(m, nn.Conv2d)]
    with torch.no_grad():
        network(torch.rand(1, 3, 256, 256, device=network.mean.device), LEARNED)
    for hook in hooks:
        hook.remove()
    return parameters, multiplied


def step(network: Backbone, side: int) -> float:
    """Measure the seconds of one forward and backward pass through all layers in use, the median."""
    seconds = []
    for _ in range(REPEATS + 1):
        picture = torch.rand(1, 3, side, side, device=network.mean.device).requires_grad_()
        began = time.perf_counter()
        found = network(picture, LEARNED)
        gradient = torch.autograd.grad(sum(f.float().mean() for f in found.values()), picture)[0]
        gradient.sum().item()  # waits for a GPU
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:])


def costs(student: Backbone, vgg19: Backbone) -> dict[str, Any]:
    """Return parameters, multiplications, and seconds of a step at each of ``SIDES``, for both networks."""
    parameters, multiplied = zip(size(student), size(vgg19), strict=True)
    steps = {str(side): [round(step(network, side), 4) for network in (student, vgg19)] for side in SIDES}
    return {"parameters": parameters, "multiplications": multiplied, "steps": steps}


def painted(photo: Image.Image, painting: Image.Image, settings: Settings, **options: Any) -> tuple[Image.Image, float]:
    """Return the finished picture, and the seconds it took."""
    began = time.perf_counter()
    (last,) = deque(optimize(photo, painting, settings, **options), maxlen=1)
    return last.image, time.perf_counter() - began


def ways(photo: Image.Image, painting: Image.Image) -> dict[str, tuple[Image.Image, float]]:
    """Return what Quick, Quick with its finish, and Full make of a pair, and the total seconds of each."""
    student = PRESETS["quick"].settings()
    quick, first = painted(photo, painting, student)
    finished, rest = painted(photo, painting, student.finishing(), init=quick)
    return {"quick": (quick, first), "finished": (finished, first + rest), "full": painted(photo, painting, Settings())}


def figures(photo: Path, painting: Path, judge: VGG19, untaught: VGG19) -> dict[str, dict[str, float]]:
    """Return, for each of these methods, the distances under both judges, and the seconds."""
    images, found = [open_image(file).image for file in (photo, painting)], {}
    for name, (image, seconds) in ways(*images).items():
        found[name] = metrics.distances(judge, *images, image) | {"seconds": seconds}
        found[name]["untaught"] = metrics.distances(untaught, *images, image)["style"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, help="what distill.py or deep.py left")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photographs to measure on")
    parser.add_argument("--paintings", type=Path, required=True, help="a folder of as many paintings")
    parser.add_argument("--pairs", type=int, default=10)
    options = parser.parse_args()
    pairs = list(zip(pictures(options.photos), pictures(options.paintings), strict=False))[: options.pairs]
    if not pairs:
        raise SystemExit(f"No pictures to measure on in {options.photos} and {options.paintings}.")
    data = (options.out / FILE).read_bytes()
    entry: dict[str, Any] = {"file": FILE, "sha256": hashlib.sha256(data).hexdigest(), "license": LICENSE}
    entry |= {"taught": distillation.taught(options.out / FILE)}
    partial = MODELS / f"{FILE}.partial"
    partial.write_bytes(data)
    os.replace(partial, MODELS / FILE)
    (MODELS / "student.json").write_text(json.dumps(entry, indent=2) + "\n", "utf-8")

    student, vgg19 = load_networks(Settings(network="student")).fine, load_networks(Settings()).fine
    threads = f"{torch.get_num_threads()} threads" if student.mean.device.type == "cpu" else str(student.mean.device)
    entry |= {"machine": f"{threads}, {student.number}".replace("torch.", ""), "costs": costs(student, vgg19)}
    judge, untaught = VGG19(weights.vgg19()), VGG19(random_weights())
    found = []
    for photo, painting in pairs:
        found.append(figures(photo, painting, judge, untaught))
        print(photo.stem, painting.stem, found[-1], flush=True)
    entry |= {"pairs": len(pairs)}
    entry["ways"] = {
        name: {key: round(statistics.median(f[name][key] for f in found), 3) for key in found[0][name]}
        for name in found[0]
    }
    (MODELS / "student.json").write_text(json.dumps(entry, indent=2) + "\n", "utf-8")
    model_card.write()


if __name__ == "__main__":
    main()
