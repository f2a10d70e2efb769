"""Train the feed-forward network: ``python -m nst.training.train OUT --photos PHOTOS --paintings PAINTINGS STYLE ...``.

Johnson et al. (2016): a network is trained so that its output has the painting's Gram matrices and the photograph's
content under VGG-19. Here one network learns all styles at once (Dumoulin et al. 2016), each of them seen fine and
broad, at every dose, with a stroke field to paint with where a photograph is plain; and an encoder learns to predict
the style of any painting (Ghiasi et al. 2017). Two of three groups of crops are in a style of the wall, which has
vectors of its own; the third is in what the encoder predicts for one of all paintings, in a version of it that changes
all the time.

PHOTOS and PAINTINGS are folders or tar files. A STYLE is the name of a painting's file without its suffix, or
``id=name``. ``--minutes`` is the length of the whole course, along which the rate falls; started again, it goes on
from where OUT is. ``--start`` begins with what another training, or ``models/``, came to; with ``--add`` the network
stays as it is, and only vectors of the new styles are learned. OUT receives ``checkpoint/``, ``losses.csv``,
``sheet.jpg``, a photograph in every style, for a person to look at, and at the end ``figures.json``.

How far a style may lead from the content is set for whole photographs that are not trained on (``--content``). Crops
are closer to the photo than these, by how much depends on the style. So what crops are to come to, and the weight that
leads there, are found while training, for every style its own.

On a GPU, photographs stay on it as bytes, and no step waits for a figure. On a CPU it computes in bfloat16 where the
processor multiplies in it. ``--judge student`` is three times cheaper there, for the first part of a course.
"""

from __future__ import annotations

import argparse
import copy
import csv
import json
import math
import os
import random
import re
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image, ImageOps
from safetensors.torch import load_file
from torch import Tensor

from nst import losses, measure, weights
from nst.device import describe, number_format
from nst.feedforward import objective
from nst.feedforward.field import stroke_field
from nst.feedforward.objective import Targets, sides_of, statistics_of
from nst.networks import CONTENT_LAYER, VGG19
from nst.student import Student, shipped
from nst.tensors import to_picture, to_tensor
from nst.training import state
from nst.training.model import Model
from nst.training.photos import Photographs, opened
from nst.training.pool import ENDS, Pool

CROPS = ((0.0, 192), (0.6, 256), (0.9, 320))  # progress, side of the crops from there on
TOGETHER = 2  # crops of a group: in one style, their statistics taken together
ANY = 3  # one group of so many is in a style that the encoder predicts
LEVELS = {0.0: 3, 0.25: 2, 0.5: 2, 0.75: 1, 1.0: 2}  # from fine to broad, at which the wall is seen, and how often each
FULL = 0.75  # of the groups are at the full dose
RATES = {"network": 1.0, "identity": 2.0, "vectors": 2.0, "encoder": 0.5}  # against the rate
FIELD = 2048  # side of the stroke field that crops take windows of
CONTENT = 0.4  # weight of the content, to begin with
CLOSER = 0.08  # how much closer to the content crops are than whole photographs, to begin with
EASIER = 0.02  # how much closer what the encoder predicts is to stay
AIMS = (0.45, 1.0)  # content distance that crops are to come to
FOLLOWED = 0.7  # how far it follows what whole photographs come to, each time
LOOKED_AT = (2, 10)  # photographs that are measured on the way: on a CPU, on a GPU
LEAST = 1e-3  # deviation of what the encoder is told
BALANCE = 0.2  # how fast a style's weight of content follows its figure
LIMITS = (0.05, 0.5)  # of that weight: beyond, the style no longer leads
KEEP = 0.997  # of the averaged weights, at each step
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
    parser.add_argument("--looks", type=int, default=4, help="how often whole photographs are measured on the way")
    parser.add_argument("--measure", type=int, default=10, help="photographs held out to measure on at the end")
    parser.add_argument("--judge", choices=("vgg19", "student"), default="vgg19")
    parser.add_argument("--weights", type=Path, help="a VGG-19 file; default: from the Hub, as the app does")
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args(arguments)


def named(style: str) -> tuple[str, str]:
    """Style id and name of a command line's ``id=name`` or ``name``; hyphens of a name alone stand for underscores."""
    name, equals, file = style.partition("=")
    if equals and re.fullmatch(r"[\w-]+", name):
        return name, file
    return style.lower().replace("_", "-"), style.replace("-", "_")


@dataclass(frozen=True)
class Group:
    """What a group of crops is painted in."""

    wall: bool
    style: int
    level: int  # an index of LEVELS, or of ENDS
    dose: float


