"""What an interrupted run had painted can be taken up again."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pictures import scene as quarters
from PIL import Image

import nst
from nst.page import resuming, visitors
from nst.page.job import Preview
from nst.requests import FullRequest, fingerprint


def scene(size: tuple[int, int]) -> Image.Image:
    return quarters().resize(size)


PHOTO, PAINTING = (nst.open_image(scene(size), name=f"{size[0]}.png") for size in ((64, 48), (48, 64)))


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    for module in (resuming, visitors):
        monkeypatch.setattr(module, "place", lambda: tmp_path)
    return tmp_path


def preview(step: int, steps: int = 9) -> Preview:
    return Preview(scene((64, 48)), step, steps, {}, 1.0, 1.0, (), "CPU", ())


def order(**knobs) -> FullRequest:
    return FullRequest(PHOTO, PAINTING, nst.Settings(size=64, steps=9, **knobs), {"udnie": 1.0})


def test_what_was_kept_is_found_by_its_key_once_it_no_longer_runs():
    key = resuming.new_key()
    with resuming.Keeper(key, order(seed=5)) as keeper:
        keeper.keep(preview(4))
        assert resuming.find(key) is None
    found = resuming.find(key)
    assert (found.after, found.settings, found.fast_style) == (3, order(seed=5).settings, {"udnie": 1.0})
    assert (found.photo.name, found.painting.name) == ("64.png", "48.png")
    for kept, given in (
        (found.photo, PHOTO),
        (found.painting, PAINTING),
        (found.unfinished, nst.open_image(scene((64, 48)))),
    ):
        assert kept.image.tobytes() == given.image.tobytes()


def test_it_is_written_down_every_few_seconds_and_when_told(monkeypatch):
    key = resuming.new_key()
    with resuming.Keeper(key, order()) as keeper:
        for step in (2, 3, 4):
            keeper.keep(preview(step))
    assert resuming.find(key).after == 1
    with resuming.Keeper(key, order()) as keeper:
        keeper.keep(preview(4), now=True)
        keeper.keep(preview(6), now=True)
    assert resuming.find(key).after == 5


def test_a_finished_run_leaves_nothing():
    key = resuming.new_key()
    with resuming.Keeper(key, order()) as keeper:
        keeper.keep(preview(4))
        keeper.finish()
    assert resuming.find(key) is None
    assert not resuming.folder(key).exists()


@pytest.mark.parametrize("key", ["", None, "../../etc", 7, "0" * 32])
def test_a_key_that_leads_nowhere_finds_nothing(key):
    assert resuming.find(key) is None


@pytest.mark.parametrize("key", ["", None, [], {"a": 1}, 7, "../../etc"])
def test_without_a_key_nothing_is_kept_and_nothing_fails(key, place):
    with resuming.Keeper(key, order()) as keeper:
        keeper.keep(preview(4), now=True)
        keeper.finish()
    assert not list(place.iterdir())


def test_a_large_painting_is_known_again_by_its_pixels_after_it_was_kept():
    large = nst.open_image(Image.effect_noise((2600, 40), 90).convert("RGB"))
    assert fingerprint(FullRequest(PHOTO, large, nst.Settings()).kept().painting) == fingerprint(large)
    assert fingerprint(large) != fingerprint(PAINTING)


def test_what_is_cut_short_is_as_if_it_were_not_there(place):
    key = resuming.new_key()
    with resuming.Keeper(key, order()) as keeper:
        keeper.keep(preview(4))
    (resuming.folder(key) / "order.json").write_text("{")
    assert resuming.find(key) is None


def test_what_nobody_came_back_for_is_removed():
    old, new = resuming.new_key(), resuming.new_key()
    with resuming.Keeper(old, order()) as keeper:
        keeper.keep(preview(4))
    past = time.time() - visitors.KEEP_HOURS * 3600 - 60
    os.utime(resuming.folder(old), (past, past))
    with resuming.Keeper(new, order()) as keeper:
        keeper.keep(preview(4))
    visitors.sweep("unfinished-*")
    assert not resuming.folder(old).exists()
    assert resuming.folder(new).exists()


KILLED = """
import sys, time
from pathlib import Path
sys.path.insert(0, {tests!r})
import test_unfinished as t
t.resuming.place = lambda: Path({place!r})
with t.resuming.Keeper({key!r}, t.order()) as keeper:
    for step in range(2, 9):
        keeper.keep(t.preview(step), now=True)
        print(step, flush=True)
        time.sleep(0.2)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_a_killed_program_leaves_its_last_state(place):
    key, tests = resuming.new_key(), Path(__file__).parent
    script = KILLED.format(tests=str(tests), place=str(place), key=key)
    environment = os.environ | {"PYTHONPATH": str(tests.parent)}
    with subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        while process.stdout.readline().strip() != "5":
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    assert resuming.find(key).after in (4, 5)


@pytest.mark.parametrize(("wish", "changed"), [("more", 1.6), ("less", 0.625), ("finer", 1.0)])
def test_a_result_is_gone_on_from_as_wished(wish, changed):
    first = FullRequest(PHOTO, PAINTING, nst.Settings(size=256, steps=90))
    second = first.again(wish, scene((64, 48)))
    assert second.settings.style_weight == pytest.approx(changed)
    assert (second.settings.steps, second.settings.scales) == (30, 1)
    assert second.settings.size == (384 if wish == "finer" else 256)
    assert second.recipe()["before"] == [{k: v for k, v in first.recipe().items() if k in nst.KNOBS}]
    assert second.again(wish, scene((64, 48))).settings.steps == 30
    assert first.again("less", scene((64, 48))).settings.style_weight < 1
    nothing = FullRequest(PHOTO, PAINTING, nst.Settings(style_weight=0))
    assert nothing.again("less", scene((64, 48))).settings.style_weight == 0
    for _ in range(8):
        second = second.again("finer", scene((64, 48)))
    assert second.settings.size == nst.KNOBS["size"].high
