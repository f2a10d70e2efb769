"""README's snippets run as they stand, and its tables say what the code says."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from films import film
from hub import Hub
from pictures import scene
from PIL import Image
from served import ROOT, vgg19

from nst import KNOBS, LOOK_KNOBS, PRESETS
from nst.feedforward import fast
from nst.models import MODELS
from nst.training import model_card

README = (ROOT / "README.md").read_text("utf-8")
SNIPPETS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
PACKAGE = [snippet for snippet in SNIPPETS if "import nst" in snippet]
CLIENT = [snippet for snippet in SNIPPETS if "gradio_client" in snippet]


@pytest.fixture
def folder(tmp_path) -> Path:
    """A visitor's folder with a photo and a painting in it."""
    scene().resize((96, 72)).save(tmp_path / "photo.jpg")
    scene().transpose(4).resize((80, 80)).save(tmp_path / "painting.jpg")
    return tmp_path


def run(snippet: str, folder: Path, **environment: str) -> str:
    """What the snippet prints when it runs in ``folder``."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    path = os.pathsep.join([str(ROOT), *filter(None, [inherited.get("PYTHONPATH")])])
    done = subprocess.run(
        [sys.executable, "-c", snippet],
        cwd=folder,
        env=inherited | {"PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_there_are_snippets_of_every_call():
    assert len(PACKAGE) == 6
    assert [re.findall(r'api_name="(/\w+)"', snippet) for snippet in CLIENT] == [
        ["/styles"],
        ["/stylize"],
        ["/optimize"],
    ]


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Iterator[dict[str, str]]:
    """An environment with a Hub that has VGG-19, and a cache for it."""
    with Hub({"model.safetensors": vgg19()}) as hub:
        yield {"HF_ENDPOINT": hub.url, "HF_HOME": str(tmp_path_factory.mktemp("hf"))}


def test_the_package_snippet_runs(folder, home):
    # At its own size, 512 pixels and 120 steps, it takes a minute: only these two numbers are changed.
    snippet = PACKAGE[0].replace("size=512, steps=120", "size=64, steps=5")
    assert snippet != PACKAGE[0]
    told = run(snippet, folder, **home)
    assert "5 of 5, 0 s left" in told
    assert (folder / "fast.png").stat().st_size > 0
    assert (folder / "any.png").stat().st_size > 0
    assert (folder / "optimized.jpg").stat().st_size > 0


def test_the_snippet_of_regions_runs(folder, home):
    snippet = PACKAGE[1].replace("size=384", "size=64, steps=3")
    assert snippet != PACKAGE[1]
    for name in ("starry.jpg", "wave.jpg"):
        scene().resize((64, 48)).save(folder / name)
    for name, white in (("sky.png", (0, 0, 64, 20)), ("ground.png", (0, 20, 64, 48))):
        mask = Image.new("L", (64, 48))
        mask.paste(255, white)
        mask.save(folder / name)
    told = run(snippet, folder, **home)
    assert "3 of 3" in told
    assert (folder / "regions.png").stat().st_size > 0


def test_the_snippet_of_sub_styles_runs(folder):
    assert "sub-style 1: " in run(PACKAGE[2], folder)
    assert (folder / "placed.png").stat().st_size > 0


@pytest.mark.slow
def test_the_snippet_of_learning_a_style_runs(folder):
    snippet = PACKAGE[3].replace("seconds=30", "seconds=0.5")
    assert snippet != PACKAGE[3]
    assert re.search(r"[1-9]\d* steps", run(snippet, folder))
    assert (folder / "mine.nst").stat().st_size < 16_000
    assert (folder / "mine.png").stat().st_size > 0


def test_the_snippet_of_the_photo_look_runs(folder):
    snippet = PACKAGE[4].replace('how="quick"', 'how="quick", steps=2, size=128')
    assert snippet != PACKAGE[4]
    scene().resize((90, 60)).save(folder / "reference.jpg")
    for name, parts in (("photo_mask.png", ("red", "blue")), ("reference_mask.png", ("blue", "red"))):
        mask = Image.new("RGB", (90, 60), parts[0])
        mask.paste(parts[1], (0, 0, 45, 60))
        mask.save(folder / name)
    assert "2 of 2, 0 s left" in run(snippet, folder)
    assert Image.open(folder / "look.png").size == (96, 72)


def test_the_snippet_of_films_runs(folder):
    snippet = PACKAGE[5].replace("size=512", "size=64")
    assert snippet != PACKAGE[5]
    film(folder / "film.mp4", frames=3)
    told = run(snippet, folder)
    assert "frame 3 of 3, 0 s left" in told
    assert (folder / "painted.mp4").stat().st_size > 0


@pytest.mark.parametrize("number", range(len(CLIENT)))
def test_a_client_snippet_runs_against_a_real_server(number, folder, server):
    snippet = CLIENT[number].replace("http://127.0.0.1:7860", server.url)
    assert server.url in snippet
    told = run(snippet, folder)
    expected = ["starry-night", ".png", "finished 20"][number]
    assert expected in told


@pytest.mark.parametrize("name", KNOBS)
def test_the_table_of_settings_is_the_codes(name):
    knob = KNOBS[name]
    allowed = ", ".join(knob.choices) if knob.choices else f"{knob.low} to {knob.high}"
    assert f"| `{name}` | {knob.default} | {allowed} | {knob.help} |" in README


@pytest.mark.parametrize("name", LOOK_KNOBS)
def test_the_table_of_the_photo_look_is_the_codes(name):
    knob = LOOK_KNOBS[name]
    allowed = ", ".join(knob.choices) if knob.choices else f"{knob.low} to {knob.high}"
    assert f"| `{name}` | {knob.default} | {allowed} | {knob.help} |" in README


@pytest.mark.parametrize("name", PRESETS)
def test_the_table_of_presets_is_the_codes(name):
    changed = ", ".join(f"`{knob}` {value}" for knob, value in PRESETS[name].values.items()) or "the defaults"
    assert f"| `{name}` | {changed} | {PRESETS[name].source} |" in README


def test_the_table_of_styles_is_the_catalogues():
    entries = json.loads((MODELS / "styles.json").read_text("utf-8"))
    for row in model_card.rows(entries):
        assert row in README


def test_the_ranges_it_tells_are_the_codes():
    for knob in (fast.STRENGTH, fast.STROKE):
        assert f"{knob.name} ({knob.low:g} to {knob.high:g})" in README


def test_the_house_it_draws_is_the_one_that_stands():
    drawn, package = set(), ""
    for indent, name in re.findall(r"^( {2,4})(\w+\.py|\w+/) ", README, re.MULTILINE):
        package = name if indent == "  " else package
        drawn.add(name if indent == "  " else package + name)
    standing = {path.name for path in (ROOT / "nst").glob("*.py")}
    for path in (ROOT / "nst").glob("*/__init__.py"):
        standing.add(f"{path.parent.name}/")
        if path.parent.name not in ("page", "training"):  # a file per part of the page, and per command
            standing |= {f"{path.parent.name}/{file.name}" for file in path.parent.glob("[a-z]*.py")}
    assert standing == drawn


def test_every_picture_and_page_it_links_to_is_here():
    for target in re.findall(r"\]\(([^)]+)\)", README):
        assert target.startswith("http") or (ROOT / target).is_file()
