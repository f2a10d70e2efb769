"""The full method's promises, on a thin VGG-19 with random weights and small pictures."""

import dataclasses
import gc
import importlib
import weakref
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image
from thin import thin_vgg19

import nst
from nst import ImageError, Settings, SettingsError, device, losses, memory
from nst.backbones import loading
from nst.backbones.kinds import VGG19
from nst.optimization import memory_use, scales
from nst.regions.masks import open_regions

module = importlib.import_module("nst.optimization.run")


@pytest.fixture(scope="module")
def published():
    with thin_vgg19() as weights:
        yield weights


@pytest.fixture(autouse=True)
def network(published, monkeypatch):
    monkeypatch.setattr(loading.weights, "vgg19", lambda progress=None: published)
    monkeypatch.setattr(loading, "_networks", {})


def picture(seed: int, width: int = 96, height: int = 72) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.BICUBIC)


PHOTO, PAINTING = picture(1), picture(2, 64, 90)
QUICK = Settings(size=64, steps=6)


def run(settings: Settings = QUICK, **options) -> list[nst.Step]:
    return list(nst.optimize(PHOTO, PAINTING, settings, **options))


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean absolute difference in 255ths."""
    return float(np.abs(np.asarray(one, np.float32) - np.asarray(other, np.float32)).mean())


def test_steps_are_counted_and_go_from_coarse_to_fine():
    steps = run(Settings(size=128, steps=9))
    assert [s.step for s in steps[:9]] == list(range(1, 10))
    assert {s.steps for s in steps} == {9}
    assert steps[0].scale == (64, 48)
    assert steps[-1].scale == (128, 96)
    assert all(s.image.size == (128, 96) for s in (steps[0], steps[-1]))
    assert [s.seconds for s in steps] == sorted(s.seconds for s in steps)
    assert steps[0].remaining > 0
    assert steps[8].remaining == 0


def test_what_the_first_step_costs_once_is_not_expected_of_the_others(monkeypatch):
    """With a clock of which the first step takes a hundred seconds, each other one."""
    clock, costs, advance = [0.0], iter((100.0, 1.0, 1.0, 1.0, 1.0)), module.advance

    def advanced(*given):
        clock[0] += next(costs)
        return advance(*given)

    monkeypatch.setattr(module, "advance", advanced)
    monkeypatch.setattr(module, "time", SimpleNamespace(perf_counter=lambda: clock[0]))
    monkeypatch.setattr(module.estimates, "known", lambda settings: None)
    steps = run(Settings(size=64, steps=5))
    assert [s.remaining for s in steps[1:5]] == pytest.approx([3, 2, 1, 0])


def test_the_objective_falls():
    totals = [s.losses["total"] for s in run(Settings(size=64, steps=20))]
    assert totals[-1] < 0.7 * totals[0]


def test_the_photos_own_colors_are_kept():
    """Differences from luma stay the photograph's, but for what black and white cut off."""
    painted, own = (run(Settings(size=64, steps=6, color=color))[-1].image for color in ("luminance", "style"))
    photo = PHOTO.resize(painted.size, Image.LANCZOS)
    kept, free = (
        difference(i.convert("YCbCr").getchannel(1), photo.convert("YCbCr").getchannel(1)) for i in (painted, own)
    )
    assert kept < 0.5 * free


def test_matched_colors_are_like_the_photographs():
    mean = {
        c: np.asarray(run(Settings(size=64, steps=20, color=c, content_weight=0))[-1].image).mean(axis=(0, 1))
        for c in ("match", "style")
    }
    photo = np.asarray(PHOTO).mean(axis=(0, 1))
    assert np.abs(mean["match"] - photo).max() < np.abs(mean["style"] - photo).max()


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_the_last_step_holds_the_best_picture(optimizer):
    steps = run(Settings(size=64, steps=8, optimizer=optimizer, start="noise"))
    assert steps[-1].losses["total"] == min(s.losses["total"] for s in steps)


