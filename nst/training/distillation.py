"""Shared parts of the student's training programs (``distill.py``, ``deep.py``): command line, teacher and loop."""

from __future__ import annotations

import argparse
import csv
import random
import signal
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from nst import device
from nst.backbones.student import Student
from nst.backbones.vgg19 import VGG19
from nst.hub import weights
from nst.training.data import Folder, TrainingData
from nst.training.projections import Projections, Seen, seen
from nst.training.state import save_one
from nst.training.turns import rate_at

KEEP = 0.998  # decay of the weights' moving average, per step
FRESH = 4  # steps between new training examples

Looks = tuple[Seen, Seen]  # features of the layers in use, and what each layer passes on
Terms = dict[str, Tensor]
Lesson = TypeVar("Lesson")


def parser(described: str, *, steps: int, rate: float, every: int) -> argparse.ArgumentParser:
    """Create the command-line parser, with each program's own defaults."""
    made = argparse.ArgumentParser(description=described)
    made.add_argument("out", type=Path, help="where the checkpoint and the student go")
    made.add_argument("--photos", type=Path, required=True, help="a folder of photographs, short side 256 or more")
    made.add_argument("--paintings", type=Path, required=True, help="a folder of paintings, as large")
    made.add_argument("--start", type=Path, help="a student to go on from; narrower than this one it grows")
    made.add_argument("--steps", type=int, default=steps)
    made.add_argument("--rate", type=float, default=rate, help="Adam's step, falling along a cosine")
    made.add_argument("--seed", type=int, default=0)
    made.add_argument("--every", type=int, default=every, help="steps between checkpoints")
    made.add_argument("--weights", type=Path, help="a VGG-19 file; default: from the Hub, as the app does")
    return made


def prepared(options: argparse.Namespace) -> tuple[VGG19, TrainingData]:
    """Load VGG-19, computing in bfloat16, and the pictures, on the best device."""
    where = device.choose()
    options.out.mkdir(parents=True, exist_ok=True)
    network = VGG19(weights.read(options.weights) if options.weights else weights.vgg19())
    network.to(where, memory_format=torch.channels_last).convolutions.to(torch.bfloat16)
    return network, TrainingData(Folder(options.photos, where), Folder(options.paintings, where), options.seed)


def resumed(options: argparse.Namespace, where: torch.device, course: str) -> dict[str, Any] | None:
    """Return the state left by an interrupted run of this kind, or None. Raises SystemExit if the checkpoint is of
    another kind of run."""
    path = options.out / "checkpoint.pt"
    if not path.exists():
        return None
    state = torch.load(path, map_location=where, weights_only=True)
    if state.get("course") != course:
        raise SystemExit(f"{path} is no {course} course's but {state.get('course')}; give another folder.")
    print(f"Going on after step {state['step']}.")
    return state


def begun(options: argparse.Namespace, network: VGG19, diet: TrainingData) -> tuple[Projections, Seen]:
    """Return coordinates, and the tensors of the student that learns in them: a new one's, or those of the file
    ``start``."""
    torch.manual_seed(options.seed)
    coordinates, first = Projections.found(network, diet), Student().to(network.mean.device)
    if options.start:
        first.load_state_dict(widened(load_file(options.start)))
        coordinates = coordinates.turned(first, network, diet)
        first.load_state_dict(coordinates.grown(first, back=True))
    return coordinates, first.state_dict()


def widened(tensors: Seen) -> Seen:
    """Widen a narrower student's ``tensors`` to a network as wide as ``STAGES``, in which the new channels have no
    effect yet."""
    grown = Student().state_dict()
    for name, tensor in tensors.items():
        if tensor.ndim > 1:
            grown[name][:, tensor.shape[1] :] = 0
        grown[name][tuple(slice(length) for length in tensor.shape)] = tensor.float()
    return grown