def drawn(number: int, turns: list[int], pool: int) -> Group:
    """The group of this number: the wall's styles in turn, in an order that changes; the full dose mostly, else
    anything from a little to more than full."""
    rng = random.Random(f"group {number}")
    dose = 1.0 if rng.random() < FULL else rng.uniform(0.1, 1.3)
    if pool and number % ANY == ANY - 1:
        return Group(False, rng.randrange(pool), rng.randrange(len(ENDS)), dose)
    turn = number - (number + 1) // ANY if pool else number
    order = turns.copy()
    random.Random(f"order {turn // len(order)}").shuffle(order)
    return Group(True, order[turn % len(order)], rng.choices(range(len(LEVELS)), LEVELS.values())[0], dose)


def rate_at(progress: float, top: float) -> float:
    """A short warm-up, then a cosine down to a fiftieth."""
    return top * min(1.0, progress / 0.01 + 0.02) * (0.02 + 0.98 * (1 + math.cos(math.pi * progress)) / 2)


def save(path: Path, content: dict) -> None:
    """Write a checkpoint of one file; the one before stays until the new one is whole."""
    partial = path.with_suffix(".partial")
    torch.save(content, partial)
    os.replace(partial, path)


@torch.no_grad()
def sheet(model: Model, photo: Image.Image, device: torch.device) -> Image.Image:
    """The photograph, then what every style makes of it, fine and, below it, broad."""
    model.eval()
    x, styles = to_tensor(photo, device), len(model.vectors)
    field = torch.from_numpy(stroke_field(photo.height, photo.width)).to(device)[None]
    rows = []
    for first in range(0, styles, 6):
        for end in (0, 1):
            made = [
                model.paint(x, field, vector[None], torch.ones(1, device=device))
                for vector in model.vectors[first : first + 6, end]
            ]
            made += [torch.ones_like(x)] * (min(6, styles) - len(made))
            rows.append(torch.cat([x, *made], dim=3))
    model.train()
    return to_picture(torch.cat(rows, dim=2))


