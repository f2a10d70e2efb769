"""The terms of the objective, each relative to its own target.

A term of 1 means "as far from the target as an empty picture would be", at every layer, for every
scaling of the network and at every picture size; so a weight means the same everywhere, and terms
add up without constants that have to be tuned again for other weights. All work on
``[N, C, H, W]`` in any float type and return a float32 scalar, the mean over the N pictures.
"""

from __future__ import annotations

from torch import Tensor

EPSILON = 1e-30  # only against division by nothing: an absolute amount would depend on the scale


def gram_matrix(features: Tensor) -> Tensor:
    """Correlations between channels, ``G = F F^T / (H W)`` (Gatys et al. 2016, eq. 3), ``[N, C, C]``.

    Divided by the number of positions, so that pictures of different sizes compare. Float32,
    whatever the features are: the difference of two Gram matrices loses many digits."""
    flat = features.flatten(2).float()
    return flat @ flat.mT / flat.shape[2]


def content_distance(features: Tensor, target: Tensor) -> Tensor:
    """``||F - P||^2 / ||P||^2`` (Gatys et al. 2016, eq. 1, relative); 0 is the same structure.

    Features ``[N, C, H, W]`` of the picture and of the photograph, the same shape."""
    difference = (features.float() - target.float()).square().sum(dim=(1, 2, 3))
    return (difference / (target.float().square().sum(dim=(1, 2, 3)) + EPSILON)).mean()


def style_distance(gram: Tensor, target: Tensor) -> Tensor:
    """``||G - A||^2 / ||A||^2`` (Gatys et al. 2016, eq. 4, relative); 0 is the same texture.

    ``gram`` is ``[N, C, C]``, ``target`` is ``[N, C, C]`` or ``[1, C, C]``."""
    difference = (gram - target).square().sum(dim=(1, 2))
    return (difference / (target.square().sum(dim=(1, 2)) + EPSILON)).mean()


def total_variation(picture: Tensor) -> Tensor:
    """Mean squared difference of neighboring pixels, over both directions; the smoothness term
    of Mahendran & Vedaldi (2014) with exponent 2. ``picture`` is ``[N, C, H, W]`` in 0..1."""
    across = (picture[..., :, 1:] - picture[..., :, :-1]).square().mean(dim=(1, 2, 3))
    down = (picture[..., 1:, :] - picture[..., :-1, :]).square().mean(dim=(1, 2, 3))
    return (across + down).mean()