def test_a_step_is_frozen_and_makes_its_picture_when_asked():
    step = run(Settings(size=64, steps=1))[0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        step.step = 2
    assert step.image is not step.image
    assert (step.image.mode, step.image.size) == ("RGB", (64, 48))


def test_a_step_keeps_its_own_picture_while_the_run_goes_on():
    steps = nst.optimize(PHOTO, PAINTING, QUICK)
    first = next(steps)
    before = np.asarray(first.image)
    list(steps)
    assert np.array_equal(before, np.asarray(first.image))


def test_the_same_seed_gives_the_same_picture_and_another_seed_another():
    pictures = [run(Settings(size=64, steps=4, start="noise", seed=seed))[-1].image for seed in (3, 3, 4)]
    assert difference(pictures[0], pictures[1]) == 0
    assert difference(pictures[0], pictures[2]) > 1


def test_without_style_and_smoothness_the_photo_stays_as_it_is():
    result = run(Settings(size=96, steps=3, style_weight=0, smoothness=0))[-1].image
    assert difference(result, PHOTO) < 0.6


def test_more_style_weight_brings_the_style_closer():
    low, high = (run(Settings(size=64, steps=20, style_weight=w))[-1].losses["style"] for w in (0.2, 5.0))
    assert high < low


def test_it_begins_with_the_picture_it_is_given():
    start = picture(5, 64, 48)
    frozen = Settings(size=64, steps=1, style_weight=0, content_weight=0, smoothness=0)
    assert difference(run(frozen, init=start)[-1].image, start) < 1


FROZEN = Settings(size=128, steps=3, style_weight=0, content_weight=0, smoothness=0)  # at 64 and at 128 pixels


def grains(seed: int) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (96, 128, 3), np.uint8))


def likeness(one: Image.Image, other: Image.Image) -> float:
    """Correlation of two pictures' pixels."""
    return float(np.corrcoef(np.asarray(one).ravel(), np.asarray(other).ravel())[0, 1])


def test_a_finer_scale_takes_up_detail_of_the_photograph_it_began_with():
    assert len(scales.plan(FROZEN.size, FROZEN.steps)) == 2
    photo = grains(6)
    result = list(nst.optimize(photo, PAINTING, FROZEN))[-1].image
    coarse = photo.resize((64, 48), Image.BILINEAR).resize(photo.size, Image.BICUBIC)
    assert difference(result, photo) < 0.5 * difference(coarse, photo)


def test_a_run_that_began_with_something_else_takes_up_none_of_the_photographs_detail():
    photo, start = grains(6), grains(7)
    noise = list(nst.optimize(photo, PAINTING, dataclasses.replace(FROZEN, start="noise")))[-1].image
    given = list(nst.optimize(photo, PAINTING, FROZEN, init=start))[-1].image
    assert abs(likeness(noise, photo)) < 0.1
    assert abs(likeness(given, photo)) < 0.1
    assert likeness(given, start) > 0.8


def test_average_pooling_paints_another_picture():
    assert difference(run()[-1].image, run(dataclasses.replace(QUICK, pooling="average"))[-1].image) > 0.5


def test_transparency_is_put_back():
    photo = PHOTO.convert("RGBA")
    photo.putalpha(Image.linear_gradient("L").resize(photo.size))
    result = list(nst.optimize(photo, PAINTING, Settings(size=96, steps=1)))[-1].image
    assert result.mode == "RGBA"
    assert difference(result.getchannel("A"), photo.getchannel("A")) < 1


@pytest.mark.parametrize("shape", [(1, 1), (300, 2), (2, 300)])
def test_a_photo_of_one_pixel_or_one_line_is_painted(shape):
    result = list(nst.optimize(picture(3, *shape), PAINTING, Settings(size=64, steps=2)))[-1].image
    assert max(result.size) == 64
    assert np.isfinite(np.asarray(result)).all()


def test_the_scaling_of_the_weights_file_does_not_change_the_picture(published, monkeypatch):
    settings = Settings(size=96, steps=30)
    plain = run(settings)[-1].image
    scaled = dict(published)
    for kind in ("weight", "bias"):
        scaled[f"features.21.{kind}"] = published[f"features.21.{kind}"] * 10
    scaled["features.23.weight"] = published["features.23.weight"] * 0.1
    monkeypatch.setattr(loading.weights, "vgg19", lambda progress=None: scaled)
    monkeypatch.setattr(loading, "_networks", {})
    assert difference(run(settings)[-1].image, plain) < 0.1


def test_closing_the_generator_stops_it_and_frees_its_pictures():
    steps = nst.optimize(PHOTO, PAINTING, Settings(size=64, steps=1000))
    canvas = weakref.ref(next(steps).canvas)
    steps.close()
    gc.collect()
    assert canvas() is None
    assert list(steps) == []


def test_cancelling_in_the_middle_of_a_step_keeps_the_best_picture():
    asked, limit = [], 150

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > limit

    steps = run(Settings(size=64, steps=1000), cancelled=cancelled)
    assert len(asked) == limit + 1  # it went no further than the layer it was in
    assert steps[-1].losses["total"] == min(s.losses["total"] for s in steps)
    assert steps[-1].image.size == (64, 48)


