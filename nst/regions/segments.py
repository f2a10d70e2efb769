"""Which parts a picture consists of, found without anyone's help.

The small network describes what is seen at a place: how it looks, in shallow layers, and what it may be, in deep ones;
its color and, weakly, the place itself are added. A mixture of Gaussians divides these descriptions into parts, and the
Bayesian information criterion (Schwarz 1978) says how many there are. Their edges follow the picture's own.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from nst.backbones.student import Student, shipped
from nst.oklab import to_oklab
from nst.regions.guided import Guide
from nst.regions.region import MAX_PAINTINGS
from nst.tensors import to_tensor

SIDE = 352  # long side in pixels at which pictures are looked at
# Weights of color (Oklab), of the shallow and the deep layer and of the position. These and the numbers below were
# chosen on pairs of photographs with masks drawn by hand: how much of the masks' regions the parts and their matches
# agree with.
COLOR, SHALLOW, DEEP, PLACE = (2.4, 4.8, 4.8), 0.6, 1.5, (0.5, 0.25)
# The small network's directions are in ascending order of what they capture: so many from the end are looked at.
SHALLOW_DIRECTIONS, DEEP_DIRECTIONS = 16, 32
LAYERS = ("relu3_1", "relu4_1", "relu5_1")  # shallow, deep and deepest
STRIDE = 16  # pixels that a place of the deepest layer stands for
MARGIN = 32  # pixels that are added at each side, as reflections
FAINT = 0.1  # least norm by which activations are divided: a picture of one color has no parts
REACH = 2  # radius, in places of 8 pixels, over which descriptions are averaged
DIMENSIONS = 5  # principal components that the mixture is fitted in
SAMPLE = 1500  # places that it is fitted on
ALIKE = 20  # neighboring places are alike: a square of so many pixels counts as one observation
SPREAD = 0.02  # added to the variances
SOFT, EPSILON = 0.02, 1e-4  # of the guided filter along the picture's edges: radius as a share of the long side


@dataclass(frozen=True, eq=False)
class Parts:
    """What the parts of a picture are like: the means ``[R, D]`` and covariances ``[R, D, D]`` of their descriptions;
    and what they show, directions in the deepest layer ``[R, C]``."""

    means: np.ndarray
    covariances: np.ndarray
    shows: np.ndarray


@dataclass(frozen=True, eq=False)
class Segments(Parts):
    """The parts of a picture and where they are: their shares of every pixel ``[R, 1, H, W]``, together 1."""

    shares: Tensor

    def masks(self) -> list[Image.Image]:
        """Return the shares as masks."""
        return [as_mask(share) for share in self.shares]


@torch.no_grad()
def segment(picture: Image.Image, regions: int | None = None, fewest: int = 1) -> Segments:
    """Divide a picture (RGB) into this number of soft regions, or into as many as it seems to consist of, but no fewer
    than ``fewest``."""
    from sklearn.mixture import GaussianMixture  # takes a second to import

    small = looked_at(picture)
    described, deepest = describe(small)
    places = described.flatten(1).T.double().numpy()
    mean = places.mean(axis=0)
    basis = np.linalg.svd(places - mean, full_matrices=False)[2][:DIMENSIONS]
    reduced = (places - mean) @ basis.T
    chance = np.random.default_rng(0)
    sample = reduced if len(reduced) <= SAMPLE else reduced[chance.choice(len(reduced), SAMPLE, replace=False)]
    observations = max(2.0, small.shape[2] * small.shape[3] / ALIKE**2)

    def fitted(number: int) -> tuple[float, GaussianMixture]:
        mixture = GaussianMixture(number, reg_covar=SPREAD, n_init=2, random_state=0).fit(sample)
        parameters = number * (DIMENSIONS + DIMENSIONS * (DIMENSIONS + 1) / 2 + 1) - 1
        return parameters * np.log(observations) - 2 * observations * mixture.score(reduced), mixture

    fewest = min(fewest, len(sample))
    numbers = range(fewest, MAX_PAINTINGS + 1) if regions is None else [min(regions, len(sample))]
    mixture = min((fitted(n) for n in numbers if n <= len(sample)), key=lambda found: found[0])[1]
    shape = described.shape[-2:]
    posterior = torch.from_numpy(mixture.predict_proba(reduced).T).float().view(-1, 1, *shape)
    whole = F.interpolate(posterior, small.shape[-2:], mode="bilinear", align_corners=False)
    return Segments(
        mixture.means_ @ basis + mean,
        basis.T @ mixture.covariances_ @ basis,
        shown(deepest, posterior),
        along_edges(whole, small),
    )


def looked_at(picture: Image.Image) -> Tensor:
    """Return a picture at the size at which it is looked at, ``[1, 3, H, W]`` with sides that are multiples of
    ``STRIDE``."""
    scale = min(1.0, SIDE / max(picture.size))
    size = [STRIDE * max(1, round(side * scale / STRIDE)) for side in picture.size]
    return to_tensor(picture.resize(size, Image.Resampling.LANCZOS))


def along_edges(shares: Tensor, picture: Tensor) -> Tensor:
    """Make shares ``[R, 1, H, W]`` of the pixels of ``[1, 3, H, W]`` follow the picture's edges; they add up to 1."""
    guide = Guide(picture, round(SOFT * max(picture.shape[-2:])), EPSILON)
    followed = guide(shares.transpose(0, 1)).clamp(min=0).transpose(0, 1)
    return followed / followed.sum(dim=0, keepdim=True).clamp(min=1e-6)