class Training:
    """A course: model, averages, optimizer, and all that a step needs."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        if options.add:
            options.pool = 0  # the encoder stays as it is, too
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.number = number_format(self.device)
        self.groups = options.groups or (8 if self.device.type == "cuda" else 1)
        self.folder = options.out / "checkpoint"
        torch.manual_seed(options.seed)
        styles = dict(map(named, options.styles))
        self.ids = list(styles)
        # A style that is named twice gets twice as many crops.
        self.turns = [self.ids.index(named(style)[0]) for style in options.styles]
        self.kept: list[str] = []  # styles that stay as they are

        student = Student(shipped()).computing_in(self.number).to(self.device, memory_format=torch.channels_last)
        if options.judge == "student":
            judge = student
        else:
            judge = VGG19(load_file(options.weights) if options.weights else weights.vgg19())
            judge = judge.computing_in(self.number).to(self.device, memory_format=torch.channels_last)
        self.judge = judge
        self.photos = Photographs(options.photos, self.device)
        paintings = {name: picture for name, picture in opened(options.paintings) if name not in options.leave_out}
        if missing := sorted(set(styles.values()) - paintings.keys()):
            raise SystemExit(f"{options.paintings} has no {', '.join(missing)}.")
        sides = sides_of(tuple(LEVELS))
        self.targets = Targets.joined([statistics_of(judge, paintings[n], sides, self.device) for n in styles.values()])
        self.paintings = {style: paintings[name] for style, name in styles.items()}
        self.pool = Pool(list(paintings.values()), judge, student, self.device, options.seed)
        if options.pool:
            self.pool.fill(max(options.pool, 1))
        self.window = torch.from_numpy(stroke_field(FIELD, FIELD, options.seed)).half().to(self.device)

        self.model, notes = self._model()
        self.step, self.seconds, self.trained = notes["step"], notes["seconds"], notes["trained"]
        wanted = dict.fromkeys(self.ids, options.content) | {
            name: float(distance) for name, _, distance in (pair.partition("=") for pair in options.content_of)
        }
        self.wanted = [*(wanted[name] for name in self.ids), options.content - EASIER]
        for kind in ("content", "aim"):
            known = dict(zip(notes["ids"], notes[kind], strict=True))
            usual = [CONTENT] * len(self.wanted) if kind == "content" else [w - CLOSER for w in self.wanted]
            values = [known.get(name, value) for name, value in zip([*self.ids, ""], usual, strict=True)]
            setattr(self, kind, torch.tensor([*values[:-1], notes[f"{kind}_any"] or usual[-1]], device=self.device))
        self.notes = notes

    def _model(self) -> tuple[Model, dict[str, Any]]:
        """The model to begin or to go on with, and what is known of it."""
        fresh = {"step": 0, "seconds": 0.0, "trained": 0, "ids": [], "content": [], "aim": []}
        fresh |= {"content_any": None, "aim_any": None}
        options, parts, notes, tensors = self.options, None, fresh, {}
        if state.exists(self.folder):
            parts, notes = state.read(self.folder)
            tensors = parts["now"]
            self.kept = notes["ids"][: -len(self.ids)] if options.add else []
            if notes["ids"] != self.kept + self.ids:
                raise SystemExit(f"{self.folder} was begun with other styles: choose another OUT.")
            print(f"going on from step {notes['step']}", flush=True)
        elif options.start is not None:
            tensors, known = state.beginning(options.start)
            notes = fresh | known
            self.kept = known["ids"] if options.add else []
            if options.add and (there := sorted(set(self.ids) & set(self.kept))):
                raise SystemExit(f"{', '.join(there)} is there already: leave out --add to train it further.")
            every = tensors["vectors"]
            rows = [known["ids"].index(name) if name in known["ids"] else None for name in self.kept + self.ids]
            # A new style begins as the mean of all that are there.
            tensors["vectors"] = torch.stack([every.mean(dim=0) if row is None else every[row] for row in rows])
        model = Model(len(self.kept + self.ids))
        model.load_state_dict(tensors, strict=False)
        if tensors and "encoder.last.bias" not in tensors:
            model.encoder.last.bias.data.copy_(tensors["vectors"].mean(dim=0).flatten())
        if options.pool and not bool(model.encoder.mean.any()):
            model.encoder.mean.copy_(self.pool.features.mean(dim=0))
            model.encoder.deviation.copy_(self.pool.features.std(dim=0).clamp(min=LEAST))
        model.to(self.device, memory_format=torch.channels_last).train()
        self.average = copy.deepcopy(model).requires_grad_(False)
        if options.add:
            model.requires_grad_(False)
            model.vectors.requires_grad_()
        groups = []
        for part, times in RATES.items():
            parameters = [p for name, p in model.named_parameters() if name.split(".")[0] == part and p.requires_grad]
            groups += [{"params": parameters, "times": times}] if parameters else []
        self.optimizer = torch.optim.Adam(groups, lr=options.rate, betas=(0.9, 0.99))
        if parts is not None:
            self.average.load_state_dict(parts["average"])
            state.restore(self.optimizer, model, parts, notes["step"])
        return model, notes

    def fields(self, rng: random.Random, count: int, side: int) -> Tensor:
        """Windows of the stroke field, ``[count, CHANNELS, side, side]``."""
        windows = []
        for _ in range(count):
            top, left = rng.randrange(FIELD - side), rng.randrange(FIELD - side)
            windows.append(self.window[:, top : top + side, left : left + side])
        return torch.stack(windows).float()

    def train(self) -> Tensor:
        """One step; returns its figures, ``[groups, 5]``: style, content, roughness, grid, and the weight of
        content."""
        progress = min(1.0, self.seconds / (60 * self.options.minutes))
        for group in self.optimizer.param_groups:
            group["lr"] = rate_at(progress, self.options.rate) * group["times"]
        side = [size for since, size in CROPS if progress >= since][-1]
        first = self.step * self.groups
        pool = len(self.pool.features) if self.options.pool else 0
        chosen = [drawn(n, self.turns, pool) for n in range(first, first + self.groups)]
        chosen.sort(key=lambda group: not group.wall)
        wall = [group for group in chosen if group.wall]
        others = [group for group in chosen if not group.wall]
        self.chosen = chosen

        def numbers(values: list) -> Tensor:
            return torch.tensor(values, device=self.device)

        vectors, targets = [], []
        if wall:
            style, level = numbers([g.style for g in wall]), numbers([g.level for g in wall])
            vectors.append(self.model.of_wall(style + len(self.kept), numbers([list(LEVELS)[g.level] for g in wall])))
            targets.append(self.targets.of(style, level))
        if others:
            style, level = numbers([g.style for g in others]), numbers([g.level for g in others])
            features = self.pool.features[style]
            features = features + 0.1 * self.model.encoder.deviation * torch.randn_like(features)
            vectors.append(self.model.of_any(features, numbers(ENDS)[level]))
            targets.append(self.pool.targets.of(style, level))
        vector = torch.cat(vectors).repeat_interleave(TOGETHER, dim=0)
        target = Targets.joined(targets)
        dose = numbers([g.dose for g in chosen])
        count = self.groups * TOGETHER
        photo = self.photos.crops(list(range(self.step * count, (self.step + 1) * count)), side)
        photo = photo.contiguous(memory_format=torch.channels_last)
        field = self.fields(random.Random(f"field {self.step}"), count, side)
        with torch.autocast(self.device.type, self.number, enabled=self.number != torch.float32):
            painting = self.model.paint(photo, field, vector, dose.repeat_interleave(TOGETHER))
        found, _ = objective.terms(self.judge, painting.float(), photo, target, TOGETHER)

        row = numbers([g.style if g.wall else len(self.ids) for g in chosen])
        weight = self.content[row]
        loss = objective.total(found, weight, dose)
        self.optimizer.zero_grad()
        loss.backward()
        # A crop of one color has no variance, and its gradient may know no bounds.
        parameters = [p for p in self.model.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm([p.grad for p in parameters])
        scale = torch.where(norm.isfinite(), (1 / (norm + 1e-6)).clamp(max=1), torch.zeros_like(norm))
        for parameter in parameters:
            parameter.grad.nan_to_num_(0, 0, 0).mul_(scale)
        self.optimizer.step()
        self.step += 1
        with torch.no_grad():
            share = min(KEEP, self.step / (self.step + 10))
            for mean, now in zip(self.average.parameters(), self.model.parameters(), strict=True):
                mean.lerp_(now, 1 - share)
            full = (dose == 1).float()
            error = (found["content"] - self.aim[row]).clamp(-1, 1) * full
            self.content.index_add_(0, row, weight * (torch.exp(BALANCE * error) - 1))
            self.content.clamp_(*LIMITS)
            return torch.stack(
                [found["style"], found["content"], found["rough"], found["grid"], weight], dim=1
            ).detach()

    @torch.no_grad()
    def measure(self, photos: int) -> dict[str, dict[str, float]]:
        """All figures of every style that is learned, fine, means over so many of the photographs held out."""
        self.average.eval()
        one, found = torch.ones(1, device=self.device), {name: [] for name in self.ids}
        for photo in map(self.photos.whole, range(min(photos, len(self.photos.held_out)))):
            field = torch.from_numpy(stroke_field(*photo.shape[2:]))[None].to(self.device)
            for style, name in enumerate(self.ids):
                vector = self.average.vectors[len(self.kept) + style, 0][None]
                result = to_picture(self.average.paint(photo, field, vector, one))
                art = self.paintings[name]
                found[name].append(measure.figures(self.judge, to_picture(photo), art, result))
        return {name: {k: sum(f[k] for f in made) / len(made) for k in made[0]} for name, made in found.items() if made}

    @torch.no_grad()
    def look(self, photos: int) -> dict[str, float]:
        """Measure the content of so many whole photographs in every style that is learned, and lead what crops are to
        come to after it. Returns the distances by style."""
        self.average.eval()
        found = [0.0] * len(self.ids)
        one, photos = torch.ones(1, device=self.device), min(photos, len(self.photos.held_out))
        for photo in map(self.photos.whole, range(photos)):
            field = torch.from_numpy(stroke_field(*photo.shape[2:]))[None].to(self.device)
            structure = self.judge(photo, [CONTENT_LAYER])[CONTENT_LAYER]
            for style in range(len(self.ids)):
                vector = self.average.vectors[len(self.kept) + style, 0][None]
                with torch.autocast(self.device.type, self.number, enabled=self.number != torch.float32):
                    painting = self.average.paint(photo, field, vector, one)
                made = self.judge(painting.float(), [CONTENT_LAYER])[CONTENT_LAYER]
                found[style] += float(losses.content_distance(made, structure).sqrt()) / photos
        over = torch.tensor([f - w for f, w in zip(found, self.wanted, strict=False)], device=self.device)
        self.aim -= FOLLOWED * torch.cat([over, over.mean()[None]])
        self.aim.clamp_(*AIMS)
        return dict(zip(self.ids, found, strict=True))

    def save(self) -> None:
        """Write the checkpoint and the sheet."""
        parts = {"now": self.model.state_dict(), "average": self.average.state_dict()}
        parts |= state.moments(self.optimizer, self.model)
        notes = {"config": self.model.config, "ids": self.kept + self.ids, "step": self.step, "seconds": self.seconds}
        notes["trained"] = self.trained
        for kind in ("content", "aim"):
            known = dict(zip(self.notes["ids"], self.notes[kind], strict=True))
            *values, notes[f"{kind}_any"] = getattr(self, kind).tolist()
            notes[kind] = [known[name] for name in self.kept] + values
        state.save(self.folder, parts, notes)
        sample = ImageOps.fit(self.photos.held_out[0], (256, 256))
        sheet(self.average, sample, self.device).save(self.options.out / "sheet.jpg", quality=92)


def lesson(training: Training) -> Tensor:
    """A step, and a new version of a painting from time to time; returns the step's figures."""
    figures = training.train()
    if training.options.pool and training.step % training.options.renew == 0:
        training.pool.renew()
    return figures


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
    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, lambda *_: stopped.append(True))
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
    if stopped:
        sys.exit(1)
    measured = training.measure(options.measure)
    (options.out / "figures.json").write_text(json.dumps(measured, indent=2) + "\n", "utf-8")
    for name, figures in measured.items():
        print(f"{name:22}", "  ".join(f"{key} {value:.3f}" for key, value in figures.items()), flush=True)


if __name__ == "__main__":
    main()
