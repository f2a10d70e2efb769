"""Sessions of ONNX Runtime, on a GPU or the CPU: one for each file, shared by all, as they are read-only."""

from __future__ import annotations

import functools
import logging
import threading
from pathlib import Path
from typing import Any

import onnxruntime

from nst import device

log = logging.getLogger(__name__)

_opening = threading.Lock()


def open_model(file: Path) -> onnxruntime.InferenceSession:
    """The session that runs ``file``, opened at its first use, once even when two ask together."""
    with _opening:
        return _open(file)


@functools.cache
def _open(file: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # The arena never gives memory back: one large photo would stay in it for the life of the process.
    options.enable_cpu_mem_arena = False
    providers: list[Any] = ["CPUExecutionProvider"]
    if _has_gpu():
        # A new size would set off an exhaustive search for convolution algorithms, seconds each time.
        # And its memory grows by what is asked for, not to the next power of two: Optimize needs the rest.
        options_gpu = {"cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"}
        providers.insert(0, ("CUDAExecutionProvider", options_gpu))
    session = onnxruntime.InferenceSession(file, options, providers=providers)
    log.info("%s runs on %s", file.name, session.get_providers()[0])
    return session


def _has_gpu() -> bool:
    """Whether to ask for CUDA at all. ONNX Runtime announces its provider on machines without a GPU."""
    if device.spaces is not None:
        return False  # ZeroGPU has its GPU in other processes only, though torch says it were here
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return False
    if device.choose().type != "cuda":
        return False
    onnxruntime.preload_dlls()
    return True
