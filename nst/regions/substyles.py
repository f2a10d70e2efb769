"""The sub-styles of a painting, and which of them fits which region of a photograph (Pegios, Passalis & Tefas 2018).

A painting is seldom of one style all over: a sky of long strokes stands over a village of short ones. Here it falls
into parts whose texture differs: at every place, means and deviations of the small network's activations are taken over
a window, and a mixture of Gaussians divides them. Where parts meet, a window sees both; so there, the places are
divided again, by what distinguishes the parts' interiors in a small window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from nst.errors import SettingsError
from nst.images import Picture, Source, open_image
from nst.oklab import to_oklab
from nst.regions import segments
from nst.regions.matching import Assignment, match
from nst.regions.region import MAX_PAINTINGS, Region
from nst.regions.segments import Parts, along_edges, as_mask, describe, looked_at, segment

LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")  # what texture is seen in, beside the color
PLACE = 8  # side in pixels of what counts as one place
WINDOW = 6  # radius in places of the windows that texture is taken over
DIMENSIONS = 5  # principal components that the mixture is fitted in
FINE_WINDOW, FINE_DIMENSIONS = 1, 16  # the same, where parts meet
SPREAD = 0.03  # added to the variances
PLAIN = 0.004  # standard deviation of the pixels of a painting of one color
FAINT = 1e-5  # variance, as a share of a layer's mean square, below which there is none
EACH = 2.0  # observations that a window counts as: its places are alike
BORDERS = (8, 8, 8, 3)  # width in places of the strip along borders that is divided again, one time after the other
SMOOTH = 5  # side in places of the square over which chances are averaged there
FEWEST = 30  # places that the interior of a part must have to say what the part is like
CAREFUL = 8.0  # largest amount by which a single place speaks against a part, a logarithm
SPECK = 9  # places; a region of the photograph in smaller pieces would not hold a stroke
SWATCH = 96  # side in pixels of the patch that shows a sub-style


@dataclass(frozen=True, eq=False)
class SubStyle:
    """A part of a painting that has a style of its own. ``part`` is its mask (mode L), ``share`` how much of the
    painting it is, ``swatch`` a patch of it. The other fields are what it is matched by, as in ``Parts``."""

    painting: Picture
    part: Image.Image
    share: float
    swatch: Image.Image
    mean: np.ndarray = field(repr=False)
    covariance: np.ndarray = field(repr=False)
    shows: np.ndarray = field(repr=False)


def decompose(painting: Source | Sequence[Source], parts: int | None = None) -> list[SubStyle]:
    """Divide a painting into this number of sub-styles, or into as many as its texture has; or several paintings, each
    by itself, into one set. A painting of one color has one sub-style.

    Raises ImageError, and SettingsError for a number that is not 1 to 8, or if the set has more than 8."""
    if parts is not None and (isinstance(parts, bool) or not isinstance(parts, int) or not 1 <= parts <= MAX_PAINTINGS):
        raise SettingsError(f"A painting has 1 to {MAX_PAINTINGS} sub-styles, not {str(parts)[:40]!r}.")
    several = painting if isinstance(painting, list | tuple) else [cast(Source, painting)]
    pictures = [open_image(source) for source in several]
    if not 1 <= len(pictures) <= MAX_PAINTINGS or len(pictures) * (parts or 1) > MAX_PAINTINGS:
        raise SettingsError(f"A set has at most {MAX_PAINTINGS} sub-styles: choose fewer paintings, or fewer of each.")
    most = MAX_PAINTINGS // len(pictures)
    return [found for picture in pictures for found in _decomposed(picture, parts, most)]


def assign(
    photo: Source,
    sub_styles: Sequence[SubStyle],
    *,
    regions: int | None = None,
    weights: Sequence[float] | None = None,
) -> list[Region]:
    """Divide a photograph into regions, and give each the sub-style that fits it: light to light, calm to calm.
    ``regions`` is their number, by default as many as the photograph consists of, or as there are sub-styles if these
    are more; ``weights`` (0 or more) say how readily each sub-style is chosen: one of weight 0 is not.

    Raises ImageError, and SettingsError if no sub-style is left."""
    return assigned(open_image(photo), sub_styles, regions, weights).joined()


def assigned(
    photo: Picture,
    sub_styles: Sequence[SubStyle],
    regions: int | None = None,
    weights: Sequence[float] | None = None,
) -> Assignment:
    """Do the same as ``assign``, and return all regions of the photograph, with the sub-style of each."""
    weights = [1.0] * len(sub_styles) if weights is None else list(weights)
    chosen = [n for n, weight in enumerate(weights) if weight > 0]
    if not chosen or len(weights) != len(sub_styles):
        raise SettingsError("All sub-styles have a weight of 0: raise one.")
    found = segment(photo.image, regions, fewest=len(chosen))
    shares = without_specks(found.shares)
    areas = shares.mean(dim=(1, 2, 3)).numpy()
    ours = replace(found, means=found.means - np.average(found.means, axis=0, weights=areas + 1e-6))
    penalties = [-np.log(weights[n]) for n in chosen]
    numbers = match(ours, _within([sub_styles[n] for n in chosen]), penalties)
    parts = tuple(Region(s.painting, part=s.part) for s in sub_styles)
    return Assignment(shares, parts, tuple(chosen[n] for n in numbers))


def _within(sub_styles: Sequence[SubStyle]) -> Parts:
    """Return what sub-styles are like within their paintings: the lightest part of a painting may be dark."""
    own = np.average([s.mean for s in sub_styles], axis=0, weights=[s.share for s in sub_styles])
    return Parts(
        np.stack([s.mean - own for s in sub_styles]),
        np.stack([s.covariance for s in sub_styles]),
        np.stack([s.shows for s in sub_styles]),
    )


def without_specks(shares: Tensor) -> Tensor:
    """Give what is too small for a stroke to its surroundings: pieces of regions ``[R, 1, H, W]`` of fewer than
    ``SPECK`` places."""
    from scipy import ndimage

    labels = shares[:, 0].argmax(dim=0).numpy()
    small = np.zeros(labels.shape, bool)
    for number in range(len(shares)):
        pieces, count = ndimage.label(labels == number)
        sizes = np.bincount(pieces.ravel(), minlength=count + 1)
        sizes[0] = labels.size
        small |= sizes[pieces] < SPECK * PLACE**2
    if not small.any() or small.all():
        return shares
    rows, columns = ndimage.distance_transform_edt(small, return_distances=False, return_indices=True)
    return shares[:, :, rows, columns]


def _decomposed(painting: Picture, parts: int | None, most: int) -> list[SubStyle]:
    """Return the sub-styles of one painting."""
    small = looked_at(painting.image)
    labels = _divided(small, parts, most)
    numbers = np.unique(labels)
    hard = torch.from_numpy(np.stack([labels == number for number in numbers])).float()[:, None]
    described, deepest = describe(small)
    flat, weight = described.flatten(1).double(), hard.flatten(1).double()
    weight = weight / weight.sum(dim=1, keepdim=True)
    means = weight @ flat.T
    apart = flat.T[None] - means[:, None]
    covariances = torch.einsum("rp,rpi,rpj->rij", weight, apart, apart)
    whole = F.interpolate(hard, small.shape[-2:], mode="bilinear", align_corners=False)
    masks = [as_mask(share) for share in along_edges(whole, small)]
    shows = segments.shown(deepest, hard)
    return [
        SubStyle(
            painting, mask, float(hard[n].mean()), _swatch(painting.image, mask),
            means[n].numpy(), covariances[n].numpy(), shows[n],
        )
        for n, mask in enumerate(masks)
    ]  # fmt: skip


@torch.no_grad()
def _divided(small: Tensor, parts: int | None, most: int) -> np.ndarray:
    """Return the number of the sub-style of every place of ``[1, 3, H, W]``, ``[H / 8, W / 8]``."""
    from sklearn.mixture import GaussianMixture  # takes a second to import

    shape = (small.shape[2] // PLACE, small.shape[3] // PLACE)
    if float(small.flatten(2).std(dim=2, correction=0).max()) < PLAIN:
        return np.zeros(shape, int)
    moments = _moments(small)
    coarse = _reduced(moments, WINDOW, DIMENSIONS)
    if coarse is None:
        return np.zeros(shape, int)
    observations = max(2.0, EACH * len(coarse) / (2 * WINDOW + 1) ** 2)

    dimensions, best, mixture = coarse.shape[1], np.inf, None
    # A painting that is to be decomposed has two sub-styles at least; one more is tried as long as that explains more.
    for number in range(2, most + 1) if parts is None else [parts]:
        fitted = GaussianMixture(min(number, len(coarse)), reg_covar=SPREAD, n_init=2, random_state=0).fit(coarse)
        parameters = number * (dimensions + dimensions * (dimensions + 1) / 2 + 1) - 1
        criterion = parameters * np.log(observations) - 2 * observations * fitted.score(coarse)
        if criterion >= best:
            break
        best, mixture = criterion, fitted
    labels = mixture.predict(coarse).reshape(shape)
    fine = _reduced(moments, FINE_WINDOW, FINE_DIMENSIONS)
    for border in BORDERS:
        labels = labels if fine is None else _divided_again(labels, fine, border)
    return labels


def _divided_again(labels: np.ndarray, fine: np.ndarray, border: int) -> np.ndarray:
    """Divide the places within ``border`` of another part again, by a linear discriminant of the parts' interiors."""
    from scipy.ndimage import maximum_filter, minimum_filter, uniform_filter
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    numbers = np.unique(labels)
    if len(numbers) < 2:
        return labels
    near = minimum_filter(labels, 2 * border + 1) != maximum_filter(labels, 2 * border + 1)
    known = ~near
    for number in numbers:
        if (known & (labels == number)).sum() < FEWEST:
            known |= labels == number
    told = LinearDiscriminantAnalysis(
        solver="lsqr", shrinkage="auto", priors=np.full(len(numbers), 1 / len(numbers))
    ).fit(fine[known.ravel()], labels[known])
    chances = told.predict_log_proba(fine).clip(-CAREFUL, 0).reshape(*labels.shape, -1)
    chances = uniform_filter(chances, (SMOOTH, SMOOTH, 1), mode="nearest")
    return np.where(near, told.classes_[chances.argmax(axis=2)], labels)


