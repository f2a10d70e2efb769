"""ONNX Runtime sessions, on a GPU or the CPU: one for each file, shared by all callers, as sessions are read-only."""

from __future__ import annotations

import functools
import logging
import sys
import threading
from pathlib import Path
from typing import Any

import onnxruntime

from nst import device

log = logging.getLogger(__name__)

GPU_DEVICES = (Path("/dev/nvidiactl"), Path("/dev/dxg"))  # Linux has one of them where there is a GPU of NVIDIA's
_opening = threading.Lock()


def open_model(file: Path) -> onnxruntime.InferenceSession:
    """Return the session that runs ``file``. It is opened on first use, and only once even for simultaneous calls."""
    with _opening:
        return _open(file)


@functools.cache
def _open(file: Path) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    # The arena never frees memory: it would keep that of one large photo for the life of the process.
    options.enable_cpu_mem_arena = False
    providers: list[Any] = ["CPUExecutionProvider"]
    if _has_gpu():
        # By default, every new size triggers an exhaustive search for convolution algorithms, which takes seconds,
        # and memory grows to the next power of two, which leaves less of it for Optimize.
        options_gpu = {"cudnn_conv_algo_search": "HEURISTIC", "arena_extend_strategy": "kSameAsRequested"}
        providers.insert(0, ("CUDAExecutionProvider", options_gpu))
    session = onnxruntime.InferenceSession(file, options, providers=providers)
    log.info("%s runs on %s", file.name, session.get_providers()[0])
    return session


def _has_gpu() -> bool:
    """Whether to ask for CUDA at all. ONNX Runtime lists the CUDA provider even on machines without a GPU."""
    if device.spaces is not None:
        return False  # on ZeroGPU only other processes have the GPU, although torch reports one here
    if "CUDAExecutionProvider" not in onnxruntime.get_available_providers():
        return False
    if sys.platform == "linux" and not any(path.exists() for path in GPU_DEVICES):
        return False  # said without torch, which takes seconds to import
    if device.choose().type != "cuda":
        return False
    onnxruntime.preload_dlls()
    return True
