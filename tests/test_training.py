"""The training room, end to end on tiny pictures: train, stop, go on, export, check."""

import argparse
import csv

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from torchvision.models import vgg19
from torchvision.transforms import v2

from nst import fast, losses, measure
from nst.networks import CONTENT_LAYER, STYLE_LAYERS, VGG19
from nst.tensors import to_tensor
from nst.training import aims, cards, export, network, photos, train
from nst.training.network import StyleNetwork


@pytest.fixture(scope="module")
def published():
    torch.manual_seed(1)
    return {f"features.{name}": tensor for name, tensor in vgg19(weights=None).features.state_dict().items()}


@pytest.fixture
def material(tmp_path):
    """Three paintings and a folder of photographs."""
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for name in ("one.png", "other.png", "third.png", *(f"photos/{n}.png" for n in range(6))):
        coarse = Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8))
        coarse.resize((96, 72), Image.BICUBIC).save(tmp_path / name)
    return tmp_path


@pytest.fixture
def run(material, published, monkeypatch):
    """Trains a small network as the command does; gives the checkpoint's content."""
    monkeypatch.setattr(train.weights, "vgg19", lambda: published)
    monkeypatch.setattr(train, "CROPS", ((0.0, 32),))
    monkeypatch.setattr(aims, "STYLE_SIDE", 64)
    monkeypatch.setattr(StyleNetwork.__init__, "__defaults__", (1, (8, 8, 16), 1, 0))

    def running(out: str, *arguments: str, paintings=("one.png", "second=other.png")) -> dict:
        named = [str(material / name) if "=" not in name else name.replace("=", f"={material}/") for name in paintings]
        photos = ["--photos", str(material / "photos")]
        monkeypatch.setattr("sys.argv", ["train", str(material / out), *named, *photos, "--batch", "2", *arguments])
        train.main()
        return torch.load(material / out / "checkpoint.pt", weights_only=True)

    return running


def test_glow_is_what_drifts_where_the_photo_is_plain():
    plain, busy = torch.full((1, 3, 128, 128), 0.5), torch.rand(1, 3, 128, 128).round()
    drifting = torch.linspace(0, 1, 128).expand(1, 3, 128, 128)
    strokes = 0.5 + 0.4 * torch.sin(torch.arange(128) * (2 * torch.pi / 16)).expand(1, 3, 128, 128)
    assert float(aims.glow(drifting, plain)) == pytest.approx(0.25, rel=0.01)  # a part is a quarter of the way
    assert float(aims.glow(strokes, plain)) < 1e-5
    assert float(aims.glow(drifting, busy)) < 1e-5


def test_glow_sees_a_halo_along_what_stands_before_the_sky():
    photo = torch.full((1, 3, 128, 256), 0.5)
    photo[..., 120:136] = 0.1
    halo = photo.clone()
    halo[..., 104:120] = halo[..., 136:152] = 0.9
    assert float(aims.glow(halo, photo)) > 10 * float(aims.glow(photo, photo)) > 0


def test_grid_is_what_repeats_itself_with_the_networks_stride():
    def waves(period: float) -> torch.Tensor:
        return (0.5 + 0.1 * torch.sin(torch.arange(480) * (2 * torch.pi / period))).expand(1, 3, 480, 480)

    for period in (4, 8):
        assert float(aims.grid(waves(period))) == pytest.approx(0.1 * 0.5**0.5, rel=0.01)
    for period in (5, 9.6, 16, 480):
        assert float(aims.grid(waves(period))) < 2e-3
    flat = torch.full((1, 3, 20, 30), 0.5, requires_grad=True)
    aims.grid(flat).sum().backward()
    assert flat.grad.isfinite().all()


def test_a_painting_named_twice_gets_twice_as_many_crops():
    drawn = [style for step in range(9) for style, _ in train.draw(step, 2, [0, 1, 1])]
    assert (drawn.count(0), drawn.count(1)) == (6, 12)


def test_training_writes_a_checkpoint_losses_and_a_sheet(run, material):
    state = run("out", "--steps", "4", "--every", "2")
    assert (state["step"], state["ids"]) == (4, ["one", "second"])
    rows = list(csv.reader((material / "out" / "losses.csv").open()))
    assert [int(row[0]) for row in rows] == [0, 0, 1, 1, 2, 2, 3, 3]
    assert {row[2] for row in rows} == {"one", "second"}
    assert np.isfinite([[float(value) for value in row[3:]] for row in rows]).all()
    assert Image.open(material / "out" / "sheet-4.jpg").width > 0


def test_an_interrupted_training_goes_on_where_it_was(run, material):
    run("out", "--steps", "2")
    first = (material / "out" / "losses.csv").read_text()
    assert run("out", "--steps", "4")["step"] == 4
    rows = (material / "out" / "losses.csv").read_text()
    assert rows.startswith(first)
    assert len(rows.splitlines()) == 8