def test_a_saved_step_tells_how_it_was_made(tmp_path):
    settings = Settings(size=64, steps=3, network="student", stroke=1.5, seed=4)
    for step in nst.optimize(PHOTO, picture(2), settings):
        nst.save_image(step.image, tmp_path / "made.jpg")
    assert Settings.from_image(tmp_path / "made.jpg") == settings
    recipe = nst.read_recipe(tmp_path / "made.jpg")
    assert (recipe["step"], recipe["engine"], recipe["painting"]) == (3, "optimize", "picture")


def test_usual_steps_are_written_as_their_number(tmp_path):
    step = next(iter(nst.optimize(PHOTO, picture(2), Settings(size=64, network="student"))))
    nst.save_image(step.image, tmp_path / "made.png")
    assert Settings.from_image(tmp_path / "made.png").steps == Settings(network="student").total_steps


def test_cancelling_before_the_first_step_yields_nothing():
    assert run(cancelled=lambda: True) == []


def test_a_painting_of_one_line_asks_for_no_more_memory_than_another():
    seen = []

    def network(tensor, layers, watch):
        seen.append(tensor.shape)
        strides = {layer: VGG19.layers[layer].stride for layer in layers}
        return {layer: tensor[..., ::stride, ::stride] for layer, stride in strides.items()}

    network.kind, network.trust, network.content_layers_at = VGG19, {}, lambda layer: {layer: 1.0}
    photo = module.to_tensor(PHOTO.resize((64, 48)))
    line = open_regions(picture(4, 3000, 1), nst.open_image(PHOTO))
    module.Objective(network, photo, line, QUICK, lambda: None)
    assert len(seen) == 2
    assert all(height * width <= 2 * 64 * 48 for _, _, height, width in seen)


def test_every_step_shows_in_the_result():
    assert difference(run(Settings(size=96, steps=1))[-1].image, PHOTO) > 0.1


def failing(monkeypatch, *calls: int, error: Exception | None = None) -> list[int]:
    """VGG-19 gets no memory at these of its convolutions, counted from 1; gives a list that counts them."""
    met: list[int] = []
    forward = loading.VGG19.forward

    def full(self, picture, layers, watch=None):
        def watched():
            met.append(1)
            if len(met) in calls:
                raise error or MemoryError()
            if watch is not None:
                watch()

        return forward(self, picture, layers, watched)

    monkeypatch.setattr(loading.VGG19, "forward", full)
    return met


@pytest.mark.parametrize("point", [1, 11, 25, 40, 60, 150, 200, 260, 300, 430])
def test_a_run_whose_memory_fails_at_any_point_ends_with_a_picture_and_a_sentence(point, monkeypatch):
    met = failing(monkeypatch, point)
    steps = run(Settings(size=128, steps=16))
    assert len(met) >= point
    assert steps[-1].image.size == (128, 96)
    assert "memory did not suffice" in steps[-1].notes[-1]
    assert steps[-1].step == 16 or "best picture" in steps[-1].notes[-1]
    assert [step.step for step in steps] == sorted(step.step for step in steps)


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")])
def test_a_run_that_gets_too_little_memory_goes_on_smaller_and_says_so(error, monkeypatch):
    failing(monkeypatch, 1, 2, error=error)
    steps = run(Settings(size=128, steps=10))
    assert [note for note in steps[-1].notes if "memory" in note] == list(steps[-1].notes)
    assert len(steps[-1].notes) == 2
    assert {step.scale for step in steps} == {(36, 32)}
    assert steps[9].step == 10


def test_a_nearly_finished_picture_is_kept_when_memory_fails(monkeypatch):
    """Rather than painted on at a smaller size."""
    whole = failing(monkeypatch)
    run(Settings(size=64, steps=20))
    failing(monkeypatch, round(0.9 * len(whole)))
    steps = run(Settings(size=64, steps=20))
    assert "best picture" in steps[-1].notes[-1]
    assert steps[-1].losses["total"] == min(step.losses["total"] for step in steps)


