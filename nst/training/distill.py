"""Train the student: ``python -m nst.training.distill OUT --photos FOLDER --paintings FOLDER``.

It is to judge pictures as VGG-19 does, at a fraction of the cost. First each stage by itself learns VGG-19's next layer
from VGG-19's last one, then all of them in a row: every layer's activations, and Gram matrices at the style layers,
both relative to the teacher's own size; on photographs, paintings, such pictures disturbed, and paintings in the
making under the student itself (see ``diet.py``). In every ``GRADIENTS``-th step of the last part it learns instead how
the objective of Gatys et al. (2016), eq. 7, changes with the picture: its gradient by each level of the picture's
pyramid should point where the teacher's does, as that is what an optimizer follows.

OUT receives ``checkpoint.pt`` (run the same command again to go on from it), ``losses.csv``, and at the end
``student.safetensors``. Runs on a GPU when there is one, else on the CPU in bfloat16, where lessons that are kept to
be repeated take up to 11 GB of memory.
"""

from __future__ import annotations

import argparse
import copy
import csv
import random
import signal
import time
from collections import deque
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from nst import device, losses, weights
from nst.networks import CONTENT_LAYER, STYLE_LAYERS, VGG19
from nst.objective import STYLE
from nst.pyramid import put_together, take_apart
from nst.student import STAGES, Student
from nst.training.coordinates import Coordinates, gram_matrix, seen
from nst.training.diet import Diet, Folder
from nst.training.train import rate_at, save

KEEP = 0.998  # of the averaged weights, at each step
PASSES = 0.3  # weight of what is passed on, once all stages learn in a row
ALONE, TAUGHT = 0.12, 0.4  # progress until when each stage learns by itself; from when gradients are learned
GRADIENTS, SIDE, PAIRS = 4, 128, 2  # every so many steps; side and number of the pictures whose gradients are compared
FRESH, REMEMBERED = 4, 1000  # every so many steps a new batch is looked at by the teacher; as many are kept to repeat


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, help="where the checkpoint and the student go")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of photographs, short side 256 or more")
    parser.add_argument("--paintings", type=Path, required=True, help="a folder of paintings, as large")
    parser.add_argument("--start", type=Path, help="a shipped student to go on from")
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--rate", type=float, default=3e-3, help="Adam's step, falling along a cosine")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=250, help="steps between checkpoints")
    parser.add_argument("--weights", type=Path, help="a VGG-19 file; default: from the Hub, as the app does")
    return parser.parse_args()


Looks = tuple[dict[str, Tensor], dict[str, Tensor]]  # layers in use, and what each passes on


class Learner:
    """The student while it learns: computed in bfloat16; what it sees is as large as the teacher's."""

    def __init__(self, student: Student, coordinates: Coordinates) -> None:
        self.network, self.coordinates = student, coordinates

    def __call__(self, picture: Tensor, given: dict[str, Tensor] | None = None) -> Looks:
        """Each layer is found from what the one before passed on; or, by itself, from what is ``given`` instead."""
        found, passed = {}, {}
        x = self.network.entered(picture.contiguous(memory_format=torch.channels_last))
        with torch.autocast(picture.device.type, torch.bfloat16):
            for layer, stage in STAGES.items():
                hidden = self.network.hidden(layer, x)
                if stage.directions:
                    size = self.coordinates.sizes[layer].view(1, -1, 1, 1)
                    found[layer] = self.network.tapped(layer, hidden).float() * size
                if stage.passed:
                    x = passed[layer] = self.network.passes[layer](hidden)
                    x = x if given is None else given[layer]
        return found, passed


class Teacher:
    """VGG-19, along the student's directions."""

    def __init__(self, network: VGG19, coordinates: Coordinates) -> None:
        self.network, self.coordinates = network, coordinates

    def __call__(self, picture: Tensor) -> Looks:
        features = seen(self.network, picture)
        return self.coordinates.along(features), self.coordinates.passed(features)


class Lessons:
    """Batches and what the teacher saw in them. Its look costs more than a student's step, so the latest are kept, and
    repeated."""

    def __init__(self, diet: Diet, teacher: Teacher) -> None:
        self.diet, self.teacher = diet, teacher
        self.kept: deque[tuple[Tensor, Looks]] = deque(maxlen=REMEMBERED)

    def lesson(self, step: int, progress: float, student: Student) -> tuple[Tensor, Looks]:
        """Pictures ``[N, 3, side, side]``, and how the teacher sees them."""
        if step % FRESH and self.kept:
            return random.Random(f"{self.diet.seed} {step} again").choice(self.kept)
        pictures = self.diet.batch(step, progress, student)
        with torch.no_grad():
            self.kept.append((pictures, self.teacher(pictures)))
        return self.kept[-1]


def likeness(made: Looks, wanted: Looks, gains: dict[str, Tensor], passes: float) -> dict[str, Tensor]:
    """Relative distances of activations, and of Gram matrices, where layers are in use; and of what they pass on, as
    the next layer hears it, weighted by ``passes``. Not squared, as then what is nearly learned would hardly count."""
    terms = {}
    for layer, found in made[0].items():
        terms[layer] = losses.content_distance(found, wanted[0][layer]).sqrt()
        if layer in STYLE_LAYERS:
            terms[f"gram {layer}"] = losses.style_distance(gram_matrix(found), gram_matrix(wanted[0][layer])).sqrt()
    if passes:
        for layer, gain in gains.items():
            pair = (side[1][layer].float() * gain.view(1, -1, 1, 1) for side in (made, wanted))
            terms[f"after {layer}"] = passes * losses.content_distance(*pair).sqrt()
    return terms