def test_a_style_is_added_and_the_others_stay_exactly_as_they_were(run, material):
    """Through the exported file, as the documented command does it."""
    run("out", "--steps", "2")
    export.checked(material / "out" / "checkpoint.pt", material / "two.onnx")
    more = ("--start", str(material / "two.onnx"), "--add", "--steps", "3")
    state = run("more", *more, paintings=("third.png",))
    assert state["ids"] == ["one", "second", "third"]
    export.checked(material / "more" / "checkpoint.pt", material / "three.onnx")
    before, after = (onnxruntime.InferenceSession(material / f"{name}.onnx") for name in ("two", "three"))
    photo = np.random.default_rng(5).random((1, 3, 48, 64), np.float32)
    given, share = np.zeros(before.get_inputs()[2].shape, np.float32), np.zeros((), np.float32)

    def painted(session: onnxruntime.InferenceSession, mix: list[float]) -> np.ndarray:
        inputs = {"photo": photo, "mix": np.array(mix, np.float32), "given": given, "share": share}
        return session.run(None, inputs)[0]

    for mix in ([1, 0], [0, 1], [0.4, 0.2]):
        assert np.array_equal(painted(before, mix), painted(after, [*mix, 0]))
    # The new one has left the mean of the others, where it began.
    assert np.abs(painted(after, [0, 0, 1]) - painted(before, [0.5, 0.5])).max() > 1e-4


def test_a_model_can_be_trained_further_from_its_file(run, material):
    run("out", "--steps", "2")
    export.checked(material / "out" / "checkpoint.pt", material / "model.onnx")
    state = run("again", "--start", str(material / "model.onnx"), "--steps", "3")
    assert (state["ids"], state["trained"], state["step"]) == (["one", "second"], 2, 3)
    assert export.load(material / "again" / "checkpoint.pt")[1]["trained"] == 2


def test_adding_what_is_there_already_is_refused_with_a_word(run, material):
    run("out", "--steps", "1")
    export.checked(material / "out" / "checkpoint.pt", material / "model.onnx")
    with pytest.raises(SystemExit, match="--add"):
        run("more", "--start", str(material / "model.onnx"), "--add", "--steps", "1")


def test_every_style_gets_its_turn_and_the_doses_are_mostly_the_full_style():
    drawn = [pair for step in range(300) for pair in train.draw(step, 2, [0, 1, 2])]
    assert [sum(style == s for style, _ in drawn) for s in range(3)] == [200, 200, 200]
    doses = [dose for _, dose in drawn]
    assert 0.6 < sum(d == 1 for d in doses) / 600 < 0.73
    assert 0.1 <= min(doses) < 0.2
    assert 1.2 < max(doses) <= 1.3


def test_weights_of_terms_follow_their_figures_within_limits():
    balance = aims.Balance.fresh(2, 0.7, 1.4)
    for _ in range(1000):
        balance.follow(1, 0.9, 1.2)
    assert balance.content.tolist() == pytest.approx([1.0, aims.LIMITS[1]])
    assert balance.smooth.tolist() == pytest.approx([0.3, aims.LIMITS[0]])


def test_what_crops_are_to_come_to_follows_the_figures_of_whole_photographs():
    balance = aims.Balance.fresh(2, 0.7, 1.4)
    balance.aim(1, 0.1, -0.2)
    assert balance.content_aim.tolist() == pytest.approx([0.7, 0.7 - 0.1 * aims.AIM])
    assert balance.noise_aim.tolist() == pytest.approx([1.4, 1.4 + 0.2 * aims.AIM])


def test_whole_photographs_held_out_are_measured_as_the_published_figures_are(material, published, monkeypatch):
    monkeypatch.setattr(photos, "WHOLE_SIDE", 64)
    judge, painting = VGG19(published), material / "one.png"
    taken = photos.Photos(material / "photos", judge, 0)
    assert not set(taken.held_out) & set(taken.files)
    monkeypatch.setattr(taken, "held_out", taken.files[:2])
    network = StyleNetwork(2, (8, 8, 16), 1, 0)
    found = aims.measure_whole(network, judge, taken, {1: aims.style_grams(judge, painting, torch.device("cpu"))})
    assert found.keys() == {1}
    each = []
    for photo, _ in (taken.whole(0), taken.whole(1)):
        with torch.no_grad():
            made = network.eval()(photo, torch.tensor([[0.0, 1.0]]))
        picture, result = (v2.functional.to_pil_image(x[0]) for x in (photo, made))
        each.append(measure.distances(judge, picture, Image.open(painting), result))
    expected = {k: (each[0][k] + each[1][k]) / 2 for k in ("content", "noise")}
    assert {k: found[1][k] for k in expected} == pytest.approx(expected, rel=0.05)


