"""Train the feed-forward network: ``python -m nst.training.train OUT --photos PHOTOS --paintings PAINTINGS STYLE ...``.

As in Johnson et al. (2016), a network is trained so that its output has the painting's Gram matrices and the
photograph's content under VGG-19. Here one network learns all styles at once (Dumoulin et al. 2016), each at fine and
broad strokes and at every dose, with a stroke field to paint with where a photograph is flat; and an encoder learns to
predict the style of any painting (Ghiasi et al. 2017). Two of three groups of crops are painted in a style of the
catalog, which has vectors of its own; the third in the style that the encoder predicts for one of all paintings, in an
augmented version that changes all the time.

PHOTOS and PAINTINGS are folders or tar files. A STYLE is the name of a painting's file without its suffix, or
``id=name``. ``--minutes`` is the length of the whole run, over which the learning rate decays; started again, it
resumes from OUT. ``--start`` starts from the result of another run, or from ``models/``; with ``--add`` the network is
frozen, and only the vectors of the new styles are learned. OUT receives ``checkpoint/``, ``losses.csv``, ``sheet.jpg``
(a photograph in every style, for visual inspection), and at the end ``figures.json``.

The content distance that a style is to have is set for whole photographs that are not trained on (``--content``). Crops
are closer to the photo than these, by an amount that depends on the style. So the target for crops, and the content
weight that reaches it, are found during training, separately for every style.

On a GPU, photographs are kept in its memory as bytes, and no step waits for a figure to be read. On a CPU,
computation is in bfloat16 if the processor can multiply in it. ``--judge student`` is three times cheaper there, for
the first part of a run.
"""

from __future__ import annotations

import argparse
import csv
import json
import signal
import sys
import time
from pathlib import Path

import torch
from torch import Tensor

from nst.device import describe
from nst.feedforward.objective import TOGETHER
from nst.training.pool import ENDS
from nst.training.style_trainer import Training, lesson
from nst.training.turns import LEVELS, Group

LOOKED_AT = (2, 10)  # photographs measured during training: on a CPU, on a GPU
SAVED = 60.0  # seconds between checkpoints


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, help="where the checkpoint and the sheet go")
    parser.add_argument("styles", nargs="+", metavar="STYLE", help="a painting's name, or id=name")
    parser.add_argument("--photos", type=Path, required=True, help="a folder or tar file of photographs")
    parser.add_argument("--paintings", type=Path, required=True, help="a folder or tar file of paintings")
    parser.add_argument(
        "--leave-out", nargs="*", default=[], metavar="NAME", help="paintings that nothing is to learn from"
    )
    parser.add_argument("--start", type=Path, help="a training's checkpoint/, or a models/ folder, to begin with")
    parser.add_argument(
        "--add", action="store_true", help="learn these styles only, leave all that --start has as it is"
    )
    parser.add_argument("--minutes", type=float, default=120, help="length of the course")
    parser.add_argument("--groups", type=int, help="groups of two crops in a step; default: 1, on a GPU 8")
    parser.add_argument(
        "--pool", type=int, default=96, help="versions of paintings that the encoder learns from at a time"
    )
    parser.add_argument("--renew", type=int, default=6, help="steps after which one of them is replaced")
    parser.add_argument("--rate", type=float, default=1.5e-3, help="Adam's step, falling along a cosine")
    parser.add_argument("--content", type=float, default=0.84, help="content distance that whole photos are to come to")
    parser.add_argument("--content-of", nargs="*", default=[], metavar="ID=DISTANCE", help="the same for single styles")
    parser.add_argument(
        "--most-content", nargs="*", default=[], metavar="ID=WEIGHT", help="bound of content's weight, single styles"
    )
    parser.add_argument("--looks", type=int, default=4, help="how often whole photographs are measured on the way")
    parser.add_argument("--measure", type=int, default=10, help="photographs held out to measure on at the end")
    parser.add_argument("--judge", choices=("vgg19", "student"), default="vgg19")
    parser.add_argument("--weights", type=Path, help="a VGG-19 file; default: from the Hub, as the app does")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(arguments)


def main() -> None:
    options = parse()
    options.out.mkdir(parents=True, exist_ok=True)
    training = Training(options)
    print(
        f"{describe(training.device)}, {training.number}; {len(training.photos.sizes)} photographs, "
        f"{len(training.pool.paintings)} paintings",
        flush=True,
    )
    stopped = []
    before_signals = {
        name: signal.signal(name, lambda *_: stopped.append(True)) for name in (signal.SIGTERM, signal.SIGINT)
    }
    end, saved, pictures = 60 * options.minutes, time.monotonic(), 0
    looks = [end * (n + 1) / (options.looks + 1) for n in range(options.looks)]
    looks = [when for when in looks if when > training.seconds]
    pending: list[tuple[int, list[Group], Tensor]] = []
    with (options.out / "losses.csv").open("a", newline="") as file:
        log = csv.writer(file)
        began, before = time.monotonic(), training.seconds
        while training.seconds < end and not stopped:
            figures = lesson(training)
            pending.append((training.step, training.chosen, figures))
            pictures += training.groups * TOGETHER
            if looks and training.seconds > looks[0]:
                looks.pop(0)
                seen = training.look(LOOKED_AT[training.device.type == "cuda"])
                print("content of whole photographs:", ", ".join(f"{n} {d:.3f}" for n, d in seen.items()), flush=True)
            training.seconds = before + time.monotonic() - began
            if time.monotonic() - saved > SAVED or training.seconds >= end or stopped:
                for step, chosen, values in pending:
                    for group, value in zip(chosen, values.tolist(), strict=True):
                        name = training.ids[group.style] if group.wall else "any"
                        log.writerow(
                            [
                                step,
                                name,
                                (list(LEVELS) if group.wall else ENDS)[group.level],
                                f"{group.dose:.2f}",
                                *(f"{v:.4f}" for v in value),
                            ]
                        )
                file.flush()
                recent = torch.cat([values[:, :4] for _, _, values in pending]).mean(dim=0).tolist()
                pending.clear()
                training.save()
                saved = time.monotonic()
                rate = pictures / (saved - began)
                print(
                    f"step {training.step}, {training.seconds / 60:.1f} of {options.minutes:g} minutes, {rate:.1f} "
                    "pictures a second; style {:.3f}, content {:.3f}, roughness {:.2f}, grid {:.4f}".format(*recent),
                    flush=True,
                )
    for name, handler in before_signals.items():
        signal.signal(name, handler)
    if stopped:
        sys.exit(1)
    measured = training.measure(options.measure)
    told = {"judge": options.judge, "styles": measured}
    (options.out / "figures.json").write_text(json.dumps(told, indent=2) + "\n", "utf-8")
    for name, figures in measured.items():
        print(f"{name:22}", "  ".join(f"{key} {value:.3f}" for key, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()
