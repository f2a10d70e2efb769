"""Train the fast styles: ``python -m nst.training.train OUT --photos FOLDER PAINTING ...``.

Johnson et al. (2016): one network is trained so that its output has the painting's Gram matrices
and the photograph's content under VGG-19, here for all paintings at once, each crop of a batch in a
style of its own. A painting is a file, whose name is the style's id, or ``id=file``; one that is named
twice gets twice as many crops. Each crop also draws a dose (see ``network.py``): mostly the full style,
sometimes less or more.

How far a style may lead from the content, and how rough its strokes may be, are set in figures that
mean the same for all (``--content``, ``--noise``, as ``measure.py`` has them), on whole photographs that
are not trained on. Crops are closer to the photo and smoother than these, by how much depends on the
style. So what crops are to come to, and the weights that lead there, are found while training, for every
style its own.

OUT receives ``checkpoint.pt`` (run the same command again to go on from it), ``losses.csv`` and
``sheet-STEP.jpg``, a photograph in every style, for a person to look at. ``--start`` begins with the
weights of an exported file instead; with ``--add``, the network's own weights stay as they are, and
only the new styles' scales and shifts are learned. Runs on a GPU when there is one, else on the CPU in
bfloat16, about ten times slower.
"""

from __future__ import annotations

import argparse
import copy
import csv
import math
import os
import random
import re
import signal
import time
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageOps

from nst import weights
from nst.images import open_image
from nst.networks import VGG19
from nst.tensors import to_picture, to_tensor
from nst.training import export
from nst.training.aims import Balance, figures, measure_whole, style_grams
from nst.training.network import ConditionalNorm, StyleNetwork
from nst.training.photos import Photos

CROPS = ((0.0, 192), (0.85, 256))  # progress, side of the crops from there on
MEASURED = 5  # times in a run, on whole photographs
NORM_RATE = 4  # of scales and shifts, against the rate of all: a style has only these, and only its own steps
GLOW = 6.0  # weight of what drifts where a photograph is plain
GRID = 10.0  # of what repeats itself with the network's stride
KEEP = 0.997  # of the averaged weights, at each step


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, help="where the checkpoint and the sheets go")
    parser.add_argument("paintings", nargs="+", metavar="PAINTING", help="a picture file, or id=file")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photographs, short side 256 or more")
    parser.add_argument("--start", type=Path, help="an exported model to begin with")
    parser.add_argument("--add", action="store_true", help="learn the new styles only, leave what --start has")
    parser.add_argument("--steps", type=int, default=40_000)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rate", type=float, default=2e-3, help="Adam's step, falling along a cosine")
    parser.add_argument("--content", type=float, default=0.785, help="content distance of whole photos to come to")
    parser.add_argument("--noise", type=float, default=1.4, help="noise of whole photos to come to")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=250, help="steps between checkpoints and sheets")
    parser.add_argument("--weights", type=Path, help="a VGG-19 file; default: from the Hub, as the app does")
    return parser.parse_args()


