"""Ship a trained student: ``python -m nst.training.publish_student OUT --paintings FOLDER --photos FOLDER``.

OUT is what ``distill.py`` left. Writes ``models/student.safetensors`` and its entry ``models/student.json``, with
what it costs against VGG-19 on this machine, and how far the pictures that it leads to are from a painting's style
and a photograph's content under VGG-19, beside those that VGG-19 leads to.
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

from nst import measure, weights
from nst.fast import MODELS
from nst.images import open_image
from nst.judges import load_judges
from nst.networks import VGG19
from nst.optimize import optimize
from nst.settings import Settings
from nst.student import LEARNED, Network
from nst.training.publish import pictures

FILE = "student.safetensors"
LICENSE = "MIT; learned from VGG-19 (Simonyan & Zisserman 2014, CC BY 4.0), none of whose weights it has"
SIDES, REPEATS = (256, 512, 1024), 5  # of the pictures whose steps are timed
CARD = """
# The student

A small network, `student.safetensors`, that judges pictures in the place of VGG-19 ("Quick"), run by `nst/student.py`.
This part of the card is made from `student.json` by `python -m nst.training.publish_student`.

| | Student | VGG-19 to relu5_1 |
| --- | --- | --- |
{costs}

A step is the network's way forward and back, on {machine}, the median of {repeats}; with both networks in one run.

| Way | Style distance | Content distance | Noise | Time |
| --- | --- | --- | --- | --- |
{ways}

Medians over {pairs} photographs with as many paintings, {size} px, default settings, measured under VGG-19 as above.
*Finished* is *Quick* gone on from with VGG-19. None of these photographs and paintings was trained on.

- **Training**: {steps} steps, `python -m nst.training.distill`, of freely licensed photographs and paintings in
  the public domain: what VGG-19 sees in them, in such pictures disturbed, and in the student's own paintings.
- **License**: {license}.
- **Meant for** leading a style transfer. It has never learned what things are, and is no classifier.
"""


def size(network: Network) -> tuple[int, int]:
    """Parameters in use, and their multiplications for a picture of 256 x 256."""
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


def step(network: Network, side: int) -> float:
    """Seconds of one way forward and back through all layers in use, the median."""
    seconds = []
    for _ in range(REPEATS + 1):
        picture = torch.rand(1, 3, side, side, device=network.mean.device).requires_grad_()
        began = time.perf_counter()
        found = network(picture, LEARNED)
        gradient = torch.autograd.grad(sum(f.float().mean() for f in found.values()), picture)[0]
        gradient.sum().item()  # a GPU is waited for
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds[1:])


def costs(student: Network, vgg19: Network) -> dict[str, Any]:
    """Parameters, multiplications, and seconds of a step at each of SIDES, of both."""
    parameters, multiplied = zip(size(student), size(vgg19), strict=True)
    steps = {str(side): [round(step(network, side), 4) for network in (student, vgg19)] for side in SIDES}
    return {"parameters": parameters, "multiplications": multiplied, "steps": steps}


def painted(photo: Image.Image, painting: Image.Image, settings: Settings, **options: Any) -> tuple[Image.Image, float]:
    """The finished picture, and the seconds that it took."""
    began = time.perf_counter()
    (last,) = deque(optimize(photo, painting, settings, **options), maxlen=1)
    return last.image, time.perf_counter() - began


def ways(photo: Path, painting: Path, judge: VGG19) -> dict[str, dict[str, float]]:
    """Figures of the pictures that Quick, Quick and its finish, and Full come to."""
    images = [open_image(file).image for file in (photo, painting)]
    student = Settings(network="student")
    quick, first = painted(*images, student)
    finished, rest = painted(*images, student.finishing(), init=quick)
    full, whole = painted(*images, Settings())
    made = {"quick": (quick, first), "finished": (finished, first + rest), "full": (full, whole)}
    return {
        name: measure.distances(judge, *images, image) | {"seconds": seconds} for name, (image, seconds) in made.items()
    }


def card(entry: dict[str, Any]) -> str:
    """The model card's part on the student."""
    cost, rows = entry["costs"], []
    small, large = cost["parameters"]
    rows.append(f"| Parameters | {small / 1e6:.2f} million | {large / 1e6:.2f} million |")
    small, large = cost["multiplications"]
    rows.append(f"| Multiplications at 256 × 256 px | {small / 1e9:.2f} billion | {large / 1e9:.2f} billion |")
    for side, (small, large) in cost["steps"].items():
        rows.append(
            f"| A step at {side} × {side} px | {small:.3f} s | {large:.3f} s, {large / small:.1f} times as long |"
        )
    table = [
        f"| {name.capitalize()} | {m['style']:.3f} | {m['content']:.3f} | {m['noise']:.2f} | {m['seconds']:.1f} s |"
        for name, m in entry["ways"].items()
    ]
    told = {key: entry[key] for key in ("machine", "pairs", "license")}
    told |= {"steps": entry["trained"], "repeats": REPEATS, "size": Settings().size}
    return CARD.format(costs="\n".join(rows), ways="\n".join(table), **told)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, help="what distill.py left")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photographs to measure on")
    parser.add_argument("--paintings", type=Path, required=True, help="a folder of as many paintings")
    parser.add_argument("--pairs", type=int, default=10)
    options = parser.parse_args()
    pairs = list(zip(pictures(options.photos), pictures(options.paintings), strict=False))[: options.pairs]
    if not pairs:
        raise SystemExit(f"No pictures to measure on in {options.photos} and {options.paintings}.")
    data = (options.out / FILE).read_bytes()
    trained = torch.load(options.out / "checkpoint.pt", map_location="cpu", weights_only=True)["step"]
    entry: dict[str, Any] = {"file": FILE, "sha256": hashlib.sha256(data).hexdigest(), "license": LICENSE}
    entry |= {"trained": trained}
    partial = MODELS / f"{FILE}.partial"
    partial.write_bytes(data)
    os.replace(partial, MODELS / FILE)
    (MODELS / "student.json").write_text(json.dumps(entry, indent=2) + "\n", "utf-8")

    student, vgg19 = load_judges(Settings(network="student")).fine, load_judges(Settings()).fine
    threads = f"{torch.get_num_threads()} threads" if student.mean.device.type == "cpu" else str(student.mean.device)
    entry |= {"machine": f"{threads}, {student.number}".replace("torch.", ""), "costs": costs(student, vgg19)}
    judge = VGG19(weights.vgg19())
    found = []
    for photo, painting in pairs:
        found.append(ways(photo, painting, judge))
        print(photo.stem, painting.stem, found[-1], flush=True)
    entry |= {"pairs": len(pairs)}
    entry["ways"] = {
        name: {key: round(statistics.median(f[name][key] for f in found), 3) for key in found[0][name]}
        for name in found[0]
    }
    (MODELS / "student.json").write_text(json.dumps(entry, indent=2) + "\n", "utf-8")
    text = (MODELS / "README.md").read_text("utf-8")
    (MODELS / "README.md").write_text(text.split("\n# The student")[0] + card(entry), "utf-8")


if __name__ == "__main__":
    main()
