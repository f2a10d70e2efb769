"""A training run of the feed-forward network: the model, its averages, the optimizer, and a training step."""

from __future__ import annotations

import argparse
import copy
import random
from typing import Any

import torch
from PIL import Image, ImageOps
from torch import Tensor

from nst import losses
from nst.backbones.kinds import CONTENT_LAYER
from nst.backbones.student import Student, shipped
from nst.benchmark import metrics
from nst.device import number_format
from nst.feedforward import objective
from nst.feedforward.field import stroke_field
from nst.feedforward.objective import CONTENT, FOLLOW, LIMITS, TOGETHER, Targets, sides_of, statistics_of
from nst.tensors import to_picture, to_tensor
from nst.training import state
from nst.training.judge import vgg19
from nst.training.model import Model
from nst.training.photos import Photographs, opened
from nst.training.pool import ENDS, Pool
from nst.training.turns import LEVELS, drawn, named, rate_at

CROPS = ((0.0, 192), (0.6, 256), (0.9, 320))  # progress, and side of the crops from there on
RATES = {"network": 1.0, "identity": 2.0, "vectors": 2.0, "encoder": 0.5}  # learning rates, relative to ``--rate``
FIELD = 2048  # side of the stroke field, of which each crop gets a window
CLOSER = 0.08  # initial guess of how much closer to the content crops are than whole photographs
EASIER = 0.02  # how much closer to the content predicted styles are to stay
AIMS = (0.45, 1.0)  # bounds of the target content distance of crops
FOLLOWED = 0.7  # fraction of the whole photographs' error by which it is corrected each time
BLUR = 0.1  # noise added to the encoder's input, in standard deviations
LEAST = 1e-3  # smallest standard deviation of the encoder's input
KEEP = 0.997  # decay of the weights' moving average, per step


