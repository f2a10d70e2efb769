"""The feed-forward engine's files in ``models/`` as PyTorch modules: to learn a style, or to go on training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor

from nst.feedforward.encoder import Encoder
from nst.feedforward.network import StyleNetwork
from nst.models import MODELS


def notes_of(file: Path) -> dict[str, Any]:
    """What the metadata of a file says."""
    with safe_open(file, "pt") as opened:
        return {name: json.loads(value) for name, value in (opened.metadata() or {}).items()}


def network(folder: Path = MODELS) -> StyleNetwork:
    """The shipped network in float32, in evaluation, its weights fixed."""
    file = folder / "network.safetensors"
    made = StyleNetwork(**notes_of(file)["config"])
    made.load_state_dict({name: tensor.float() for name, tensor in load_file(file).items()})
    return made.eval().requires_grad_(False)


def encoder(folder: Path = MODELS) -> Encoder:
    """The shipped encoder likewise."""
    file = folder / "encoder.safetensors"
    made = Encoder(**notes_of(file)["config"])
    made.load_state_dict({name: tensor.float() for name, tensor in load_file(file).items()})
    return made.eval().requires_grad_(False)


def for_training(folder: Path = MODELS) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """All weights under the names that ``training/model.py`` has for them, and notes to go on from."""
    parts = {"network": network(folder), "encoder": encoder(folder)}
    tensors = {
        f"{part}.{name}": tensor for part, module in parts.items() for name, tensor in module.state_dict().items()
    }
    vectors = {name: tensor.float() for name, tensor in load_file(folder / "vectors.safetensors").items()}
    notes = notes_of(folder / "vectors.safetensors")
    tensors |= {"identity": vectors["identity"], "vectors": torch.stack([vectors[name] for name in notes["ids"]])}
    return tensors, notes