def test_the_figures_trained_on_are_those_measured(published):
    judge = VGG19(published)
    rng = np.random.default_rng(4)
    photo, painting, result = (
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).resize((64, 64), Image.BICUBIC) for _ in range(3)
    )
    measured = measure.distances(judge, photo, painting, result)
    tensors = [to_tensor(p) for p in (result, photo, painting)]
    structure = judge(tensors[1], [CONTENT_LAYER])[CONTENT_LAYER]
    grams = {k: losses.gram_matrix(f) for k, f in judge(tensors[2], STYLE_LAYERS).items()}
    found = aims.figures(judge, tensors[0], tensors[1], structure, [grams])
    assert {k: float(found[k]) for k in measured} == pytest.approx(measured, rel=0.05)


def test_the_network_gives_the_photo_back_at_no_dose():
    photo = torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        assert torch.allclose(StyleNetwork(2).eval()(photo, torch.zeros(1, 2)), photo, atol=1e-6)


def test_an_enlarging_layer_is_nearest_neighbor_and_a_convolution():
    torch.manual_seed(1)
    layer, x, shares = network.Enlarging(5, 7, 1), torch.rand(2, 5, 6, 9), torch.tensor([[0.0, 1.0]])
    large = F.pad(F.interpolate(x, scale_factor=2, mode="nearest"), (1, 1, 1, 1), mode="reflect")
    expected = layer.norm(F.conv2d(large, layer.conv.weight), shares)
    assert torch.allclose(layer(x, shares), expected, atol=1e-4)


def test_the_softening_is_that_of_the_picture():
    x = torch.rand(1, 12, 5, 6)
    kernel = torch.tensor([0.25, 0.5, 0.25]).outer(torch.tensor([0.25, 0.5, 0.25])).expand(3, 1, 3, 3)
    picture = F.conv2d(F.pad(F.pixel_shuffle(x, 2), (1, 1, 1, 1), mode="reflect"), kernel, groups=3)
    found = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), network.softening())
    assert torch.allclose(F.pixel_shuffle(found, 2), picture, atol=1e-6)


def test_training_can_go_on_from_the_shipped_model():
    file = fast.styles()[0].file
    options = argparse.Namespace(start=file, content=0.7, noise=1.4)
    state = train.begin(options, ["another"])
    assert state["ids"] == [*(style.id for style in fast.styles()), "another"]
    assert all(len(value) == len(state["ids"]) for value in aims.Balance(**state["balance"]).__dict__.values())


def test_every_picture_of_a_batch_can_have_a_style_of_its_own():
    torch.manual_seed(2)
    network = StyleNetwork(2, (8, 8, 16), 1, 0).eval()
    for name, parameter in network.named_parameters():
        if name.endswith(("scale", "shift")):
            torch.nn.init.normal_(parameter)
    photos = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        together = network(photos, torch.eye(2))
        alone = [network(photos[n : n + 1], torch.eye(2)[n : n + 1]) for n in range(2)]
    assert torch.allclose(together, torch.cat(alone), atol=1e-5)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("exported")
    network = StyleNetwork(2, (8, 8, 16), 1)
    state = {"config": network.config, "average": network.state_dict(), "ids": ["one", "other"], "step": 0}
    state |= {"trained": 0, "balance": vars(aims.Balance.fresh(2, 0.7, 1.4))}
    torch.save(state, folder / "checkpoint.pt")
    return folder, export.checked(folder / "checkpoint.pt", folder / "model.onnx")


def test_pytorch_and_onnx_agree_at_ten_sizes(exported):
    assert len(export.SIZES) == 10
    assert exported[1] < export.TOLERANCE == 1e-3


def test_an_exported_style_is_one_file_of_the_stated_opset(exported):
    folder, _ = exported
    model = onnx.load(folder / "model.onnx", load_external_data=False)
    onnx.checker.check_model(model)
    assert not list(folder.glob("*.data"))
    assert [o.version for o in model.opset_import if o.domain == ""] == [export.OPSET]
    assert [i.name for i in model.graph.input] == ["photo", "mix", "given", "share"]
    assert [o.name for o in model.graph.output] == ["painting", "statistics"]


def test_the_shipped_styles_are_of_the_stated_opset_and_tell_nothing_of_a_machine():
    for style in fast.styles():
        assert b".py" not in style.file.read_bytes()
        model = onnx.load(style.file, load_external_data=False)
        assert [o.version for o in model.opset_import if o.domain == ""] == [export.OPSET]


def test_the_model_card_is_the_catalogues():
    assert (fast.MODELS / "README.md").read_text("utf-8") == cards.whole()


def test_distances_are_nothing_for_the_same_picture_and_grow_with_change(published):
    judge = VGG19(published)
    rng = np.random.default_rng(3)
    photo = Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8))
    other = Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).resize((64, 64), Image.BICUBIC)
    same = measure.distances(judge, photo, photo, photo)
    assert same == pytest.approx({"style": 0, "content": 0, "noise": 1}, abs=1e-4)
    changed = measure.distances(judge, photo, photo, Image.blend(photo, other, 0.5))
    assert changed["style"] > 0.01
    assert changed["content"] > 0.01
    assert changed["noise"] < 1