@torch.no_grad()
def sheet(model: Model, photo: Image.Image, device: torch.device) -> Image.Image:
    """Return a contact sheet: the photograph, then its painting in every style, fine and, below it, broad."""
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
    """A training run: model, averages, optimizer, and everything that a step needs."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.options = options
        if options.add:
            options.pool = 0  # the encoder is frozen, too
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.number = number_format(self.device)
        self.groups = options.groups or (8 if self.device.type == "cuda" else 1)
        self.folder = options.out / "checkpoint"
        torch.manual_seed(options.seed)
        styles = dict(map(named, options.styles))
        self.ids = list(styles)
        # A style that is named twice gets twice as many crops.
        self.turns = [self.ids.index(named(style)[0]) for style in options.styles]
        self.kept: list[str] = []  # styles that are not trained

        student = Student(shipped()).computing_in(self.number).to(self.device, memory_format=torch.channels_last)
        if options.judge == "student":
            judge = student
        else:
            judge = vgg19(options.weights)
            judge = judge.computing_in(self.number).to(self.device, memory_format=torch.channels_last)
        self.judge = judge  # for measurement; crops are judged by ``bordered``
        judge = self.bordered = objective.with_replicate_padding(judge)
        self.photos = Photographs(options.photos, self.device)
        paintings = {name: picture for name, picture in opened(options.paintings) if name not in options.leave_out}
        if missing := sorted(set(styles.values()) - paintings.keys()):
            raise SystemExit(f"{options.paintings} has no {', '.join(missing)}.")
        sides = sides_of(tuple(LEVELS))
        self.targets = Targets.joined([statistics_of(judge, paintings[n], sides, self.device) for n in styles.values()])
        self.paintings = {style: paintings[name] for style, name in styles.items()}
        self.pool = Pool(list(paintings.values()), judge, student, self.device, options.seed)
        if options.pool:
            made = state.read(self.folder)[1]["made"] if state.exists(self.folder) else 0
            self.pool.fill(options.pool, made)
        self.window = torch.from_numpy(stroke_field(FIELD, FIELD, options.seed)).half().to(self.device)

        self.model, notes = self._model()
        self.step, self.seconds, self.trained = notes["step"], notes["seconds"], notes["trained"]
        wanted = dict.fromkeys(self.ids, options.content) | self._single("content_of")
        most = dict.fromkeys(self.ids, LIMITS[1]) | self._single("most_content")
        self.wanted = [*(wanted[name] for name in self.ids), options.content - EASIER]
        for kind in ("content", "aim"):
            known = dict(zip(notes["ids"], notes[kind], strict=True))
            usual = [CONTENT] * len(self.wanted) if kind == "content" else [w - CLOSER for w in self.wanted]
            values = [known.get(name, value) for name, value in zip([*self.ids, ""], usual, strict=True)]
            setattr(self, kind, torch.tensor([*values[:-1], notes[f"{kind}_any"] or usual[-1]], device=self.device))
        self.most = torch.tensor([*(most[name] for name in self.ids), LIMITS[1]], device=self.device)
        self.notes = notes

    def _single(self, option: str) -> dict[str, float]:
        """Return the values of an option that gives ``ID=VALUE`` for single styles."""
        pairs = (pair.partition("=") for pair in getattr(self.options, option))
        single = {name: float(value) for name, _, value in pairs}
        if unknown := sorted(single.keys() - set(self.ids)):
            raise SystemExit(f"--{option.replace('_', '-')} names {', '.join(unknown)}, which is not among the styles.")
        return single

    def _model(self) -> tuple[Model, dict[str, Any]]:
        """Return the model to start or resume with, and its notes."""
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
            # A new style starts as the mean of all existing ones.
            tensors["vectors"] = torch.stack([every.mean(dim=0) if row is None else every[row] for row in rows])
        model = Model(len(self.kept + self.ids))
        if tensors:
            model.load_state_dict(tensors)
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
            state.restore(self.optimizer, model, parts, notes["steps"])
        return model, notes

    def fields(self, rng: random.Random, count: int, side: int) -> Tensor:
        """Return windows of the stroke field, ``[count, CHANNELS, side, side]``."""
        windows = []
        for _ in range(count):
            top, left = rng.randrange(FIELD - side), rng.randrange(FIELD - side)
            windows.append(self.window[:, top : top + side, left : left + side])
        return torch.stack(windows).float()

    def train(self) -> Tensor:
        """Take one gradient step; return its figures, ``[groups, 5]``: style, content, roughness, grid, and the content
        weight."""
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
            made = torch.tensor(values)
            # A copy from pinned memory does not wait for the GPU's pending work.
            return made.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else made

        vectors, targets = [], []
        if wall:
            style, level = numbers([g.style for g in wall]), numbers([g.level for g in wall])
            vectors.append(self.model.of_wall(style + len(self.kept), numbers([list(LEVELS)[g.level] for g in wall])))
            targets.append(self.targets.of(style, level))
        if others:
            style, level = numbers([g.style for g in others]), numbers([g.level for g in others])
            features = self.pool.features[style]
            generator = torch.Generator(self.device).manual_seed(self.step)
            noise = torch.randn(features.shape, generator=generator, device=self.device)
            features = features + BLUR * self.model.encoder.deviation * noise
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
        found, _ = objective.terms(self.bordered, painting.float(), photo, target, TOGETHER)

        row = numbers([g.style if g.wall else len(self.ids) for g in chosen])
        weight = self.content[row]
        loss = objective.total(found, weight, dose)
        self.optimizer.zero_grad()
        loss.backward()
        # A crop of one color has no variance, and its gradient may be unbounded.
        parameters = [p for p in self.model.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm([p.grad for p in parameters])
        scale = torch.where(norm.isfinite(), (1 / (norm + 1e-6)).clamp(max=1), torch.zeros_like(norm))
        for parameter in parameters:
            parameter.grad.nan_to_num_(0, 0, 0).mul_(scale)
        self.optimizer.step()
        self.step += 1
        with torch.no_grad():
            share = min(KEEP, self.step / (self.step + 10))
            torch._foreach_lerp_(list(self.average.parameters()), list(self.model.parameters()), 1 - share)
            full = (dose == 1).float()
            error = (found["content"] - self.aim[row]).nan_to_num(0).clamp(-1, 1) * full
            self.content.index_add_(0, row, weight * (torch.exp(FOLLOW * error) - 1))
            self.content.copy_(self.content.clamp(min=LIMITS[0]).minimum(self.most))
            return torch.stack(
                [found["style"], found["content"], found["rough"], found["grid"], weight], dim=1
            ).detach()

    @torch.no_grad()
    def measure(self, photos: int) -> dict[str, dict[str, float]]:
        """Measure all figures of every style being trained, at the fine level: means over this many of the held-out
        photographs."""
        self.average.eval()
        one, found, known = torch.ones(1, device=self.device), {name: [] for name in self.ids}, {}
        for photo in map(self.photos.whole, range(min(photos, len(self.photos.held_out)))):
            shown = to_picture(photo)
            field = torch.from_numpy(stroke_field(*photo.shape[2:]))[None].to(self.device)
            for style, name in enumerate(self.ids):
                vector = self.average.vectors[len(self.kept) + style, 0][None]
                result = to_picture(self.average.paint(photo, field, vector, one))
                found[name].append(metrics.figures(self.judge, shown, self.paintings[name], result, known))
        return {name: {k: sum(f[k] for f in made) / len(made) for k in made[0]} for name, made in found.items() if made}

    @torch.no_grad()
    def look(self, photos: int) -> dict[str, float]:
        """Measure the content distance of this many whole photographs in every style being trained, and adjust the
        target for crops accordingly. Returns the distances by style."""
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
        """Write the checkpoint and the contact sheet."""
        parts = {"now": self.model.state_dict(), "average": self.average.state_dict()}
        parts |= state.moments(self.optimizer, self.model)
        notes = {"config": self.model.config, "ids": self.kept + self.ids, "step": self.step, "seconds": self.seconds}
        notes |= {"trained": self.trained, "made": self.pool.made, "steps": state.steps(self.optimizer, self.model)}
        for kind in ("content", "aim"):
            known = dict(zip(self.notes["ids"], self.notes[kind], strict=True))
            *values, notes[f"{kind}_any"] = getattr(self, kind).tolist()
            notes[kind] = [known[name] for name in self.kept] + values
        state.save(self.folder, parts, notes)
        sample = ImageOps.fit(self.photos.held_out[0], (256, 256))
        sheet(self.average, sample, self.device).save(self.options.out / "sheet.jpg", quality=92)


def lesson(training: Training) -> Tensor:
    """Take a training step, and replace a painting of the pool from time to time; return the step's figures."""
    figures = training.train()
    if training.options.pool and training.step % training.options.renew == 0:
        training.pool.renew()
    return figures
