"""The loss terms, each relative to its own target.

A term of 1 means "as far from the target as an empty picture", at every layer, for every scaling of the network and at
every picture size; so a weight means the same everywhere, and terms add up without constants that would have to be
retuned for other network weights. All work on ``[N, C, H, W]`` in any float type and return a float32 scalar, the mean
over the N pictures.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

POSITIONS = 2**15  # converted to float32 at a time
EPSILON = 1e-30  # only avoids division by zero: a larger constant would depend on the scale


class _Gram(torch.autograd.Function):
    """``gram_matrix``, computed over chunks of positions: in float32, but without a float32 copy of all features, which
    would take nearly as much memory as the network's own activations."""

    @staticmethod
    def forward(ctx: Any, features: Tensor, shares: Tensor | None, whole: float) -> Tensor:
        ctx.save_for_backward(features, shares)
        ctx.whole = whole
        gram: Any = sum(part @ weighted.mT for part, weighted in _parts(features, shares))
        return gram / whole

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        features, shares = ctx.saved_tensors
        back = torch.empty_like(features)
        targets = back.view(*back.shape[:2], -1).split(POSITIONS, dim=2)
        both = (gradient + gradient.mT) / ctx.whole
        for (_, weighted), target in zip(_parts(features, shares), targets, strict=True):
            target.copy_(both @ weighted)
        return back, None, None


def _parts(features: Tensor, shares: Tensor | None) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield chunks of the positions of ``[N, C, H, W]`` in float32, ``[N, C, positions]``, plain and multiplied by
    their shares."""
    split = features.flatten(2).split(POSITIONS, dim=2)
    weights = itertools.repeat(None) if shares is None else shares.flatten(2).split(POSITIONS, dim=2)
    for part, weight in zip(split, weights, strict=shares is not None):
        part = part.float()
        yield part, part if weight is None else part * weight


def gram_matrix(features: Tensor, shares: Tensor | None = None, whole: float | None = None) -> Tensor:
    """Compute the correlations between channels, ``G = F F^T / (H W)`` (Gatys et al. 2016, eq. 3), ``[N, C, C]``.

    The sum is divided by the number of positions, so that pictures of different sizes are comparable; or by ``whole``,
    where the features are part of a larger picture's. ``shares`` ``[1, 1, H, W]`` weights each position (Gatys et al.
    2017, "Spatial control"); ``whole`` is then their sum. The result is float32, whatever the features are: the
    difference of two Gram matrices loses many digits."""
    return _Gram.apply(features, shares, _whole(features, shares) if whole is None else whole)


def mean_features(features: Tensor, shares: Tensor | None = None, whole: float | None = None) -> Tensor:
    """Compute the mean of each channel over all positions of ``[N, C, H, W]``, ``[N, C]``, float32; ``shares`` and
    ``whole`` as in ``gram_matrix``."""
    weighted = features.float() if shares is None else features.float() * shares
    return weighted.sum(dim=(2, 3)) / (_whole(features, shares) if whole is None else whole)


def _whole(features: Tensor, shares: Tensor | None) -> float:
    return features.shape[2] * features.shape[3] if shares is None else float(shares.sum()) + EPSILON


def content_distance(features: Tensor, target: Tensor, whole: Tensor | None = None) -> Tensor:
    """Compute ``||F - P||^2 / ||P||^2`` (Gatys et al. 2016, eq. 1, relative); 0 means the same structure.

    ``features`` and ``target`` are those of the picture and of the photograph, both ``[N, C, H, W]``; ``whole`` is
    ``||P||^2`` ``[N]`` where they are part of a larger picture's."""
    difference = (features.float() - target.float()).square().sum(dim=(1, 2, 3))
    whole = target.float().square().sum(dim=(1, 2, 3)) if whole is None else whole
    return (difference / (whole + EPSILON)).mean()


def style_distance(gram: Tensor, target: Tensor) -> Tensor:
    """Compute ``||G - A||^2 / ||A||^2`` (Gatys et al. 2016, eq. 4, relative); 0 means the same texture.

    ``gram`` is ``[N, C, C]``, ``target`` is ``[N, C, C]`` or ``[1, C, C]``."""
    difference = (gram - target).square().sum(dim=(1, 2))
    return (difference / (target.square().sum(dim=(1, 2)) + EPSILON)).mean()


