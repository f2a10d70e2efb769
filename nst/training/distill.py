"""Train the student: ``python -m nst.training.distill OUT --photos FOLDER --paintings FOLDER``.

The student is to judge pictures as VGG-19 does, at a fraction of the cost. First each stage learns by itself to compute
VGG-19's next layer from VGG-19's previous one, then all stages are trained in sequence. The loss compares the
activations of every layer, and Gram matrices at the style layers, both relative to the teacher's magnitude, on
photographs, paintings, perturbed versions of these, and paintings in progress under the student itself (see
``data.py``). Every ``GRADIENTS``-th step of the last part (of the whole run, when it starts from a student) instead
trains the gradient of the objective of Gatys et al. (2016), eq. 7, with respect to the picture: at each level of the
picture's pyramid, it should point in the direction of the teacher's, since that is what an optimizer follows.

OUT receives ``checkpoint.pt`` (run the same command again to resume), ``losses.csv``, and at the end
``student.safetensors``. Runs on a GPU if there is one, otherwise on the CPU in bfloat16, where cached training examples
take up to 11 GB of memory.
"""

from __future__ import annotations

import argparse
import copy
from dataclasses import asdict
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from nst import losses
from nst.backbones.kinds import CONTENT_LAYER, STYLE_LAYERS
from nst.backbones.student import STAGES, Student
from nst.backbones.vgg19 import VGG19
from nst.optimization.objective import STYLE
from nst.optimization.pyramid import build_pyramid, reconstruct
from nst.training import distillation
from nst.training.data import TrainingData
from nst.training.distillation import Lessons, Looks, Teacher, Terms
from nst.training.projections import Projections, gram_matrix

COURSE = "distill"
PASSES = 0.3  # weight of what is passed on, once all stages are trained in sequence
ALONE, TAUGHT = 0.12, 0.4  # progress until which each stage learns by itself; from which gradients are trained too
GRADIENTS, SIDE, PAIRS = 4, 128, 2  # steps between comparisons of gradients; side and number of their pictures
REMEMBERED = 1000  # training examples that are cached for reuse


def parse() -> argparse.Namespace:
    return distillation.parser(__doc__.split("\n")[0], steps=20_000, rate=3e-3, every=250).parse_args()


class Learner:
    """The student in training: computes in bfloat16, with features scaled to the teacher's magnitude."""

    def __init__(self, student: Student, coordinates: Projections) -> None:
        self.network, self.coordinates = student, coordinates

    def __call__(self, picture: Tensor, given: dict[str, Tensor] | None = None) -> Looks:
        """Compute each layer from what the previous one passed on or, to train each stage by itself, from what is
        ``given`` instead."""
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


def likeness(made: Looks, wanted: Looks, gains: dict[str, Tensor], passes: float) -> Terms:
    """Return the relative distances of activations, and of Gram matrices, at the layers in use; and of what layers pass
    on, as the next layer receives it, weighted by ``passes``. Distances are not squared, as otherwise what is nearly
    learned would hardly count."""
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
    """Return the gradient of the objective with respect to each level of the pictures' pyramids, as seen by this
    network."""
    levels = [level.detach().requires_grad_() for level in build_pyramid(pictures)]
    with torch.no_grad():
        content, art = look(photos)[0], look(arts)[0]
    found, _ = look(reconstruct(levels))
    total = 0.0
    for layer, share in look.network.content_layers_at(CONTENT_LAYER).items():
        total = total + share * losses.content_distance(found[layer], content[layer])
    trust = {layer: look.network.trust.get(layer, 1.0) for layer in STYLE_LAYERS}
    for layer, weight in trust.items():
        distance = losses.style_distance(gram_matrix(found[layer]), gram_matrix(art[layer]))
        total = total + STYLE * weight / sum(trust.values()) * distance
    return list(torch.autograd.grad(total, levels, create_graph=learn))


def aligned(student: Learner, teacher: Teacher, pictures: Tensor, photos: Tensor, arts: Tensor) -> dict[str, Tensor]:
    """Return how far the student's gradients deviate in direction from the teacher's (1 - cosine similarity, 0 to 2),
    for every level of the pyramid."""
    wanted = slopes(teacher, pictures, photos, arts)
    made = slopes(student, pictures, photos, arts, learn=True)
    return {
        f"slope {n}": (1 - F.cosine_similarity(a.flatten(1), b.flatten(1).detach())).mean()
        for n, (a, b) in enumerate(zip(made, wanted, strict=True))
    }


def begin(options: argparse.Namespace, network: VGG19, diet: TrainingData) -> dict[str, Any]:
    """Return the state that a training run starts with: a new student, or the one to start from."""
    coordinates, tensors = distillation.begun(options, network, diet)
    state = {"step": 0, "student": tensors, "average": copy.deepcopy(tensors), "coordinates": asdict(coordinates)}
    return state | {"course": COURSE, "taught": distillation.taught(options.start)}


def main() -> None:
    options = parse()
    network, diet = distillation.prepared(options)
    where = network.mean.device
    state = distillation.resumed(options, where, COURSE) or begin(options, network, diet)
    coordinates = Projections(**state["coordinates"])
    teacher = Teacher(network, coordinates)
    lessons = Lessons[tuple[Tensor, Looks]](options.seed, REMEMBERED)
    student, average, playing = (Student().to(where, memory_format=torch.channels_last) for _ in range(3))
    student.load_state_dict(state["student"])
    average.load_state_dict(state["average"])
    playing.load_state_dict(coordinates.grown(student))
    playing.computing_in(torch.bfloat16).requires_grad_(False)  # makes paintings as the app's student will
    learner = Learner(student, coordinates)

    def lesson(step: int, progress: float) -> tuple[Tensor, Looks]:
        playing.load_state_dict(coordinates.grown(student))
        pictures = diet.batch(step, progress, playing)
        with torch.no_grad():
            return pictures, teacher(pictures)

    def learn(step: int, progress: float) -> Terms:
        if step % GRADIENTS == 1 and (options.start or progress > TAUGHT):
            playing.load_state_dict(coordinates.grown(student))
            return aligned(learner, teacher, *diet.trio(step, playing, PAIRS, SIDE))
        pictures, wanted = lessons.at(step, lambda: lesson(step, progress))
        alone = progress < ALONE and not options.start
        passes = 1.0 if alone else 0.0 if options.start else PASSES
        return likeness(learner(pictures, wanted[1] if alone else None), wanted, coordinates.gains, passes)

    def learned() -> dict[str, Any]:
        return {"student": student.state_dict(), "average": average.state_dict()}

    learning, averaged = list(student.parameters()), list(average.parameters())
    if distillation.loop(options, state, learning, averaged, learn, learned):
        distillation.ship(options, state, coordinates.grown(average))


if __name__ == "__main__":
    main()
