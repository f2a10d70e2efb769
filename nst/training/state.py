"""Stores the state of a training run: a folder of safetensors files, each small enough to transfer, and a JSON file."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from nst.feedforward import files

PARTS = ("now", "average", "first", "second")
"""Parameters, their averages, and Adam's two moments."""
LASTING = ("ids", "content", "content_any", "aim", "aim_any")  # notes that are stored in models/ and read back


def save(folder: Path, parts: dict[str, dict[str, Tensor]], notes: dict[str, Any]) -> None:
    """Write a state; the previous one is kept until the new one is complete."""
    partial, old = folder.with_name(f"{folder.name}.partial"), folder.with_name(f"{folder.name}.old")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name, tensors in parts.items():
        save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, partial / f"{name}.safetensors")
    (partial / "notes.json").write_text(json.dumps(notes), "utf-8")
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        os.replace(folder, old)
    os.replace(partial, folder)
    shutil.rmtree(old, ignore_errors=True)


def read(folder: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, Any]]:
    """Read what ``save`` wrote, or the previous state if a write was interrupted midway."""
    if not folder.exists():
        folder = folder.with_name(f"{folder.name}.old")
    parts = {path.stem: load_file(path) for path in folder.glob("*.safetensors")}
    return parts, json.loads((folder / "notes.json").read_text("utf-8"))


def save_one(path: Path, content: dict) -> None:
    """Write a checkpoint of one file; the previous one is kept until the new one is complete."""
    partial = path.with_suffix(".partial")
    torch.save(content, partial)
    os.replace(partial, path)


def exists(folder: Path) -> bool:
    """Whether there is a state to resume from."""
    return folder.exists() or folder.with_name(f"{folder.name}.old").exists()


def beginning(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Return the result of another training run, or of ``models/``: averaged weights, and notes to start with."""
    if (folder / "network.safetensors").exists():
        return files.for_training(folder)
    parts, notes = read(folder)
    kept = {name: notes[name] for name in LASTING}
    return parts["average"], kept | {"trained": notes["trained"] + notes["step"]}


def steps(optimizer: torch.optim.Adam, model: nn.Module) -> dict[str, int]:
    """Return how many steps each parameter has had, since not every step changes every parameter."""
    named = model.named_parameters()
    return {name: int(optimizer.state[p]["step"]) for name, p in named if optimizer.state.get(p)}


def moments(optimizer: torch.optim.Adam, model: nn.Module) -> dict[str, dict[str, Tensor]]:
    """Return Adam's moments by parameter name, without parameters that have had no step yet."""
    found = {"first": {}, "second": {}}
    for name, parameter in model.named_parameters():
        if state := optimizer.state.get(parameter):
            found["first"][name], found["second"][name] = state["exp_avg"], state["exp_avg_sq"]
    return found


def restore(
    optimizer: torch.optim.Adam, model: nn.Module, parts: dict[str, dict[str, Tensor]], taken: dict[str, int]
) -> None:
    """Restore Adam's moments, and how many steps each parameter has had."""
    for name, parameter in model.named_parameters():
        if name in taken:
            first, second = (torch.empty_like(parameter).copy_(parts[part][name]) for part in ("first", "second"))
            optimizer.state[parameter] = {
                "step": torch.tensor(float(taken[name])),
                "exp_avg": first,
                "exp_avg_sq": second,
            }
