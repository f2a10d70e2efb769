"""Time this program on this machine: ``python -m nst.benchmark``, and ``python -m nst.benchmark optimize``.

Prints a table of medians: both engines when warm, the optimizer's step and its first picture. Nothing is downloaded: if
VGG-19 has not been downloaded yet, its layout with random weights is used, which takes the same time. The pictures are
drawn here; timings do not depend on what they show.

``optimize`` compares the textbook's loop with ours (see ``race.py``), on files or, without any, on pictures drawn here.
It needs the real VGG-19, and downloads it if necessary.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from nst import device
from nst.backbones.kinds import VGG_SHAPES as SHAPES
from nst.backbones.loading import load_networks
from nst.benchmark import race
from nst.drawings import tiles, wind
from nst.errors import SettingsError
from nst.feedforward import fast
from nst.hub import weights
from nst.images import open_image
from nst.optimization.run import optimize
from nst.settings import KNOBS, Settings

FAST_SIZES = (256, 512, 1024, 2048)
COMPARED = (512, 1024)
OPTIMIZE_SIZES = (256, 384, 512)
LABELS = {"Quick": "student", "Full": "vgg19"}  # in the order in which they are timed


def drawn(width: int, height: int, seed: int) -> Image.Image:
    """Return a picture of soft blotches."""
    coarse = np.random.default_rng(seed).integers(0, 256, (12, 16, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def median(task: Callable[[], object], repeats: int) -> float:
    """Return the seconds that ``task`` takes, the median of ``repeats`` runs after one to warm up."""
    task()
    seconds = []
    for _ in range(repeats):
        began = time.perf_counter()
        task()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def first_and_step(settings: Settings) -> tuple[float, float]:
    """Return the seconds until the first picture, and those of a step at full size (the median)."""
    began = time.perf_counter()
    first, stamps = None, []
    for step in optimize(drawn(640, 480, 1), drawn(480, 600, 2), settings):
        if first is None:
            step.image.load()
            first = time.perf_counter() - began
        if max(step.scale) == settings.size:
            stamps.append(step.seconds)
    return first, statistics.median(np.diff(stamps))


def random_weights() -> dict[str, torch.Tensor]:
    """Return tensors with VGG-19's names and shapes, scaled so that activations neither vanish nor explode (He et al.
    2015)."""
    torch.manual_seed(0)
    return {
        name: torch.randn(shape) * (2 / np.prod(shape[1:])) ** 0.5 if len(shape) > 1 else torch.zeros(shape)
        for name, shape in SHAPES.items()
    }


def row(what: str, seconds: float) -> None:
    print(f"| {what} | {seconds:.2f} s |", flush=True)


def setting(given: str) -> tuple[str, str | float]:
    """Return name and value of ``name=value``."""
    name, _, value = given.partition("=")
    return name, value if KNOBS.get(name) and KNOBS[name].choices else float(value)


def compared(options: argparse.Namespace) -> None:
    """Print a row for each pair, and the median of how many times sooner ours gets there."""
    if options.textbook_steps < 1:
        raise SystemExit("The textbook's loop takes one step at least.")
    if len(options.files) % 2:
        raise SystemExit("Name a photograph and a painting, or several such pairs.")
    named = zip(options.files[::2], options.files[1::2], strict=True)
    pairs = [(f"{Path(a).stem}-{Path(b).stem}", open_image(a).image, open_image(b).image) for a, b in named]
    pairs = pairs or [("tiles-wind", tiles(), wind())]
    try:
        settings = Settings.from_dict({"size": options.size, **dict(map(setting, options.set))})
    except (ValueError, SettingsError) as error:
        raise SystemExit(f"A setting cannot be taken: {error}") from error
    figures = "style, content, noise"
    print(f"| pair | textbook | {figures} | style weight | ours | {figures} | as good after | sooner |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    races = []
    for name, photo, painting in pairs:
        result = race.run(photo, painting, settings, options.textbook_steps)
        theirs, ours = (
            [f"{last.seconds:.0f} s", f"{last.style:.3f}, {last.content:.3f}, {last.noise:.2f}"]
            for last in (result.textbook[-1], result.ours[-1])
        )
        cells = [name, *theirs, f"{result.style_weight:.2f}", *ours]
        there = result.there
        cells += ["never", "–"] if there is None else [f"{there.seconds:.0f} s", f"{result.ratio:.1f} times"]
        print("|", " | ".join(cells), "|", flush=True)
        races.append(result)
        if options.out:
            options.out.mkdir(parents=True, exist_ok=True)
            race.draw(races, options.out / "curves.svg")
            for method, picture in zip(("textbook", "ours"), result.pictures, strict=True):
                picture.save(options.out / f"{name}-{method}.png")
    median = statistics.median(result.ratio for result in races)
    print(f"\nMedian: {median:.1f} times sooner; a pair that never got there counts as 0.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    kinds = parser.add_subparsers()
    kind = kinds.add_parser("optimize", help="the full method beside the textbook's loop")
    kind.add_argument("files", nargs="*", help="a photograph and a painting, or several such pairs")
    kind.add_argument("--size", type=int, default=Settings().size)
    kind.add_argument(
        "--set", nargs="*", default=[], metavar="NAME=VALUE", help="other settings of ours than the usual"
    )
    kind.add_argument("--textbook-steps", type=int, default=300)
    kind.add_argument("--out", type=Path, help="a folder for the curves and the pictures")
    kind.set_defaults(run=compared)
    parser.set_defaults(run=timed)
    parser.add_argument("--repeats", type=int, default=5, help="runs of the fast engine, of which the median is told")
    parser.add_argument("--steps", type=int, default=20, help="steps of the optimizer")
    options = parser.parse_args()
    options.run(options)


def timed(options: argparse.Namespace) -> None:
    """Print the table of both engines' times."""
    where = device.choose()
    print(f"{platform.system()} {platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")
    print(f"Optimize: {device.describe(where)}, {device.number_format(where)}; Fast: {fast.provider()}")
    if not weights.cached():
        print("VGG-19 is not downloaded: random weights take its place.")
        weights.vgg19 = lambda progress=None: random_weights()
    print("\n| task | time |\n| --- | --- |")
    for size in FAST_SIZES:
        photo = drawn(size, size, 0)
        row(f"Fast, {size} x {size}", median(lambda photo=photo: fast.stylize(photo), options.repeats))
    try:
        from nst.benchmark.johnson import compare
    except ImportError as error:
        print(f"The comparison with the classic network needs tests/requirements.txt: {error}")
    else:
        for size, (classic, ours) in compare(COMPARED, options.repeats).items():
            row(f"One pass of the classic network, {size} x {size}, two threads", classic)
            row(f"One pass of ours, {size} x {size}, two threads: {classic / ours:.1f} times faster", ours)
    for name, network in LABELS.items():
        began = time.perf_counter()
        load_networks(Settings(network=network))
        row(f"{name}, the network from the disk", time.perf_counter() - began)
        first_and_step(Settings(size=64, steps=5, network=network))  # one-time costs of torch are not a picture's
        for size in OPTIMIZE_SIZES:
            first, step = first_and_step(Settings(size=size, steps=options.steps, network=network))
            row(f"{name}, {size} x {size * 3 // 4}, first picture", first)
            row(f"{name}, {size} x {size * 3 // 4}, a step at full size", step)
    for name, network in (LABELS | {"Quick, then Full": "both"}).items():
        began = time.perf_counter()
        for _ in optimize(drawn(640, 480, 1), drawn(480, 600, 2), Settings().judged_by(network)):
            pass
        row(f"{name}, default settings, finished", time.perf_counter() - began)
