"""VGG-19 as the loss network of training: from a file, or from the Hub as in the app."""

from __future__ import annotations

from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file

from nst.backbones.kinds import STYLE_LAYERS
from nst.backbones.kinds import VGG_SHAPES as SHAPES
from nst.backbones.vgg19 import LAYOUT, VGG19
from nst.hub import weights

LAST = max(LAYOUT[layer][0] for layer in STYLE_LAYERS)  # index of the deepest convolution in use


def vgg19(file: Path | None) -> VGG19:
    """Load VGG-19 from a safetensors file, which may lack layers beyond those in use, or, without one, from the Hub.

    Raises SystemExit for a file that is not VGG-19."""
    if file is None:
        return VGG19(weights.vgg19())
    try:
        tensors = load_file(file)
    except (OSError, SafetensorError) as error:
        raise SystemExit(f"VGG-19 cannot be read from {file}: {error}.") from error
    for name, shape in SHAPES.items():
        needed = int(name.split(".")[1]) <= LAST
        if (needed and name not in tensors) or (name in tensors and tuple(tensors[name].shape) != shape):
            raise SystemExit(f"{file} is not VGG-19: its {name} is missing or has another shape.")
    return VGG19(tensors)