def as_mask(share: Tensor) -> Image.Image:
    """Return shares ``[1, H, W]`` in 0..1 as a mask (mode L)."""
    return Image.fromarray((share[0] * 255).round().byte().numpy())


def features(picture: Tensor, layers: tuple[str, ...]) -> dict[str, Tensor]:
    """Return the small network's activations of ``[1, 3, H, W]`` at these layers."""
    # Without a margin, the network would see a frame, where its padding begins, and a region would be found there.
    down, right = (min(MARGIN, side - STRIDE) for side in picture.shape[-2:])
    found = _network()(F.pad(picture, (right, right, down, down), mode="reflect"), layers)
    return {layer: _cropped(x, down, right, picture) for layer, x in found.items()}


def describe(picture: Tensor) -> tuple[Tensor, Tensor]:
    """Describe every place of 8 pixels of ``[1, 3, H, W]``: ``[D, H / 8, W / 8]``; also return the deepest layer,
    ``[C, H / 16, W / 16]``."""
    found = features(picture, LAYERS)
    shallow, deep, deepest = (found[layer] for layer in LAYERS)
    shape = deep.shape[-2:]
    color = F.interpolate(to_oklab(picture), shape, mode="area") * torch.tensor(COLOR).view(1, 3, 1, 1)
    shallow = F.interpolate(shallow[:, -SHALLOW_DIRECTIONS:], shape, mode="area")
    deep = deep[:, -DEEP_DIRECTIONS:]
    y, x = torch.meshgrid(*(torch.linspace(-1, 1, side) for side in shape), indexing="ij")
    place = torch.stack([PLACE[0] * y, PLACE[1] * x])[None]
    described = torch.cat([color, SHALLOW * _normalized(shallow), DEEP * _normalized(deep), place], dim=1)
    padded = F.pad(described, (REACH,) * 4, mode="replicate")
    return F.avg_pool2d(padded, 2 * REACH + 1, stride=1)[0], deepest[0]


def _cropped(layer: Tensor, down: int, right: int, picture: Tensor) -> Tensor:
    """Crop the margin of so many pixels of the picture from a layer."""
    stride = (picture.shape[2] + 2 * down) // layer.shape[2]
    height, width = (side // stride for side in picture.shape[-2:])
    return layer[..., down // stride :, right // stride :][..., :height, :width]


def _normalized(layer: Tensor) -> Tensor:
    """Shift and scale a layer's activations, so that contrast does not matter."""
    layer = layer - layer.mean(dim=(2, 3), keepdim=True)
    return layer / layer.square().sum(dim=1).mean().sqrt().clamp(min=FAINT)


def shown(deepest: Tensor, posterior: Tensor) -> np.ndarray:
    """Average the directions of the deepest layer ``[C, h, w]`` over each part."""
    shares = F.interpolate(posterior, deepest.shape[-2:], mode="area")
    directions = deepest / deepest.norm(dim=0, keepdim=True).clamp(min=1e-6)
    sums = (directions[None] * shares).sum(dim=(2, 3))
    return (sums / sums.norm(dim=1, keepdim=True).clamp(min=1e-6)).numpy()


@functools.cache
def _network() -> Student:
    """The small network, in float32 on the CPU. Raises WeightsUnavailable."""
    return Student(shipped()).float()
