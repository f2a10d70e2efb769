"""ZeroGPU: with `spaces` at work a painting borrows a GPU for as long as it takes; elsewhere nothing changes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pictures import scene

import nst
from nst import device
from nst.page.job import previews, seconds_on_gpu
from nst.requests import FullRequest

ROOT = Path(__file__).resolve().parent.parent
STAND_IN = """
def GPU(duration):
    def decorate(function):
        function.duration = duration
        return function
    return decorate
"""
ASKS = """
import os, sys
for place in ("zero", "elsewhere"):
    if place == "zero":
        os.environ["SPACES_ZERO_GPU"] = "true"
    else:
        del os.environ["SPACES_ZERO_GPU"]
    for name in [name for name in sys.modules if name.split(".")[0] in ("nst", "spaces")]:
        del sys.modules[name]  # torch stays: only this package begins anew
    from nst.device import zero_gpu
    @zero_gpu(duration=lambda: 42)
    def paint(): ...
    print(place, paint.duration() if hasattr(paint, "duration") else "not borrowed")
"""


@pytest.fixture(scope="module")
def asked(tmp_path_factory) -> list[str]:
    """What a decorated function asks for on ZeroGPU and elsewhere, in a process that has a stand-in of ``spaces``."""
    folder = tmp_path_factory.mktemp("spaces")
    (folder / "spaces.py").write_text(STAND_IN)
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("SPACES_")}
    path = os.pathsep.join([str(folder), str(ROOT)])
    command = [sys.executable, "-c", ASKS]
    answer = subprocess.run(command, env=inherited | {"PYTHONPATH": path}, capture_output=True, text=True)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.strip().splitlines()


def test_on_zero_gpu_the_painting_asks_for_a_gpu(asked):
    assert "zero 42" in asked


def test_elsewhere_nothing_changes_even_with_spaces_installed(asked):
    assert "elsewhere not borrowed" in asked


@pytest.mark.skipif(device.spaces is not None, reason="this is ZeroGPU")
def test_a_function_that_borrows_no_gpu_stays_itself():
    assert device.zero_gpu(lambda: 1)(previews) is previews


def test_the_time_asked_for_grows_with_the_work_and_has_a_bound():
    picture = nst.open_image(scene())

    def seconds(**knobs) -> int:
        return seconds_on_gpu(FullRequest(picture, picture, nst.Settings(**knobs)))

    assert seconds(steps=10) < seconds(steps=500) < seconds(steps=500, size=1024)
    assert seconds(steps=1000, size=2048) == 120