def covariance(mean: Tensor, gram: Tensor) -> Tensor:
    """Compute the covariance ``[N, C, C]`` of channels from their means ``[N, C]`` and their Gram matrix
    ``[N, C, C]``."""
    return gram - mean[:, :, None] * mean[:, None, :]


def matrix_root(covariance: Tensor) -> Tensor:
    """Compute the symmetric square root of symmetric matrices ``[N, C, C]`` whose eigenvalues are negative only by
    rounding."""
    values, vectors = torch.linalg.eigh(covariance)
    return (vectors * values.clamp(min=0).sqrt()[:, None, :]) @ vectors.mT


class _TraceOfRoot(torch.autograd.Function):
    """``tr((R C R)^1/2)`` for ``C`` and ``R`` ``[N, C, C]``, ``[N]``. Its gradient with respect to ``C`` is half of
    ``R (R C R)^-1/2 R``, which avoids the unbounded derivatives of eigenvectors."""

    FLOOR = 1e-6  # of the largest eigenvalue: smaller ones are rounding errors, and their inverse would be noise

    @staticmethod
    def forward(ctx: Any, covariance: Tensor, root: Tensor) -> Tensor:
        product = root @ covariance @ root
        if not bool(product.isfinite().all()):  # for which only some libraries raise an error
            product = torch.zeros_like(product)
            values, vectors = product.diagonal(dim1=1, dim2=2) + torch.nan, product
        else:
            values, vectors = torch.linalg.eigh(product)
        values = values.clamp(min=0)
        ctx.save_for_backward(values, vectors, root)
        return values.sqrt().sum(dim=1)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        values, vectors, root = ctx.saved_tensors
        floor = values[:, -1:] * _TraceOfRoot.FLOOR + EPSILON
        inverse = (vectors * values.maximum(floor).rsqrt()[:, None, :]) @ vectors.mT
        return gradient[:, None, None] * 0.5 * (root @ inverse @ root), None


def wasserstein_distance(mean: Tensor, covariance: Tensor, target_mean: Tensor, target_root: Tensor) -> Tensor:
    """Compute the squared 2-Wasserstein distance of two Gaussians (Olkin & Pukelsheim 1982; for style, Mroueh 2019),
    ``|m - a|^2 + tr(C) + tr(A) - 2 tr((A^1/2 C A^1/2)^1/2)``, relative to the target's ``|a|^2 + tr(A)``, its distance
    from an empty picture.

    Means are ``[N, C]``; ``covariance`` and the target's root ``A^1/2`` are ``[N, C, C]``; the target's N may be 1."""
    traces = [matrix.diagonal(dim1=1, dim2=2).sum(dim=1) for matrix in (covariance, target_root @ target_root)]
    common = _TraceOfRoot.apply(covariance, target_root.expand_as(covariance))
    distance = (mean - target_mean).square().sum(dim=1) + traces[0] + traces[1] - 2 * common
    # Rounding may make the distance slightly negative where both are the same.
    return (distance.clamp(min=0) / (target_mean.square().sum(dim=1) + traces[1] + EPSILON)).mean()


def total_variation(picture: Tensor) -> Tensor:
    """Compute the mean squared difference of neighboring pixels, over both directions; the smoothness term of Mahendran
    & Vedaldi (2014) with exponent 2. ``picture`` is ``[N, C, H, W]`` in 0..1."""
    across = (picture[..., :, 1:] - picture[..., :, :-1]).square().mean(dim=(1, 2, 3))
    down = (picture[..., 1:, :] - picture[..., :-1, :]).square().mean(dim=(1, 2, 3))
    return (across + down).mean()


def roughness(picture: Tensor) -> Tensor:
    """Compute the mean absolute difference of neighboring pixels of ``[N, 3, H, W]``, over both directions, ``[N]``."""
    across = (picture[..., :, 1:] - picture[..., :, :-1]).abs().mean(dim=(1, 2, 3))
    down = (picture[..., 1:, :] - picture[..., :-1, :]).abs().mean(dim=(1, 2, 3))
    return across + down