def _moments(small: Tensor) -> list[tuple[Tensor, Tensor]]:
    """Return first and second moments of color and of every layer over each place, ``[1, C, H / 8, W / 8]``."""
    seen = [to_oklab(small), *segments.features(small, LAYERS).values()]

    def over_places(x: Tensor) -> Tensor:
        side = small.shape[2] // x.shape[2]
        return F.avg_pool2d(x, PLACE // side) if side < PLACE else x

    return [(over_places(x), over_places(x.square())) for x in seen]


def _reduced(moments: list[tuple[Tensor, Tensor]], radius: int, dimensions: int) -> np.ndarray | None:
    """Return the principal components of means and deviations over windows of this radius, ``[places, dimensions]``
    with a variance of 1 in all; None if there is no difference between the places."""
    columns = []
    for moment in moments:
        # At the border, the window sees its reflection; in a small picture, what it has at the border.
        mode = "reflect" if radius < min(moment[0].shape[-2:]) else "replicate"
        mean, square = (F.avg_pool2d(F.pad(m, (radius,) * 4, mode=mode), 2 * radius + 1, stride=1) for m in moment)
        scale = square.sum(dim=1).mean().sqrt().clamp(min=segments.FAINT)
        mean, variance = mean / scale, square / scale**2
        deviation = (variance - mean.square()).clamp(min=FAINT).sqrt()
        columns += [x[0].flatten(1).T for x in (mean, deviation)]
    places = torch.cat(columns, dim=1).double().numpy()
    places -= places.mean(axis=0)
    basis = np.linalg.eigh(places.T @ places)[1][:, ::-1][:, :dimensions]
    reduced = places @ basis
    deviation = reduced.std()
    return None if deviation < 1e-3 else reduced / deviation


def _swatch(painting: Image.Image, mask: Image.Image) -> Image.Image:
    """Cut out the square patch that shows most of a part: where its mask is whitest."""
    side = max(8, round(min(mask.size) / 4))
    white = torch.from_numpy(np.asarray(mask, np.float32))[None, None]
    found = F.avg_pool2d(white, (min(side, mask.height), min(side, mask.width)), stride=4)[0, 0]
    row, column = np.unravel_index(int(found.argmax()), found.shape)
    scale = painting.width / mask.width, painting.height / mask.height
    left, top = 4 * column * scale[0], 4 * row * scale[1]
    box = round(left), round(top), round(left + side * scale[0]), round(top + side * scale[1])
    return painting.crop(box).resize((SWATCH, SWATCH), Image.Resampling.LANCZOS)
