"""The photo look: its maps at any size, colors matched at once, and whole runs."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from PIL import Image

import nst
from nst import LookSettings, SettingsError, photoreal
from nst.oklab import from_oklab, to_oklab
from nst.optimization import objective as objectives
from nst.photolook import maps as looks
from nst.photolook.maps import ColorMaps, as_change, empty_grids
from nst.photolook.transfer import transferred
from nst.regions.labels import pair_regions
from nst.tensors import to_tensor

WIDTH, HEIGHT = 160, 120
RED, BLUE = (255, 0, 0), (0, 0, 255)
ONCE, QUICK = LookSettings(how="once", size=128), LookSettings(size=128, steps=6)


def picture(seed: int, low: int = 0, high: int = 256, width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(low, high, (9, 12, 3), np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.BICUBIC)


def halves(left: tuple, right: tuple, width: int = WIDTH, height: int = HEIGHT) -> Image.Image:
    mask = Image.new("RGB", (width, height), right)
    mask.paste(left, (0, 0, width // 2, height))
    return mask


def last(*given, **how):
    for step in photoreal(*given, **how):  # noqa: B007
        pass
    return step


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image.convert("RGB"), np.float32)


def some_maps(seed: int = 0) -> ColorMaps:
    dice = torch.Generator().manual_seed(seed)
    base = 0.05 * torch.randn(1, 12, 6, 8, generator=dice)
    return ColorMaps(base, [0.05 * torch.randn(grid.shape, generator=dice) for grid in empty_grids(HEIGHT, WIDTH)])


def test_maps_of_nothing_leave_every_pixel():
    maps = ColorMaps(torch.zeros(1, 12, 3, 4), empty_grids(HEIGHT, WIDTH))
    assert np.array_equal(pixels(maps.recolor(picture(1))), pixels(picture(1)))


def test_bands_of_a_large_photo_meet_without_a_seam(monkeypatch):
    maps, photo = some_maps(), picture(2)
    whole = maps.recolor(photo)
    monkeypatch.setattr(looks, "BAND", 7 * WIDTH)
    assert np.abs(pixels(maps.recolor(photo)) - pixels(whole)).max() <= 1


def test_maps_are_of_no_size():
    maps, photo = some_maps(3), picture(3)
    large = maps.recolor(photo.resize((4 * WIDTH, 4 * HEIGHT), Image.BICUBIC)).resize(photo.size, Image.BOX)
    assert np.abs(pixels(large) - pixels(maps.recolor(photo))).mean() < 2


def test_a_matrix_and_an_offset_are_applied_as_written():
    photo = to_tensor(picture(4))
    matrices = (torch.eye(3) * 0.5 + 0.1).view(1, 3, 3, 1, 1)
    offsets = torch.tensor([0.1, 0.0, -0.1]).view(1, 3, 1, 1)
    wanted = torch.einsum("ij,njhw->nihw", matrices[0, :, :, 0, 0], photo) + offsets
    assert torch.allclose(ColorMaps(as_change(matrices, offsets))(photo), wanted, atol=1e-5)


def test_oklab_and_back():
    photo = to_tensor(picture(5))
    assert torch.allclose(from_oklab(to_oklab(photo)), photo, atol=1e-3)
    white = to_oklab(torch.ones(1, 3, 1, 1)).flatten()
    assert white.tolist() == pytest.approx([1, 0, 0], abs=1e-3)


def test_each_region_takes_the_colors_of_its_part():
    photo, reference = to_tensor(picture(6, 60, 200)), to_tensor(picture(7))
    reference[..., :, : WIDTH // 2] *= torch.tensor([1.0, 0.3, 0.3]).view(1, 3, 1, 1)
    reference[..., :, WIDTH // 2 :] *= torch.tensor([0.3, 0.3, 1.0]).view(1, 3, 1, 1)
    left = to_tensor(halves((255,) * 3, (0,) * 3))[:, :1]
    maps = transferred(photo, reference, torch.cat([1 - left, left]), [left, 1 - left])  # crosswise
    ours, theirs = maps(photo).clamp(0, 1), reference
    for mine, part in (
        (slice(WIDTH // 2 + 9, None), slice(0, WIDTH // 2)),
        (slice(0, WIDTH // 2 - 9), slice(80, None)),
    ):
        got, wanted = ours[..., mine].mean(dim=(0, 2, 3)), theirs[..., part].mean(dim=(0, 2, 3))
        assert (got - wanted).abs().max() < 0.06


def test_what_no_region_covers_stays():
    photo, reference = to_tensor(picture(8)), to_tensor(picture(9))
    maps = transferred(photo, reference, torch.zeros(1, 1, HEIGHT, WIDTH), [torch.ones(1, 1, HEIGHT, WIDTH)])
    assert (maps(photo) - photo).abs().mean() < 0.02


def test_at_once_is_one_step_of_the_photos_own_size_with_a_recipe(tmp_path):
    steps = list(photoreal(picture(10), picture(11), ONCE))
    assert [(step.step, step.steps) for step in steps] == [(0, 0)]
    assert steps[0].image.size == (WIDTH, HEIGHT)
    assert max(steps[0].preview.size) == 128
    nst.save_image(steps[0].image, tmp_path / "look.png")
    recipe = nst.read_recipe(tmp_path / "look.png")
    assert (recipe["engine"], recipe["how"], recipe["regions"]) == ("photo look", "once", 1)
    with pytest.raises(SettingsError, match="photo look"):
        nst.Settings.from_image(tmp_path / "look.png")


def test_the_small_network_comes_nearer_to_the_reference_and_stays_a_recoloring():
    steps = list(photoreal(picture(12), picture(13), LookSettings(size=128, steps=12)))
    assert [step.step for step in steps][:13] == list(range(13))
    first, final = steps[1].losses, steps[-1].losses
    assert final["style"] < 0.9 * first["style"]
    assert final["photorealism"] < 0.1
    assert final["total"] == min(step.losses["total"] for step in steps[1:])
    assert all(one.seconds <= two.seconds for one, two in pairwise(steps))


def test_strength_leads_from_the_photo_to_the_look():
    photo, reference = picture(14), picture(15, 150, 220)
    none, half, whole = (
        pixels(last(photo, reference, LookSettings(how="once", size=128, strength=s)).image) for s in (0.0, 0.5, 1.0)
    )
    assert np.array_equal(none, pixels(photo))
    assert 0 < np.abs(half - none).mean() < np.abs(whole - none).mean()


def test_masks_of_flat_colors_join_what_has_the_same_color():
    photo, reference = picture(16, 100, 160), halves((200, 40, 40), (40, 40, 200))
    ours = pixels(
        last(photo, reference, ONCE, masks=halves(BLUE, RED), reference_masks=halves(RED, BLUE)).image
    )  # the left of the photo belongs to the right of the reference
    assert ours[:, :60, 2].mean() > ours[:, :60, 0].mean() + 50
    assert ours[:, -60:, 0].mean() > ours[:, -60:, 2].mean() + 50


def test_masks_may_be_of_another_size_and_blurred_by_jpeg(tmp_path):
    halves(RED, BLUE, 400, 320).save(tmp_path / "mask.jpg", quality=60)
    photo, reference = nst.open_image(picture(17)), nst.open_image(picture(18))
    pairs, notes = pair_regions(photo, reference, tmp_path / "mask.jpg", halves(RED, BLUE))
    assert len(pairs) == 2
    assert notes == ()
    assert all(pair.mask.size == (WIDTH, HEIGHT) and pair.part is not None for pair in pairs)


def test_a_region_that_the_reference_lacks_takes_all_of_it_and_says_so():
    green = (0, 255, 0)
    step = last(picture(19), picture(20), ONCE, masks=halves(RED, green), reference_masks=halves(RED, BLUE))
    assert any("1 are not in the reference's" in note for note in step.notes)


def test_gray_masks_belong_together_in_order():
    white, black = (255,) * 3, (0,) * 3
    photo, reference = picture(21, 100, 160), halves((200, 40, 40), (40, 40, 200))
    masks = [halves(white, black), halves(black, white)]
    ours = pixels(last(photo, reference, ONCE, masks=masks, reference_masks=masks[::-1]).image)
    assert ours[:, :60, 2].mean() > ours[:, :60, 0].mean() + 50


@pytest.mark.parametrize(
    ("masks", "theirs", "words"),
    [
        (halves(RED, BLUE), None, "in pairs"),
        (None, halves(RED, BLUE), "in pairs"),
        ([halves(RED, BLUE)], halves(RED, BLUE), "both as lists"),
        ([halves(RED, BLUE)], [], "as many masks"),
        ([Image.new("L", (9, 9))], [Image.new("L", (9, 9), 255)], "whole photo as it is"),
    ],
)
def test_masks_that_do_not_fit_together_are_refused_with_words(masks, theirs, words):
    with pytest.raises(SettingsError, match=words):
        last(picture(22), picture(23), ONCE, masks=masks, reference_masks=theirs)


@pytest.mark.parametrize("how", [ONCE, QUICK])
@pytest.mark.parametrize(
    ("photo", "reference"),
    [
        (Image.new("RGB", (90, 60), (120, 120, 120)), picture(24)),
        (picture(25), Image.new("RGB", (90, 60), (10, 200, 90))),
        (Image.new("RGB", (1, 1), (1, 2, 3)), Image.new("RGB", (5, 2), (200, 2, 3))),
        (picture(26, width=400, height=9), picture(27, width=9, height=300)),
    ],
    ids=["plain photo", "plain reference", "one pixel", "long and thin"],
)
def test_odd_pictures_come_out_whole(photo, reference, how):
    step = last(photo, reference, how)
    assert step.image.size == photo.size
    assert all(np.isfinite(value) for value in step.losses.values())


def test_transparent_parts_stay_transparent():
    photo = picture(28).convert("RGBA")
    photo.putalpha(halves((255,) * 3, (0,) * 3).convert("L"))
    assert last(photo, picture(29), ONCE).image.getchannel("A").getextrema() == (0, 255)


def test_a_cancelled_look_ends_with_what_there_is():
    asked = iter([False] * 40)
    steps = list(photoreal(picture(30), picture(31), QUICK, cancelled=lambda: next(asked, True)))
    assert 1 <= len(steps) < QUICK.steps
    assert steps[-1].image.size == (WIDTH, HEIGHT)


def test_settings_out_of_range_are_refused():
    with pytest.raises(SettingsError, match="strength"):
        LookSettings(strength=2.0)
    with pytest.raises(SettingsError, match="There is no setting sky"):
        LookSettings.from_dict({"sky": 1})


def test_the_style_of_a_part_is_that_of_the_part_alone():
    """The target of a part, against those of the whole painting and of the part cut out."""
    grain = np.random.default_rng(32).integers(0, 256, (HEIGHT, WIDTH // 2, 3), np.uint8)
    painting = picture(33, 100, 150)
    painting.paste(Image.fromarray(grain), (0, 0))
    part = halves((255,) * 3, (0,) * 3).convert("L")
    network = nst.backbones.loading.load_networks(nst.Settings(network="student")).fine
    photo, settings = nst.open_image(picture(34)), nst.Settings(size=WIDTH, network="student")

    def target(*regions):
        opened = nst.regions.masks.open_regions(list(regions), photo)
        return objectives.Objective(network, to_tensor(photo.image), opened, settings, lambda: None).style.targets

    whole, alone, both = nst.Region(painting), nst.Region(painting, part=part), nst.Region(painting)
    cut = nst.Region(Image.fromarray(np.concatenate([grain, grain[:, ::-1]], axis=1)))
    (everything,), (of_part,), (of_cut,) = target(whole), target(alone), target(cut)
    for layer in ("relu1_1", "relu2_1"):
        near = (of_part[layer][0] - of_cut[layer][0]).norm()
        assert near < 0.5 * (everything[layer][0] - of_cut[layer][0]).norm()
    # Regions of one painting share its pass through the network, and each has its own target.
    first, second = target(nst.Region(painting, part=part), both)
    assert torch.equal(first["relu3_1"][0], of_part["relu3_1"][0])
    assert torch.equal(second["relu3_1"][0], everything["relu3_1"][0])


def test_an_empty_part_is_refused():
    with pytest.raises(SettingsError, match="is empty"):
        nst.regions.masks.open_regions(
            [nst.Region(picture(35), part=Image.new("L", (9, 9)))], nst.open_image(picture(36))
        )