class Teacher:
    """The teacher: VGG-19's features along the student's directions."""

    def __init__(self, network: VGG19, coordinates: Projections) -> None:
        self.network, self.coordinates = network, coordinates

    def __call__(self, picture: Tensor) -> Looks:
        features = seen(self.network, picture)
        return self.coordinates.along(features), self.coordinates.passed(features)


class Lessons(Generic[Lesson]):
    """Training examples, step by step. The teacher's pass costs more than a student's step, so only every ``FRESH``-th
    step computes a new example; the latest ones are kept and reused."""

    def __init__(self, seed: int, remembered: int) -> None:
        self.seed = seed
        self.kept: deque[Lesson] = deque(maxlen=remembered)

    def at(self, step: int, fresh: Callable[[], Lesson]) -> Lesson:
        """Return this step's example, computed by ``fresh`` if a new one is due."""
        if step % FRESH and self.kept:
            return random.Random(f"{self.seed} {step} again").choice(self.kept)
        self.kept.append(fresh())
        return self.kept[-1]


def loop(
    options: argparse.Namespace,
    state: dict[str, Any],
    learning: Sequence[nn.Parameter],
    averaged: Sequence[Tensor],
    learn: Callable[[int, float], Terms],
    tensors: Callable[[], dict[str, Any]],
) -> bool:
    """Take the remaining steps. ``learn(step, progress)`` returns the terms, whose sum is minimized over the parameters
    ``learning``; their running average goes into ``averaged``. Every ``options.every`` steps, and before it ends on
    SIGTERM, the means of the terms and the ``state``, with these ``tensors``, are written. Returns whether all steps
    were taken."""
    rule = torch.optim.Adam(learning, betas=(0.9, 0.98))
    if "rule" in state:
        rule.load_state_dict(state["rule"])
    stopped: list[bool] = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    began, step, sums = time.perf_counter(), state["step"], {}
    while step < options.steps and not stopped:
        progress = step / options.steps
        for group in rule.param_groups:
            group["lr"] = rate_at(progress, options.rate)
        terms = learn(step, progress)
        rule.zero_grad()
        sum(terms.values()).backward()
        torch.nn.utils.clip_grad_norm_(learning, 1.0)
        rule.step()
        step += 1
        with torch.no_grad():
            for mean, value in zip(averaged, learning, strict=True):
                mean.lerp_(value, 1 - min(KEEP, step / (step + 10)))
        for name, value in terms.items():
            sums.setdefault(name, []).append(value.detach())
        if step % options.every == 0 or step == options.steps or stopped:
            means = {name: float(torch.stack(values).mean()) for name, values in sums.items()}
            note(options.out / "losses.csv", step, time.perf_counter() - began, means)
            sums = {}
            state.update(tensors(), step=step, rule=rule.state_dict())
            save_one(options.out / "checkpoint.pt", state)
    return step == options.steps


def taught(student: Path | None) -> str:
    """Return the training history in a student's file, such as ``distill 12500, deep 12000``."""
    if student is None:
        return ""
    with safe_open(student, "pt") as file:
        return (file.metadata() or {}).get("taught", "")


def ship(options: argparse.Namespace, state: dict[str, Any], tensors: Seen) -> None:
    """Write the student, scaled to the teacher's magnitude, in half precision, with its training history."""
    courses = ", ".join(part for part in (state["taught"], f"{state['course']} {state['step']}") if part)
    halves = {name: tensor.half().contiguous() for name, tensor in tensors.items()}
    save_file(halves, options.out / "student.safetensors", {"taught": courses})


def note(path: Path, step: int, seconds: float, means: dict[str, float]) -> None:
    """Print the means of the terms since the last note, and append them to the table."""
    print(step, f"{seconds:.0f} s", " ".join(f"{k} {v:.4f}" for k, v in means.items()), flush=True)
    fresh = not path.exists()
    with open(path, "a", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        if fresh:
            table.writerow(["step", "term", "mean"])
        table.writerows([step, name, f"{value:.5f}"] for name, value in means.items())