def slopes(
    look: Teacher | Learner, pictures: Tensor, photos: Tensor, arts: Tensor, learn: bool = False
) -> list[Tensor]:
    """The objective's gradient by each level of the pictures' pyramids, as that network sees it."""
    levels = [level.detach().requires_grad_() for level in take_apart(pictures)]
    with torch.no_grad():
        content, art = look(photos)[0], look(arts)[0]
    found, _ = look(put_together(levels))
    total = 0.0
    for layer, share in look.network.structure_at(CONTENT_LAYER).items():
        total = total + share * losses.content_distance(found[layer], content[layer])
    trust = {layer: look.network.trust.get(layer, 1.0) for layer in STYLE_LAYERS}
    for layer, weight in trust.items():
        distance = losses.style_distance(gram_matrix(found[layer]), gram_matrix(art[layer]))
        total = total + STYLE * weight / sum(trust.values()) * distance
    return list(torch.autograd.grad(total, levels, create_graph=learn))


def aligned(student: Learner, teacher: Teacher, pictures: Tensor, photos: Tensor, arts: Tensor) -> dict[str, Tensor]:
    """How far the student's gradients point elsewhere, 0 to 2, for every level of the pyramid."""
    wanted = slopes(teacher, pictures, photos, arts)
    made = slopes(student, pictures, photos, arts, learn=True)
    return {
        f"slope {n}": (1 - F.cosine_similarity(a.flatten(1), b.flatten(1).detach())).mean()
        for n, (a, b) in enumerate(zip(made, wanted, strict=True))
    }


def begin(options: argparse.Namespace, network: VGG19, diet: Diet) -> dict[str, Any]:
    """The state that a training starts with: fresh, or a shipped student's."""
    torch.manual_seed(options.seed)
    coordinates, first = Coordinates.found(network, diet), Student().to(network.mean.device)
    if options.start:
        first.load_state_dict(load_file(options.start))
        coordinates = coordinates.turned(first, network, diet)
        first.load_state_dict(coordinates.grown(first, back=True))
    tensors = first.state_dict()
    return {"step": 0, "student": tensors, "average": copy.deepcopy(tensors), "coordinates": asdict(coordinates)}


def main() -> None:
    options = parse()
    where = device.choose()
    options.out.mkdir(parents=True, exist_ok=True)
    tensors = weights.read(options.weights) if options.weights else weights.vgg19()
    network = VGG19(tensors).to(where, memory_format=torch.channels_last)
    network.convolutions.to(torch.bfloat16)
    diet = Diet(Folder(options.photos, where), Folder(options.paintings, where), options.seed)
    path = options.out / "checkpoint.pt"
    if path.exists():
        state = torch.load(path, map_location=where, weights_only=True)
        print(f"Going on after step {state['step']}.")
    else:
        state = begin(options, network, diet)
    coordinates = Coordinates(**state["coordinates"])
    teacher = Teacher(network, coordinates)
    lessons = Lessons(diet, teacher)
    student, average, playing = (Student().to(where, memory_format=torch.channels_last) for _ in range(3))
    student.load_state_dict(state["student"])
    average.load_state_dict(state["average"])
    playing.load_state_dict(coordinates.grown(student))
    playing.computing_in(torch.bfloat16).requires_grad_(False)  # makes paintings, as the app's will
    learner = Learner(student, coordinates)
    rule = torch.optim.Adam(student.parameters(), betas=(0.9, 0.98))
    if "rule" in state:
        rule.load_state_dict(state["rule"])
    stopped: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    began, step, sums = time.perf_counter(), state["step"], {}
    while step < options.steps and not stopped:
        progress = step / options.steps
        for group in rule.param_groups:
            group["lr"] = rate_at(progress, options.rate)
        if step % FRESH == 0 or step % GRADIENTS == 1:
            playing.load_state_dict(coordinates.grown(student))
        if step % GRADIENTS == 1 and progress > TAUGHT:
            terms = aligned(learner, teacher, *diet.trio(step, playing, PAIRS, SIDE))
        else:
            pictures, wanted = lessons.lesson(step, progress, playing)
            alone = progress < ALONE and not options.start
            passes = 1.0 if alone else 0.0 if options.start else PASSES
            made = learner(pictures, wanted[1] if alone else None)
            terms = likeness(made, wanted, coordinates.gains, passes)
        rule.zero_grad()
        sum(terms.values()).backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        rule.step()
        step += 1
        with torch.no_grad():
            for kept, value in zip(average.parameters(), student.parameters(), strict=True):
                kept.lerp_(value, 1 - min(KEEP, step / (step + 10)))
        for name, value in terms.items():
            sums.setdefault(name, []).append(value.detach())
        if step % options.every == 0 or step == options.steps or stopped:
            means = {name: float(torch.stack(values).mean()) for name, values in sums.items()}
            note(options.out / "losses.csv", step, time.perf_counter() - began, means)
            sums = {}
            state.update(step=step, student=student.state_dict(), average=average.state_dict(), rule=rule.state_dict())
            save(path, state)
    if step == options.steps:
        halves = {name: tensor.half().contiguous() for name, tensor in coordinates.grown(average).items()}
        save_file(halves, options.out / "student.safetensors")


def note(path: Path, step: int, seconds: float, means: dict[str, float]) -> None:
    """Print the terms' means since the last note, and add them to the table."""
    print(step, f"{seconds:.0f} s", " ".join(f"{k} {v:.4f}" for k, v in means.items()), flush=True)
    fresh = not path.exists()
    with open(path, "a", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        if fresh:
            table.writerow(["step", "term", "mean"])
        table.writerows([step, name, f"{value:.5f}"] for name, value in means.items())


if __name__ == "__main__":
    main()