def draw(step: int, batch: int, styles: list[int]) -> list[tuple[int, float]]:
    """A style and a dose for each crop of a batch: all styles in turn, in an order that changes; the
    full style two times of three, else anything from a little to more than full."""
    drawn = []
    for number in range(step * batch, (step + 1) * batch):
        order = styles.copy()
        random.Random(number // len(styles)).shuffle(order)
        rng = random.Random(f"dose {number}")
        drawn.append((order[number % len(styles)], 1.0 if rng.random() < 2 / 3 else rng.uniform(0.1, 1.3)))
    return drawn


def rate_at(progress: float, top: float) -> float:
    """A short warm-up, then a cosine down to a fiftieth."""
    return top * min(1.0, progress / 0.01 + 0.02) * (0.02 + 0.98 * (1 + math.cos(math.pi * progress)) / 2)


def sheet(network: StyleNetwork, photo: Image.Image, device: torch.device) -> Image.Image:
    """The photograph, then what every style makes of it."""
    network.eval()
    x, styles = to_tensor(photo, device), network.config["styles"]
    with torch.no_grad():
        made = [x] + [network(x, mix[None]) for mix in torch.eye(styles, device=device)]
    network.train()
    made += [torch.ones_like(x)] * (-len(made) % 4)
    rows = [torch.cat(made[n : n + 4], dim=3) for n in range(0, len(made), 4)]
    return to_picture(torch.cat(rows, dim=2))


def save(path: Path, state: dict) -> None:
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def named(painting: str) -> tuple[str, Path]:
    """Style id and file of a command line's ``id=file`` or ``file``."""
    name, equals, file = painting.partition("=")
    if equals and re.fullmatch(r"[\w-]+", name):
        return name, Path(file)
    return Path(painting).stem.lower().replace("_", "-"), Path(painting)


def begin(options: argparse.Namespace, ids: list[str]) -> dict[str, Any]:
    """The state that a training starts with: fresh, or an exported model's with rows for the new styles."""
    if options.start is None:
        network = StyleNetwork(len(ids))
        balance = Balance.fresh(len(ids), options.content, options.noise)
        state = {"config": network.config, "ids": ids, "new": ids, "network": network.state_dict(), "trained": 0}
        return state | {"average": network.state_dict(), "step": 0, "balance": vars(balance)}
    known = export.read(options.start)
    new = [name for name in ids if name not in known["ids"]]
    tensors = {}
    for name, value in known["network"].items():
        if name.endswith((".scale", ".shift")):
            # A new style begins as the mean of all that are there.
            value = torch.cat([value, value[1:].mean(dim=0, keepdim=True).expand(len(new), -1)])
        tensors[name] = value
    fresh = Balance.fresh(len(new), options.content, options.noise)
    # What a style's crops are to come to is what they came to when it was trained last.
    balance = Balance(*(torch.cat([known["balance"][f.name], getattr(fresh, f.name)]) for f in fields(fresh)))
    config = known["config"] | {"styles": len(known["ids"]) + len(new)}
    state = {"config": config, "ids": known["ids"] + new, "new": new, "network": tensors, "trained": known["trained"]}
    return state | {"average": copy.deepcopy(tensors), "step": 0, "balance": vars(balance)}


def keep_the_rest(network: StyleNetwork, learned: list[int]) -> None:
    """Let only the scales and shifts of the styles ``learned`` change."""
    network.requires_grad_(False)
    for norm in network.modules():
        if isinstance(norm, ConditionalNorm):
            rows = torch.zeros(len(norm.scale), 1, device=norm.scale.device)
            rows[[n + 1 for n in learned]] = 1
            for parameter in (norm.scale, norm.shift):
                parameter.requires_grad_().register_hook(rows.mul)


def main() -> None:
    options = parse()
    if options.add and options.start is None:
        raise SystemExit("--add adds to a trained model: name it with --start.")
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    layout = torch.channels_last

    judge = VGG19(weights.read(options.weights) if options.weights else weights.vgg19())
    judge = judge.to(device, torch.bfloat16, memory_format=layout)
    paintings = dict(map(named, options.paintings))
    checkpoint = options.out / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        print(f"going on from step {state['step']}", flush=True)
    else:
        state = begin(options, list(paintings))
    ids, new = state["ids"], set(state["new"])
    if strange := paintings.keys() - set(ids):
        raise SystemExit(f"{checkpoint} was begun without {', '.join(sorted(strange))}: choose another OUT.")
    if options.add and (missing := new - paintings.keys()):
        raise SystemExit(f"{checkpoint} was begun with {', '.join(sorted(missing))} too: name all that are added.")
    learned = [n for n, name in enumerate(ids) if name in (new if options.add else paintings)]
    turns = [n for n in (ids.index(named(painting)[0]) for painting in options.paintings) if n in learned]
    if not learned:
        raise SystemExit("None of the paintings is new to the model; leave out --add to train them further.")
    targets = {n: style_grams(judge, paintings[ids[n]], device) for n in learned}
    photos = Photos(options.photos, judge, options.seed)
    sample = ImageOps.fit(open_image(photos.held_out[0]).image, (256, 256))

    network = StyleNetwork(**state["config"]).to(device, memory_format=layout)
    network.load_state_dict(state["network"])
    average = copy.deepcopy(network).requires_grad_(False)
    average.load_state_dict(state["average"])
    if options.add:
        keep_the_rest(network, learned)
    groups = {True: [], False: []}
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            groups[name.endswith((".scale", ".shift"))].append(parameter)
    parts = [{"params": p, "times": NORM_RATE if norm else 1} for norm, p in groups.items() if p]
    optimizer = torch.optim.Adam(parts, lr=options.rate)
    if "optimizer" in state:
        optimizer.load_state_dict(state["optimizer"])
    balance = Balance(**state["balance"])

    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    start, began = state["step"], time.monotonic()
    recent: dict[str, list[float]] = {}
    with (options.out / "losses.csv").open("a", newline="") as file:
        log = csv.writer(file)
        for step in range(start, options.steps):
            progress = step / options.steps
            side = [size for since, size in CROPS if progress >= since][-1]
            for group in optimizer.param_groups:
                group["lr"] = rate_at(progress, options.rate) * group["times"]
            photo, structure = photos.batch(step, options.batch, side)
            drawn = draw(step, options.batch, turns)
            mix = torch.zeros(options.batch, len(ids), device=device)
            for row, (style, dose) in zip(mix, drawn, strict=True):
                row[style] = dose
            with torch.autocast(device.type, torch.bfloat16):
                painting = network(photo.contiguous(memory_format=layout), mix).float()
            found = figures(judge, painting, photo, structure, [targets[style] for style, _ in drawn])
            chosen = torch.tensor([style for style, _ in drawn])
            dose = mix.sum(dim=1)
            # A lower dose leans toward the content and away from the style. By the root, or little would change
            # below a dose of three quarters.
            total = (
                dose.sqrt() * found["style"]
                + (2 - dose) * balance.content[chosen].to(device) * found["content"]
                + balance.smooth[chosen].to(device) * found["noise"]
                + GLOW * found["glow"]
                + GRID * found["grid"]
            ).mean()
            optimizer.zero_grad()
            total.backward()
            # A crop of one color has no variance, and its gradient may know no bounds.
            if bool(torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0).isfinite()):
                optimizer.step()
            share = min(KEEP, (step + 1) / (step + 10))
            with torch.no_grad():
                for mean, now in zip(average.parameters(), network.parameters(), strict=True):
                    mean.lerp_(now, 1 - share)
            values = torch.stack(
                [found[k].detach() for k in ("style", "content", "noise", "glow", "grid")], dim=1
            ).tolist()
            for (style, amount), made in zip(drawn, values, strict=True):
                near, far, rough, *_ = made
                log.writerow([step, side, ids[style], f"{amount:.2f}", *(f"{value:.4f}" for value in made)])
                if amount == 1:
                    balance.follow(style, far, rough)
                    recent.setdefault(ids[style], []).append(near)
            done = step + 1
            if done % max(1, options.steps // MEASURED) == 0:
                print("whole photographs:", flush=True)
                for style, made in measure_whole(average, judge, photos, targets).items():
                    balance.aim(style, made["content"] - options.content, made["noise"] - options.noise)
                    print(f"{ids[style]:24}", *(f"{name} {value:.3f}" for name, value in made.items()), flush=True)
            if done % options.every == 0 or done == options.steps or stopped:
                file.flush()
                state |= {
                    "step": done,
                    "network": network.state_dict(),
                    "average": average.state_dict(),
                    "optimizer": optimizer.state_dict(),
                    "balance": vars(balance),
                }
                save(checkpoint, state)
                sheet(average, sample, device).save(options.out / f"sheet-{done}.jpg", quality=92)
                pace = (time.monotonic() - began) / (done - start)
                print(f"step {done}/{options.steps}  {pace:.2f} s a step; mean style distance since the last:")
                print("  ".join(f"{name} {sum(v) / len(v):.3f}" for name, v in recent.items()), flush=True)
                recent.clear()
            if stopped:
                return


if __name__ == "__main__":
    main()
