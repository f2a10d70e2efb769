"""Train a fast style: ``python -m nst.training.train PAINTING PHOTOS OUT``.

Johnson et al. (2016): the network is trained so that its output has the painting's Gram matrices
and the photograph's content under VGG-19, on any folder of photographs. Each step draws a dose as
well (see ``network.py``): mostly the full style, sometimes less or more, so that strength is learned.

OUT receives ``checkpoint.pt`` (run the same command again to go on from it), ``losses.csv`` and
``sheet-STEP.jpg``, a few photographs and what the network makes of them, for a person to look at.
Runs on a GPU when there is one, else on the CPU in bfloat16, about ten times slower.
"""

from __future__ import annotations

import argparse
import copy
import csv
import math
import os
import random
import signal
import time
from pathlib import Path

import torch
from PIL import Image, ImageOps
from torch import Tensor
from torchvision.transforms import v2

from nst import losses, weights
from nst.images import open_image
from nst.networks import CONTENT_LAYER, STYLE_LAYERS, VGG19
from nst.training.measure import of_area, roughness, tensor
from nst.training.network import StyleNetwork

PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp"}
# Small crops first: they cost less, and the colors and coarse strokes are learned on them.
CROPS = ((0.0, 160), (0.3, 192), (0.9, 256))
FLAT = 0.005  # roughness below which a photograph counts as plain
STYLE_SIDE = 440  # the painting's area is this squared: that of a 512 px photograph


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("painting", type=Path, help="a picture file")
    parser.add_argument("photos", type=Path, help="a folder of photographs, short side 256 or more")
    parser.add_argument("out", type=Path, help="where the checkpoint and the sheets go")
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rate", type=float, default=2e-3, help="Adam's step, falling along a cosine")
    parser.add_argument("--content", type=float, default=1.6, help="weight of the content distance")
    parser.add_argument("--style", type=float, default=4.0, help="weight of the style distance")
    parser.add_argument("--smooth", type=float, default=0.27, help="weight of roughness against the photo's")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--every", type=int, default=250, help="steps between checkpoints and sheets")
    parser.add_argument("--weights", type=Path, help="a VGG-19 file; default: from the Hub, as the app does")
    return parser.parse_args()