def test_a_picture_that_would_not_fit_into_memory_is_painted_smaller_from_the_beginning(monkeypatch):
    needed = memory_use.needed(96 * 72, device.number_format(torch.device("cpu")))
    monkeypatch.setattr(memory, "free", lambda where: round(needed / memory_use.SHARE) + 1)
    steps = run(Settings(size=128, steps=6))
    assert {step.scale for step in steps} == {(64, 48), (96, 72)}
    assert (steps[-1].step, steps[-1].image.size) == (6, (128, 96))
    assert "too little for 128 pixels: painted at 96" in steps[-1].notes[-1]
    assert run(Settings(size=96, steps=2))[-1].notes == ()


def test_a_run_that_gets_no_memory_at_all_is_an_error_that_says_what_to_do(monkeypatch):
    failing(monkeypatch, *range(100))
    with pytest.raises(SettingsError, match="close other programs"):
        run()


@pytest.mark.parametrize("optimizer", ["adam", "lbfgs"])
def test_a_loss_out_of_range_is_stepped_back_from_and_said(optimizer, monkeypatch):
    calls = []

    def sometimes(picture, real=losses.total_variation):
        calls.append(1)
        return real(picture) * (float("nan") if len(calls) == 4 else 1)

    monkeypatch.setattr(losses, "total_variation", sometimes)
    steps = run(Settings(size=64, steps=8, optimizer=optimizer))
    assert steps[-1].step == 8
    assert all(np.isfinite(list(s.losses.values())).all() for s in steps)
    assert any("out of range" in note for note in steps[-1].notes)


def test_losses_that_stay_out_of_range_end_the_run_with_the_best_picture(monkeypatch):
    calls = []

    def soon_broken(picture, real=losses.total_variation):
        calls.append(1)
        return real(picture) * (float("inf") if len(calls) > 4 else 1)

    monkeypatch.setattr(losses, "total_variation", soon_broken)
    steps = run(Settings(size=64, steps=50))
    assert np.isfinite(steps[-1].losses["total"])
    assert "best picture" in steps[-1].notes[-1]


def test_a_network_that_gives_no_numbers_is_an_error_and_no_picture(monkeypatch):
    monkeypatch.setattr(losses, "total_variation", lambda picture: picture.mean() * float("nan"))
    with pytest.raises(SettingsError, match="out of range"):
        run()


def test_a_picture_that_cannot_be_read_is_named_before_anything_starts():
    with pytest.raises(ImageError, match="nowhere"):
        nst.optimize("nowhere.jpg", PAINTING)


def test_notes_on_the_pictures_reach_the_steps(tmp_path):
    path = tmp_path / "two.gif"
    PHOTO.save(path, save_all=True, append_images=[PAINTING.resize(PHOTO.size)])
    step = next(nst.optimize(path, PAINTING, QUICK))
    assert any("two.gif" in note for note in step.notes)


def test_nothing_of_torch_leaks_into_the_callers_thread():
    steps = nst.optimize(PHOTO, PAINTING, QUICK)
    next(steps)
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()
    steps.close()


def test_one_scale_is_the_full_size_alone():
    assert {step.scale for step in run(Settings(size=128, steps=3, scales=1))} == {(128, 96)}


def test_a_layer_without_a_share_has_no_say():
    """The same without deeper layers, where only the first has a share."""
    first = {f"style_{n}": 0.0 for n in range(2, 6)}
    alone = run(Settings(size=64, steps=4, content_weight=0, **first))
    assert difference(alone[-1].image, run(Settings(size=64, steps=4, content_weight=0))[-1].image) > 0.5
    several = run(Settings(size=64, steps=4, style_1=0.5, content_weight=0, **first))
    assert difference(alone[-1].image, several[-1].image) == 0
    nothing = run(Settings(size=96, steps=3, style_1=0, smoothness=0, **first))[-1]
    assert nothing.losses["style"] == 0
    assert difference(nothing.image, PHOTO) < 0.6


def test_a_larger_stroke_sees_the_painting_larger(monkeypatch):
    seen = []
    forward = loading.VGG19.forward

    def watched(self, picture, layers, watch=None):
        if tuple(layers) != ("relu4_2",):
            seen.append(picture.shape[2] * picture.shape[3])
        return forward(self, picture, layers, watch)

    monkeypatch.setattr(loading.VGG19, "forward", watched)
    for stroke in (1.0, 2.0):
        run(Settings(size=128, steps=1, scales=1, stroke=stroke))
    usual, *_ = seen
    larger = next(area for area in seen if area > 2 * usual)
    assert larger == pytest.approx(4 * usual, rel=0.05)


