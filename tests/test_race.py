"""Our method beside the textbook's: both paint, and who is first is told right."""

import dataclasses
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from PIL import Image
from thin import thin_vgg19

from nst import Settings
from nst.backbones import loading
from nst.backbones.kinds import CONTENT_LAYER, STYLE_LAYERS
from nst.backbones.vgg19 import VGG19
from nst.benchmark import baseline, race, speed
from nst.benchmark.race import Point, Race, balanced


@pytest.fixture(scope="module")
def published():
    with thin_vgg19() as weights:
        yield weights


@pytest.fixture
def network(published, monkeypatch):
    monkeypatch.setattr(race.weights, "vgg19", lambda progress=None: published)
    monkeypatch.setattr(loading, "_networks", {})


def picture(seed: int, width: int = 64, height: int = 48) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.BICUBIC)


def test_the_textbooks_plain_pass_sees_what_ours_sees(published):
    judge, x = VGG19(published), torch.rand(1, 3, 32, 48)
    ours = judge(x, (*STYLE_LAYERS, CONTENT_LAYER))
    found = baseline.features(judge, x)
    assert found.keys() == ours.keys()
    assert all(torch.equal(found[layer], ours[layer]) for layer in ours)


def test_the_textbooks_loop_comes_nearer_to_the_style(published):
    judge = VGG19(published)
    photo, painting = (race.to_tensor(picture(seed)) for seed in (1, 2))
    results = [race.to_picture(x) for x in baseline.optimize(judge, photo, painting, 12)]
    assert len(results) == 12
    first, last = (race.distances(judge, picture(1), picture(2), results[n])["style"] for n in (0, -1))
    assert last < first


def test_a_race_has_both_curves_in_order_of_time(network, tmp_path):
    result = race.run(picture(1, 128, 96), picture(2), Settings(size=64, steps=9), 3)
    judge = VGG19(race.weights.vgg19())
    for curve, last in zip((result.textbook, result.ours), result.pictures, strict=True):
        measured = race.distances(judge, race.fit(picture(1, 128, 96), 64), picture(2), last)
        assert dataclasses.asdict(curve[-1]) == pytest.approx(measured | {"seconds": curve[-1].seconds})
    assert len(result.textbook) == 1
    assert len(result.ours) == 4  # after steps 3, 6 and 9, and the last
    assert [p.size for p in result.pictures] == [(64, 48)] * 2
    race.draw([result, result], tmp_path / "race.svg")
    assert shapes(tmp_path / "race.svg", "polyline") == 8  # two methods' two figures, of two races


@pytest.mark.parametrize(("content", "more"), [(0.4, True), (0.6, False)])
def test_where_the_balance_is_another_the_style_weight_is_led_there(content, more):
    def after(content: float, weight: float) -> float:
        race = Race([Point(100, 0.1, 0.5, 1)], [Point(1, 0.2, content, 1)], (picture(1), picture(2)), weight)
        return balanced(Settings(style_weight=weight), race).style_weight

    assert (after(content, 1) > 1) is more
    assert after(0.01, 9) == 10  # the maximum weight
    assert 0 < after(9, 0.5) < 0.1  # but it may be almost 0


def test_what_style_can_spare_is_shared_with_content():
    """If the style distance is a fifth below the textbook's at equal content, both should end up a tenth below."""
    ours = Race([Point(100, 0.2, 0.5, 1)], [Point(1, 0.16, 0.5, 1)], (picture(1), picture(2)), 1.0)
    weight = balanced(Settings(style_weight=1), ours).style_weight
    assert weight == pytest.approx(0.8 ** (race.BALANCE / 2))


def test_two_runs_tell_how_the_content_follows_the_weight():
    def ours(content: float, weight: float) -> Race:
        return Race([Point(100, 0.1, 0.5, 1)], [Point(1, 0.2, content, 1)], (picture(1), picture(2)), weight)

    # On a logarithmic scale, doubling the weight took it half of the way; doubling again takes it the rest.
    first, second = ours(race.NEAR * 0.5 / 2**0.4, 1), ours(race.NEAR * 0.5 / 2**0.2, 2)
    assert balanced(Settings(style_weight=2), first, second).style_weight == pytest.approx(4)
    # A difference that is only rounding or chance is ignored.
    assert balanced(Settings(style_weight=2), second, second).style_weight > 2