class Photos:
    """Random crops of a folder's photographs; the step's number seeds them, so a resumed run
    sees what an uninterrupted one would."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in PHOTO_SUFFIXES)
        if not self.files:
            raise SystemExit(f"No photographs in {folder}: it needs JPEG, PNG or WebP files.")
        random.Random(seed).shuffle(self.files)

    def batch(self, step: int, count: int, side: int) -> Tensor:
        """``[count, 3, side, side]`` float32 in 0..1."""
        torch.manual_seed(step)
        crop = v2.Compose([v2.RandomResizedCrop(side, scale=(0.15, 0.5), antialias=True), v2.RandomHorizontalFlip()])
        chosen = [self.files[(step * count + n) % len(self.files)] for n in range(count)]
        return torch.cat([tensor(crop(open_image(p).image)) for p in chosen])


def style_grams(network: VGG19, painting: Path, device: torch.device) -> dict[str, Tensor]:
    picture = open_image(painting).image
    with torch.no_grad():
        features = network(tensor(of_area(picture, STYLE_SIDE**2)).to(device), STYLE_LAYERS)
    return {layer: losses.gram_matrix(f) for layer, f in features.items()}


def dose(step: int) -> float:
    """The full style in two steps of three, else anything from nothing to a little more than full."""
    rng = random.Random(step)
    return 1.0 if step % 3 else rng.uniform(0.1, 1.3)


def objective(
    judge: VGG19,
    painting: Tensor,
    photo: Tensor,
    targets: dict[str, Tensor],
    strength: float,
    options: argparse.Namespace,
) -> dict[str, Tensor]:
    """The weighted terms for one batch. A lower dose leans toward content and away from style."""
    with torch.no_grad():
        structure = judge(photo, [CONTENT_LAYER])[CONTENT_LAYER]
    features = judge(painting, (*STYLE_LAYERS, CONTENT_LAYER))
    style = [losses.style_distance(losses.gram_matrix(features[k]), targets[k]) for k in STYLE_LAYERS]
    rough = roughness(painting) / (roughness(photo) + FLAT)
    return {
        "content": options.content
        * max(0.5, 3 - 2 * strength)
        * losses.content_distance(features[CONTENT_LAYER], structure),
        "style": options.style * strength * torch.stack(style).mean(),
        "smooth": options.smooth * rough,
    }


def rate_at(progress: float, top: float) -> float:
    """A short warm-up, then a cosine down to a hundredth."""
    return top * min(1.0, progress / 0.02 + 0.05) * (0.01 + 0.99 * (1 + math.cos(math.pi * progress)) / 2)


def sheet(network: StyleNetwork, photos: list[Image.Image], device: torch.device) -> Image.Image:
    rows = []
    network.eval()
    with torch.no_grad():
        for photo in photos:
            x = tensor(photo).to(device)
            rows.append([x] + [network(x, torch.full((1,), s, device=device)) for s in (0.5, 1.0)])
    network.train()
    return v2.functional.to_pil_image(torch.cat([torch.cat(row, dim=3) for row in rows], dim=2)[0].clamp(0, 1).cpu())


def save(path: Path, state: dict) -> None:
    partial = path.with_suffix(".partial")
    torch.save(state, partial)
    os.replace(partial, path)


def main() -> None:
    options = parse()
    options.out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(options.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    layout = torch.channels_last

    judge = VGG19(weights.read(options.weights) if options.weights else weights.vgg19())
    judge = judge.to(device, torch.bfloat16, memory_format=layout)
    targets = style_grams(judge, options.painting, device)
    photos = Photos(options.photos, options.seed)
    samples = [ImageOps.fit(open_image(p).image, (256, 256)) for p in photos.files[-4:]]
    photos.files = photos.files[:-4] or photos.files

    network = StyleNetwork().to(device, memory_format=layout)
    average = copy.deepcopy(network).requires_grad_(False)
    optimizer = torch.optim.Adam(network.parameters(), lr=options.rate)
    checkpoint, start = options.out / "checkpoint.pt", 0
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        network.load_state_dict(state["network"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        start = state["step"]
        print(f"going on from step {start}", flush=True)

    stopped = []
    signal.signal(signal.SIGTERM, lambda *_: stopped.append(True))
    began = time.monotonic()
    with (options.out / "losses.csv").open("a", newline="") as file:
        log = csv.writer(file)
        for step in range(start, options.steps):
            progress = step / options.steps
            side = [size for since, size in CROPS if progress >= since][-1]
            for group in optimizer.param_groups:
                group["lr"] = rate_at(progress, options.rate)
            photo = photos.batch(step, options.batch, side).to(device, memory_format=layout)
            strength = dose(step)
            with torch.autocast(device.type, torch.bfloat16):
                painting = network(photo, torch.full((1,), strength, device=device)).float()
            terms = objective(judge, painting, photo, targets, strength, options)
            optimizer.zero_grad()
            sum(terms.values()).backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            keep = min(0.998, (step + 1) / (step + 10))
            with torch.no_grad():
                for mean, now in zip(average.parameters(), network.parameters(), strict=True):
                    mean.lerp_(now, 1 - keep)
            log.writerow([step, side, f"{strength:.2f}", *(f"{float(t.detach()):.4f}" for t in terms.values())])
            done = step + 1
            if done % options.every == 0 or done == options.steps or stopped:
                file.flush()
                save(
                    checkpoint,
                    {
                        "step": done,
                        "config": network.config,
                        "network": network.state_dict(),
                        "average": average.state_dict(),
                        "optimizer": optimizer.state_dict(),
                    },
                )
                sheet(average, samples, device).save(options.out / f"sheet-{done}.jpg", quality=92)
                pace = (time.monotonic() - began) / (done - start)
                values = "  ".join(f"{name} {float(t.detach()):.3f}" for name, t in terms.items())
                print(f"step {done}/{options.steps}  {pace:.2f} s a step  {values}", flush=True)
            if stopped:
                return


if __name__ == "__main__":
    main()