def test_the_content_layer_can_be_chosen():
    """What one layer keeps best is nearer there than what another layer keeps."""
    noise = {"size": 64, "steps": 10, "start": "noise", "style_weight": 0, "smoothness": 0}
    layers = ("relu2_2", "relu5_2")
    made = [run(Settings(content_layer=layer, **noise))[-1].losses["content"] for layer in layers]
    assert made[0] != pytest.approx(made[1], rel=0.05)
    assert all(content < 1 for content in made)


def test_style_can_be_compared_by_transport():
    steps = run(Settings(size=64, steps=20, statistic="wasserstein", content_weight=0, smoothness=0))
    assert steps[-1].losses["style"] < 0.7 * steps[0].losses["style"]


@pytest.mark.parametrize("after", [4, 9, 14])  # in the coarse scale, at its end, in the fine one
def test_an_interrupted_run_goes_on_to_about_the_picture_it_would_have_become(after):
    settings = Settings(size=128, steps=20)
    assert scales.plan(128, 20) == [scales.Scale(64, 9), scales.Scale(128, 11)]
    whole = run(settings)
    unfinished = whole[after].image  # a step holds the picture that it starts from
    rest = run(settings, unfinished=unfinished, after=after)
    assert [step.step for step in rest[: 20 - after]] == list(range(after + 1, 21))
    assert rest[-1].losses["total"] == pytest.approx(whole[-1].losses["total"], rel=0.1)
    if after > 9:
        assert rest[0].losses["total"] < 0.9 * whole[9].losses["total"]


@pytest.mark.parametrize(("scales", "after"), [(1, 5), (2, 3), (2, 9), (2, 19)])
def test_an_interrupted_run_whose_memory_fails_goes_on_from_its_own_picture(scales, after, monkeypatch):
    """And not from the photo."""
    unfinished = picture(5, 128, 96)
    failing(monkeypatch, 1)
    frozen = {"style_weight": 0, "content_weight": 0, "smoothness": 0}
    steps = run(Settings(size=128, steps=20, scales=scales, **frozen), unfinished=unfinished, after=after)
    assert "memory did not suffice" in steps[-1].notes[-1]
    assert steps[-1].step == 20
    assert likeness(steps[-1].image, unfinished.resize((128, 96))) > 0.9


def test_memory_that_fails_in_the_middle_of_a_scale_loses_nothing_painted(monkeypatch):
    counted = failing(monkeypatch)
    run(Settings(size=96, steps=20, scales=1))
    failing(monkeypatch, len(counted) // 3)
    totals = [step.losses["total"] for step in run(Settings(size=96, steps=20, scales=1))]
    assert max(totals[8:]) < 0.7 * totals[0]


def test_memory_that_fails_again_at_a_smaller_size_ends_no_run_early(monkeypatch):
    counted = failing(monkeypatch)
    run(Settings(size=128, steps=20, scales=1))
    failing(monkeypatch, len(counted) // 5, len(counted) // 4)
    last = run(Settings(size=128, steps=20, scales=1))[-1]
    assert len([note for note in last.notes if "then enlarged" in note]) == 2
    assert last.step == 20


@pytest.mark.parametrize(("unfinished", "after"), [(None, 3), (PHOTO, 0), (PHOTO, 6), (PHOTO, -1)])
def test_going_on_takes_a_picture_and_a_step_of_the_run(unfinished, after):
    with pytest.raises(SettingsError, match="less than 6"):
        run(unfinished=unfinished, after=after)


def test_a_picture_too_large_for_memory_at_once_is_painted_in_patches_and_says_so(monkeypatch):
    """At sizes that a test can afford."""
    whole = run(Settings(size=192, steps=4))[-1]
    monkeypatch.setattr(memory_use, "SIDES", (64,))
    monkeypatch.setattr(memory_use, "SAVING", 10.0)
    monkeypatch.setattr(memory_use, "needed", lambda *given: 0 if given[4] else 10**15)  # the patch
    patched = run(Settings(size=192, steps=4))[-1]
    assert "in patches of 64" in patched.notes[-1]
    assert patched.image.size == whole.image.size
    assert difference(patched.image, whole.image) < 1


def test_a_failed_allocation_in_a_large_picture_is_answered_with_patches(monkeypatch):
    monkeypatch.setattr(memory_use, "SIDES", (64,))
    monkeypatch.setattr(memory_use, "SAVING", 10.0)
    failing(monkeypatch, 40)
    steps = run(Settings(size=192, steps=6))
    assert "painted in patches of 64" in steps[-1].notes[-1]
    assert steps[-1].step == 6
    assert max(steps[-1].scale) == 192