def test_ours_paints_again_until_the_balance_is_the_textbooks(network, monkeypatch):
    """At most three runs; only one if the first is good enough, and no more once the content distance is near."""
    weights = []

    def painted(photo, painting, settings):
        weights.append(settings.style_weight)
        return optimize(photo, painting, settings)

    optimize = race.optimize
    monkeypatch.setattr(race, "optimize", painted)
    for given, runs in (((0.3, 0.35, 0.4), 3), ((0.3, race.NEAR * 0.5), 2), ((race.NEAR * 0.5,), 1)):
        weights.clear()
        queue = [[Point(1.0, 0.1, 0.5, 1.0)], *([Point(1.0, 0.2, content, 1.0)] for content in given)]
        monkeypatch.setattr(race, "_measured", lambda *_, queue=queue: queue.pop(0))
        race.run(picture(1), picture(2), Settings(size=64, steps=1), 1)
        assert len(weights) == runs


def shapes(drawing: Path, name: str) -> int:
    return len(ElementTree.parse(drawing).getroot().findall(f"{{http://www.w3.org/2000/svg}}{name}"))


def test_as_good_means_in_style_content_and_noise(tmp_path):
    end = Point(100, 0.3, 0.5, 1.2)
    ours = [Point(1, 0.5, 0.4, 1.0), Point(2, 0.3, 0.5, 1.3), Point(5, 0.3, 0.5, 1.2), Point(6, 0.2, 0.4, 1.0)]
    pictures = (picture(1), picture(2))
    assert Race([end], ours, pictures, 1).there.seconds == 5
    assert Race([end], ours, pictures, 1).ratio == 20
    assert Race([end], ours[:2], pictures, 1).there is None
    assert Race([end], ours[:2], pictures, 1).ratio == 0
    race.draw([Race([end], ours, pictures, 1), Race([end], ours[:2], pictures, 1)], tmp_path / "race.svg")
    assert shapes(tmp_path / "race.svg", "circle") == 2  # in both figures, for the race that was won


def test_the_benchmark_prints_a_row_for_each_pair(network, tmp_path, monkeypatch, capsys):
    for seed in (1, 2):
        picture(seed).save(tmp_path / f"{seed}.png")
    files = [str(tmp_path / f"{seed}.png") for seed in (1, 2)]
    monkeypatch.setattr(
        sys,
        "argv",
        [
            "benchmark",
            "optimize",
            *files,
            *files[::-1],
            "--size",
            "64",
            "--textbook-steps",
            "2",
            "--out",
            f"{tmp_path}/out",
            "--set",
            "steps=2",
        ],
    )
    speed.main()
    printed = capsys.readouterr().out
    assert "| 1-2 |" in printed
    assert "| 2-1 |" in printed
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(
        ["curves.svg", *(f"{a}-{b}-{method}.png" for a, b in ((1, 2), (2, 1)) for method in ("textbook", "ours"))]
    )


def test_settings_are_named_as_everywhere():
    given = dict(map(speed.setting, ["steps=80", "content_weight=2.5", "color=luminance"]))
    assert Settings.from_dict(given) == Settings(steps=80, content_weight=2.5, color="luminance")


@pytest.mark.parametrize(
    ("given", "words"), [("colour=1", "colour"), ("steps=many", "many"), ("steps=-1", "0 to 1000")]
)
def test_a_setting_that_cannot_be_is_said(given, words, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["benchmark", "optimize", "--set", given])
    with pytest.raises(SystemExit, match=words):
        speed.main()


def test_files_that_make_no_pairs_are_refused(monkeypatch):
    monkeypatch.setattr(sys, "argv", ["benchmark", "optimize", "photo.jpg"])
    with pytest.raises(SystemExit, match="pairs"):
        speed.main()
