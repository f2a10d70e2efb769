"""Train the student's deep stages alone: ``python -m nst.training.deep OUT --start S --photos P --paintings P``.

The student's errors are largest in its deepest layers, while its first stages, on large feature maps, cost the most.
Here the stages before ``--first`` are frozen. A training example is the output of the last frozen stage, small enough
that thousands are cached, and a step costs a third of one of the whole network (``distill.py``), or a little more if
relu3_1 is the first stage to learn. The student to start from may be narrower than ``student.STAGES``: it is widened to
them, and computes the same function until it learns.

Some layers that are not used themselves, but that deeper ones depend on, are trained as well, through linear maps that
are discarded afterwards.

OUT receives ``checkpoint.pt`` (run the same command again to resume), ``losses.csv``, and at the end
``student.safetensors``. Cached examples take up to 7 GB of memory.
"""

from __future__ import annotations

import argparse
import copy
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from nst.backbones.student import STAGES, Student
from nst.training import distillation
from nst.training.distill import likeness
from nst.training.distillation import Lessons, Looks, Teacher, Terms
from nst.training.projections import Projections, Seen

HELPED = ("relu3_4", "relu4_3", "relu4_4")  # trained through auxiliary maps
REMEMBERED = 2000  # training examples that are cached for reuse


def parse() -> argparse.Namespace:
    parser = distillation.parser(__doc__.split("\n")[0], steps=12_000, rate=2e-3, every=500)
    parser.add_argument("--first", choices=("relu3_1", "relu4_1"), default="relu4_1", help="stage that learns")
    options = parser.parse_args()
    if options.start is None:
        raise SystemExit("Give a student to go on from, with --start.")
    return options


class Deep(nn.Module):
    """The stages of a student from ``first`` on, computed in bfloat16, and the auxiliary maps that help to train
    them."""

    def __init__(self, student: Student, coordinates: Projections, first: str) -> None:
        super().__init__()
        self.student, self.sizes = student, coordinates.sizes
        self.shallow = [layer for layer in STAGES if layer < first]
        self.deep = [layer for layer in STAGES if layer >= first]
        self.helped = [layer for layer in HELPED if layer >= first]
        helpers = {k: nn.Conv2d(STAGES[k].hidden, STAGES[k].passed, 1) for k in self.helped}
        self.helpers = nn.ModuleDict(helpers).to(student.mean.device)

    def learning(self) -> list[nn.Parameter]:
        """Return the parameters that are trained."""
        parts = (self.student.convolutions, self.student.passes, self.student.taps)
        stages = [stage for part in parts for layer, stage in part.items() if layer in self.deep]
        return [p for module in (*stages, self.helpers) for p in module.parameters()]

    @torch.no_grad()
    def entered(self, picture: Tensor) -> Tensor:
        """Return what the last frozen stage passes on for a picture in 0..1."""
        x = self.student.entered(picture.contiguous(memory_format=torch.channels_last))
        with torch.autocast(picture.device.type, torch.bfloat16):
            for layer in self.shallow:
                x = self.student.passes[layer](self.student.hidden(layer, x))
        return x.bfloat16()

    def forward(self, x: Tensor) -> Seen:
        """Compute, from the output of ``entered``, the layers in use along their directions, and the outputs of the
        auxiliary maps."""
        found = {}
        with torch.autocast(x.device.type, torch.bfloat16):
            for layer in self.deep:
                hidden, stage = self.student.hidden(layer, x), STAGES[layer]
                if layer in self.helped:
                    found[layer] = self.helpers[layer](hidden).float()
                if stage.directions:
                    size = self.sizes[layer].view(1, -1, 1, 1)
                    found[layer] = self.student.tapped(layer, hidden).float() * size
                if stage.passed:
                    x = self.student.passes[layer](hidden)
        return found

    def wanted(self, looks: Looks, gains: Seen) -> Seen:
        """Return the targets: the teacher's features at the deep layers in use, and what the next layer receives at
        those with auxiliary maps."""
        found = {layer: looks[0][layer] for layer in self.deep if layer in looks[0]}
        heard = {layer: looks[1][layer].float() * gains[layer].view(1, -1, 1, 1) for layer in self.helped}
        return found | {layer: x.to(looks[1][layer].dtype) for layer, x in heard.items()}


def main() -> None:
    options = parse()
    network, diet = distillation.prepared(options)
    where = network.mean.device
    torch.manual_seed(options.seed)
    student, playing = (Student().to(where, memory_format=torch.channels_last) for _ in range(2))
    course = f"deep from {options.first}"
    state = distillation.resumed(options, where, course)
    if state is None:
        coordinates, tensors = distillation.begun(options, network, diet)
        student.load_state_dict(tensors)
        state = {"step": 0, "coordinates": asdict(coordinates), "taught": distillation.taught(options.start)}
        state["course"] = course
    coordinates = Projections(**state["coordinates"])
    learner = Deep(student, coordinates, options.first)
    if "learner" in state:
        learner.load_state_dict(state["learner"])
    average = copy.deepcopy(learner)
    if "average" in state:
        average.load_state_dict(state["average"])
    playing.computing_in(torch.bfloat16).requires_grad_(False)  # makes paintings as the app's student will
    teacher = Teacher(network, coordinates)
    lessons = Lessons[tuple[Tensor, Seen]](options.seed, REMEMBERED)

    def lesson(step: int) -> tuple[Tensor, Seen]:
        playing.load_state_dict(coordinates.grown(student))
        pictures = diet.batch(step, 1.0, playing)
        with torch.no_grad():
            return learner.entered(pictures), learner.wanted(teacher(pictures), coordinates.gains)

    def learn(step: int, progress: float) -> Terms:
        given, goal = lessons.at(step, lambda: lesson(step))
        return likeness((learner(given), {}), (goal, {}), {}, 0.0)

    def learned() -> dict[str, Any]:
        return {"learner": learner.state_dict(), "average": average.state_dict()}

    if distillation.loop(options, state, learner.learning(), average.learning(), learn, learned):
        distillation.ship(options, state, coordinates.grown(average.student))


if __name__ == "__main__":
    main()
