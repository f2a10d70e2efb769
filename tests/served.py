"""The real program, started as a visitor's server would be: ``python app.py`` in a process of its own."""

import contextlib
import functools
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from hub import Content, Hub
from safetensors.numpy import save

from nst.backbones.kinds import VGG_SHAPES as SHAPES

ROOT = Path(__file__).resolve().parent.parent
NOBODY = "http://127.0.0.1:9"  # the port of the discard protocol, where nothing listens
LONG = 180  # seconds; whatever takes this long has failed, on a busy machine too


@dataclass(frozen=True)
class App:
    """A running server: its address, its process, its folder for visitors' files, what it wrote to its log."""

    url: str
    process: subprocess.Popen
    files: Path
    log: Path

    def memory(self) -> int:
        """Resident memory in bytes (Linux)."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def results(self) -> list[Path]:
        """The files it keeps for visitors now."""
        return [path for path in (self.files / "nst").rglob("*") if path.is_file()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, what: str, seconds: float = LONG):
    """The first true value of ``condition()``."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := condition():
            return value
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds} s for {what}")


@contextlib.contextmanager
def app(folder: Path, endpoint: str) -> Iterator[App]:
    """The server with an empty cache, whose Hub is at ``endpoint``."""
    port = free_port()
    url = f"http://127.0.0.1:{port}/"
    home = {"HF_HOME": str(folder / "hf"), "GRADIO_TEMP_DIR": str(folder / "files")}
    settings = {"HF_ENDPOINT": endpoint, "GRADIO_SERVER_PORT": str(port), "HF_HUB_DISABLE_XET": "1"}
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "GRADIO_", "SPACE"))}
    log = folder / "app.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "app.py"], cwd=ROOT, env=inherited | home | settings, stdout=output, stderr=output
        )
    try:
        wait_for(lambda: process.poll() is not None or answers(url), "the first page")
        assert process.poll() is None, log.read_text()
        yield App(url, process, folder / "files", log)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as page:
            return page.status == 200
    except (urllib.error.URLError, OSError):
        return False


@functools.cache
def vgg19() -> Content:
    """Made-up weights in VGG-19's layout, of a size at which activations neither fade nor grow (He et al. 2015)."""
    dice = np.random.default_rng(0)
    tensors = {}
    for name, shape in SHAPES.items():
        spread = np.sqrt(2 / np.prod(shape[1:])) if len(shape) > 1 else 0.01
        tensors[name] = dice.standard_normal(shape, dtype=np.float32) * np.float32(spread)
    return Content.of(save(tensors))


@contextlib.contextmanager
def app_with_hub(folder: Path) -> Iterator[App]:
    """The server beside a Hub that has VGG-19."""
    with Hub({"model.safetensors": vgg19()}) as hub, app(folder, hub.url) as running:
        yield running
