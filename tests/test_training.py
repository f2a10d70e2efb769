"""The training room, end to end on tiny pictures: train, stop, go on, export, check."""

import csv
import json
import tarfile

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from thin import thin_vgg19

from nst import losses
from nst.backbones.kinds import CONTENT_LAYER, STYLE_LAYERS
from nst.backbones.vgg19 import VGG19
from nst.benchmark import metrics
from nst.feedforward import fast, files, network, objective
from nst.feedforward.field import CHANNELS
from nst.feedforward.network import StyleNetwork
from nst.models import MODELS
from nst.tensors import to_tensor
from nst.training import agreement, export, model, model_card, photos, pool, state, style_trainer, train, turns


@pytest.fixture(scope="module")
def published():
    with thin_vgg19() as weights:
        yield weights


@pytest.fixture(autouse=True)
def small_palettes(monkeypatch):
    """Colors are compared on few pixels: sorting them is what measuring takes time for."""
    monkeypatch.setattr(metrics, "SHRUNK", 64)


@pytest.fixture
def material(tmp_path):
    """Three paintings and a folder of photographs."""
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    (tmp_path / "paintings").mkdir()
    names = ("one", "other", "third")
    for name in (*(f"paintings/{name}.png" for name in names), *(f"photos/{n}.png" for n in range(6))):
        coarse = Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8))
        coarse.resize((96, 72), Image.BICUBIC).save(tmp_path / name)
    return tmp_path


@pytest.fixture
def run(material, monkeypatch):
    """Trains a small network as the command does for some steps, under the small judge; gives the state it leaves."""
    monkeypatch.setattr(style_trainer, "CROPS", ((0.0, 32),))
    monkeypatch.setattr(style_trainer, "FIELD", 64)
    monkeypatch.setattr(objective, "STYLE_SIDE", 64)
    monkeypatch.setattr(StyleNetwork.__init__, "__defaults__", ((8, 8, 16), 1, 1))

    def running(out: str, *arguments: str, steps: int = 2, styles=("one", "second=other"), photos=None) -> tuple:
        given = ["--photos", str(photos or material / "photos"), "--paintings", str(material / "paintings")]
        fixed = ["--judge", "student", "--pool", "3", "--renew", "2", "--minutes", "60"]
        options = train.parse([str(material / out), *styles, *given, *fixed, *arguments])
        training = style_trainer.Training(options)
        figures = [style_trainer.lesson(training) for _ in range(steps)]
        training.save()
        return state.read(material / out / "checkpoint"), figures

    return running


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """The folder of an exported model of two styles, and how far it is from PyTorch's."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("exported")
    made = model.Model(2, StyleNetwork((8, 8, 16), 1))
    torch.nn.init.normal_(made.vectors)
    torch.nn.init.normal_(made.encoder.last.weight, std=0.01)
    notes = {"config": made.config, "ids": ["one", "other"], "step": 2, "trained": 0}
    notes |= {"content": [0.4, 0.4], "content_any": 0.4, "aim": [0.8, 0.8], "aim_any": 0.8}
    state.save(folder / "checkpoint", {"average": made.state_dict()}, notes)
    return folder / "made", export.checked(folder / "checkpoint", folder / "made")


def test_grid_is_what_repeats_itself_with_the_networks_stride():
    def waves(period: float) -> torch.Tensor:
        return (0.5 + 0.1 * torch.sin(torch.arange(480) * (2 * torch.pi / period))).expand(1, 3, 480, 480)

    for period in (4, 8):
        assert float(objective.grid(waves(period))) == pytest.approx(0.1 * 0.5**0.5, rel=0.01)
    for period in (16, 480):
        assert float(objective.grid(waves(period))) < 2e-3
    for period in (5, 9.6):  # a window does not hold them a whole number of times
        assert float(objective.grid(waves(period))) < 0.2 * 0.1 * 0.5**0.5
    flat = torch.full((1, 3, 20, 30), 0.5, requires_grad=True)
    objective.grid(flat).sum().backward()
    assert flat.grad.isfinite().all()


def test_tones_are_kept_where_light_and_dark_lie_as_in_the_photograph_whatever_their_range():
    photo = torch.rand(2, 3, 96, 192, generator=torch.Generator().manual_seed(0))
    photo = torch.nn.functional.interpolate(photo[..., ::16, ::16], scale_factor=16)
    assert float(objective.tones(0.3 + 0.2 * photo, photo).max()) < 0.06
    assert float(objective.tones(1 - photo, photo).min()) > 1.5
    elsewhere = objective.tones(photo.flip(3), photo)
    assert 0.4 < float(elsewhere.min()) < 1.6
    sky = photo.clone()
    sky[..., :96] = 0.5
    painted = sky.clone()
    painted[:, :, :48, :48] = 1.0  # three squares and more away from what is to be seen
    assert float(objective.tones(painted, sky).max()) < 0.02
    plain = torch.full_like(photo, 0.5)
    assert float(objective.tones(photo, plain).abs().max()) == 0
    plain.requires_grad_()
    objective.tones(plain, photo).sum().backward()
    assert plain.grad.isfinite().all()


def test_a_style_named_twice_gets_twice_as_many_crops():
    drawn = [turns.drawn(n, [0, 1, 1], 0).style for n in range(18)]
    assert (drawn.count(0), drawn.count(1)) == (6, 12)


def test_every_style_gets_its_turn_and_every_third_group_any_painting_mostly_at_the_full_dose():
    drawn = [turns.drawn(n, [0, 1, 2], 5) for n in range(9000)]
    assert [sum(g.wall and g.style == s for g in drawn) for s in range(3)] == [2000, 2000, 2000]
    assert {g.style for g in drawn if not g.wall} == set(range(5))
    doses = [g.dose for g in drawn]
    assert 0.7 < sum(d == 1 for d in doses) / 9000 < 0.8
    assert 0.1 <= min(doses) < 0.2
    assert 1.2 < max(doses) <= 1.3
    assert {g.level for g in drawn if g.wall} == set(range(len(turns.LEVELS)))


def test_training_changes_network_styles_and_encoder_and_leaves_a_checkpoint_and_a_sheet(run, material):
    (parts, notes), figures = run("out", steps=4)
    assert (notes["step"], notes["ids"]) == (4, ["one", "second"])
    assert set(parts) == set(state.PARTS)
    assert all(figure.shape == (1, 5) and figure.isfinite().all() for figure in figures)
    begun = model.Model(2, StyleNetwork())
    for name, value in begun.state_dict().items():
        assert parts["now"][name].shape == value.shape
    for name in ("vectors", "identity", "encoder.last.weight"):
        assert not torch.equal(parts["now"][name], begun.state_dict()[name]), name
    assert Image.open(material / "out" / "sheet.jpg").width > 0


def test_the_weight_of_content_is_bounded_by_style(run, monkeypatch):
    monkeypatch.setattr(style_trainer, "FOLLOW", 50.0)  # at once to a bound
    for aim, bounds in (("0.1", (0.5, 0.9)), ("2.0", (0.05, 0.05))):
        (_, notes), _ = run(f"out{aim}", "--content", aim, "--most-content", "second=0.9", "--pool", "0", steps=6)
        assert notes["content"] == pytest.approx(bounds)
    with pytest.raises(SystemExit, match="nobody"):
        run("none", "--most-content", "nobody=1")


def test_the_command_trains_for_its_minutes_and_writes_down_what_it_came_to(run, material, monkeypatch):
    run("out", steps=1)
    given = ["--photos", str(material / "photos"), "--paintings", str(material / "paintings"), "--judge", "student"]
    fixed = ["--pool", "3", "--minutes", "0.01", "--looks", "1", "--measure", "1"]
    options = [str(material / "out"), "one", "second=other", *given, *fixed]
    monkeypatch.setattr("sys.argv", ["train", *options])
    train.main()
    notes = state.read(material / "out" / "checkpoint")[1]
    assert notes["seconds"] >= 0.6
    assert notes["step"] > 1
    rows = list(csv.reader((material / "out" / "losses.csv").open()))
    assert [int(row[0]) for row in rows] == list(range(2, notes["step"] + 1))
    assert {row[1] for row in rows} <= {"one", "second", "any"}
    figures = json.loads((material / "out" / "figures.json").read_text())["styles"]
    assert figures.keys() == {"one", "second"}
    assert figures["one"].keys() >= {"style", "relu5_1", "content", "plain", "palette"}
    assert np.isfinite([[float(value) for value in row[2:]] for row in rows]).all()


def test_an_interrupted_training_goes_on_where_it_was(run):
    """Three steps in one go, and one and two: the same network, but for what was counted in time."""
    (before, notes), _ = run("whole", steps=4)
    run("parts", steps=1)
    (after, then), _ = run("parts", steps=3)
    assert (notes["step"], then["step"]) == (4, 4)
    assert (notes["steps"], notes["made"]) == (then["steps"], then["made"])
    for part in state.PARTS:
        assert before[part].keys() == after[part].keys()
        for name, value in before[part].items():
            assert torch.allclose(value, after[part][name], rtol=1e-3, atol=1e-5), (part, name)
    assert then["content"] == pytest.approx(notes["content"], rel=1e-3)


def test_a_checkpoint_cut_short_leaves_the_one_before(tmp_path):
    state.save(tmp_path / "c", {"now": {"x": torch.ones(2)}}, {"step": 1})
    (tmp_path / "c").rename(tmp_path / "c.old")
    (tmp_path / "c.partial").mkdir()
    assert state.exists(tmp_path / "c")
    parts, notes = state.read(tmp_path / "c")
    assert (notes["step"], parts["now"]["x"].tolist()) == (1, [1, 1])


def test_photographs_are_read_from_a_tar_file_too(run, material):
    with tarfile.open(material / "photos.tar", "w") as archive:
        for path in sorted((material / "photos").iterdir()):
            archive.add(path, path.name)
    (folder, _), _ = run("folder", steps=1)
    (packed, _), _ = run("packed", steps=1, photos=material / "photos.tar")
    for name, value in folder["now"].items():
        assert torch.equal(value, packed["now"][name]), name


def test_crops_follow_from_their_numbers_and_lie_within_the_photograph(tmp_path):
    for number in range(4):
        Image.linear_gradient("L").resize((90, 70 + number)).convert("RGB").save(tmp_path / f"{number}.png")
    taken = photos.Photographs(tmp_path, torch.device("cpu"))
    one, again, other = taken.crops([1, 2], 48), taken.crops([1, 2], 48), taken.crops([3, 4], 48)
    assert one.shape == (2, 3, 48, 48)
    assert torch.equal(one, again)
    assert not torch.equal(one, other)
    # A gradient from black to white goes on without a jump: nothing beside the photograph is seen.
    assert (taken.crops(list(range(40)), 48).diff(dim=2).min(dim=3).values >= -1e-3).all()


def test_a_style_is_added_and_the_others_stay_exactly_as_they_were(run, material, exported, monkeypatch):
    """Through the exported files, as the documented command does it."""
    two, three = exported[0], material / "three"
    (_, notes), _ = run("more", "--start", str(two), "--add", "--rate", "0.1", styles=("third",), steps=3)
    assert notes["ids"] == ["one", "other", "third"]
    monkeypatch.setattr(agreement, "SIZES", ((64, 64), (128, 96)))
    export.checked(material / "more" / "checkpoint", three)
    for name in ("network.safetensors", "network.onnx"):
        before, after = ((folder / name).read_bytes() for folder in (two, three))
        assert before == after
    before, after = (files.for_training(folder)[0] for folder in (two, three))
    for name, value in before.items():
        assert torch.equal(value, after[name][:2] if name == "vectors" else after[name]), name
    # The new one has left the mean of the others, where it began.
    assert (after["vectors"][2] - before["vectors"].mean(dim=0)).abs().max() > 1e-3


def test_adding_what_is_there_already_is_refused_with_a_word(run, material):
    run("out", steps=1)
    with pytest.raises(SystemExit, match="--add"):
        run("more", "--start", str(material / "out" / "checkpoint"), "--add", steps=1)


def test_a_model_can_be_trained_further_from_its_files(run, exported):
    (_, notes), _ = run("again", "--start", str(exported[0]), styles=("one", "other"), steps=3)
    assert (notes["ids"], notes["trained"], notes["step"]) == (["one", "other"], 2, 3)


def test_training_can_go_on_from_the_shipped_model():
    tensors, notes = state.beginning(MODELS)
    assert notes["ids"] == [style.id for style in fast.styles()]
    made = model.Model(len(notes["ids"]))
    made.load_state_dict(tensors)
    assert np.array_equal(made.vectors.detach()[0].numpy(), fast.styles()[0].vectors)


def test_the_weight_of_the_content_follows_whole_photographs(run, material):
    run("out", steps=1)
    given = ["--photos", str(material / "photos"), "--paintings", str(material / "paintings"), "--judge", "student"]
    training = style_trainer.Training(
        train.parse([str(material / "out"), "one", "second=other", *given, "--pool", "0"])
    )
    training.wanted, before = [0.0, 5.0, 0.0], training.aim.clone()
    seen = training.look(1)
    assert seen.keys() == {"one", "second"}
    assert training.aim[0] < before[0]
    assert training.aim[1] > before[1]


def test_the_figures_trained_on_are_those_measured(published):
    judge = VGG19(published)
    rng = np.random.default_rng(4)
    photo, painting, result = (
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).resize((64, 64), Image.BICUBIC) for _ in range(3)
    )
    measured = metrics.figures(judge, photo, painting, result)
    targets = objective.statistics_of(judge, painting, [64.0], torch.device("cpu"))
    one = torch.zeros(1, dtype=torch.long)
    tensors = [to_tensor(p) for p in (result, photo)]
    found, layers = objective.terms(judge, *tensors, targets.of(one, one), 1)
    assert float(found["content"]) == pytest.approx(measured["content"], rel=0.05)
    assert float(sum(layers.values())) / len(layers) == pytest.approx(measured["style"], rel=0.05)
    assert float(layers["relu5_1"]) == pytest.approx(measured["relu5_1"], rel=0.05)


def test_the_crops_of_a_group_are_compared_with_the_painting_together(published):
    """Two halves of a painting have its statistics, though neither has them."""
    judge = VGG19(published)
    left, right = torch.rand(1, 3, 64, 64) * 0.3, torch.rand(1, 3, 64, 64)
    features = judge(torch.cat([left, right]), STYLE_LAYERS)
    grams = {k: losses.gram_matrix(features[k]).mean(dim=0, keepdim=True) for k in STYLE_LAYERS}
    together = objective.style_terms(features, grams, 2)
    alone = objective.style_terms({k: f[:1] for k, f in features.items()}, grams, 1)
    for layer in STYLE_LAYERS:
        assert float(together[layer]) < 0.02 < float(alone[layer])


def test_vgg19_without_its_last_layers_sees_the_same_up_to_there(published):
    few = {name: tensor for name, tensor in published.items() if int(name.split(".")[1]) <= 28}
    picture, layers = torch.rand(1, 3, 32, 32), (*STYLE_LAYERS, CONTENT_LAYER)
    whole, part = (VGG19(weights)(picture, layers) for weights in (published, few))
    assert all(torch.equal(whole[layer], part[layer]) for layer in layers)
    with pytest.raises(ValueError, match="relu5_2"):
        VGG19(few)(picture, ["relu5_2"])


def test_versions_of_paintings_are_others_each_time_and_replace_the_oldest(run, material):
    paintings = [Image.open(path).convert("RGB") for path in sorted((material / "paintings").iterdir())]
    judge = style_trainer.Student(style_trainer.shipped())
    kept = pool.Pool(paintings, judge, judge, torch.device("cpu"), 0)
    kept.fill(3, 0)
    before = kept.features.clone(), kept.targets.fine["relu3_1"].clone()
    kept.renew()
    assert not torch.equal(kept.features[0], before[0][0])
    assert not torch.equal(kept.targets.fine["relu3_1"][0], before[1][0])
    assert torch.equal(kept.features[1:], before[0][1:])


def given(number: int, height: int = 32, width: int = 48) -> tuple[torch.Tensor, torch.Tensor]:
    """A photograph and a stroke field for the network."""
    torch.manual_seed(number)
    return torch.rand(1, 3, height, width), torch.randn(1, CHANNELS, height, width)


def test_the_network_gives_the_photo_back_at_no_dose():
    made, (photo, field) = StyleNetwork().eval(), given(0)
    with torch.no_grad():
        assert torch.allclose(made(photo, field, made.neutral()[None], torch.zeros(1)), photo, atol=1e-6)


def test_the_stroke_field_counts_by_the_styles_gains_beside_the_first_layer():
    torch.manual_seed(3)
    layer, (_, field) = network.Strokes(4, 8), given(1)
    x = torch.rand(1, 4, 4, 6)
    assert torch.equal(layer(x, field, network.Style(torch.zeros(1, 4))), x)
    assert (layer(x, field, network.Style(torch.ones(1, 4))) - x).abs().mean() > 0.01


def test_an_enlarging_layer_is_nearest_neighbor_and_a_convolution():
    torch.manual_seed(1)
    layer, x, style = network.UpsampleBlock(5, 7), torch.rand(2, 5, 6, 9), torch.randn(1, 14)
    large = F.pad(F.interpolate(x, scale_factor=2, mode="nearest"), (1, 1, 1, 1), mode="reflect")
    expected = layer.norm(F.conv2d(large, layer.conv.weight), network.Style(style))
    assert torch.allclose(layer(x, network.Style(style)), expected, atol=1e-4)


def test_the_softening_is_that_of_the_picture():
    x = torch.rand(1, 12, 5, 6)
    kernel = torch.tensor([0.25, 0.5, 0.25]).outer(torch.tensor([0.25, 0.5, 0.25])).expand(3, 1, 3, 3)
    picture = F.conv2d(F.pad(F.pixel_shuffle(x, 2), (1, 1, 1, 1), mode="reflect"), kernel, groups=3)
    found = F.conv2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), network.smoothing_kernel())
    assert torch.allclose(F.pixel_shuffle(found, 2), picture, atol=1e-6)


def test_every_picture_of_a_batch_can_have_a_style_of_its_own():
    torch.manual_seed(2)
    made = StyleNetwork((8, 8, 16), 1, 0).eval()
    vectors = torch.randn(2, made.length)
    photo, field = (torch.cat(pair) for pair in zip(given(1), given(2), strict=True))
    with torch.no_grad():
        together = made(photo, field, vectors, torch.ones(2))
        alone = [made(photo[n : n + 1], field[n : n + 1], vectors[n : n + 1], torch.ones(1)) for n in range(2)]
    assert torch.allclose(together, torch.cat(alone), atol=1e-5)


def test_pytorch_and_onnx_agree_at_ten_sizes(exported):
    assert len(agreement.SIZES) == 10
    assert exported[1] < agreement.TOLERANCE == 1e-3


def test_the_exported_graphs_take_their_weights_from_files_beside_them(exported):
    folder, _ = exported
    names = {"network": ["photo", "field", "vector", "dose", "given", "share"], "encoder": ["painting", "part"]}
    outputs = {"network": ["painting", "statistics"], "encoder": ["vectors"]}
    for name, inputs in names.items():
        made = onnx.load(folder / f"{name}.onnx", load_external_data=False)
        assert [o.version for o in made.opset_import if o.domain == ""] == [export.OPSET]
        assert [i.name for i in made.graph.input] == inputs
        assert [o.name for o in made.graph.output] == outputs[name]
        onnx.checker.check_model(str(folder / f"{name}.onnx"))
    assert {path.name for path in folder.iterdir()} == {
        *(f"{name}.{kind}" for name in names for kind in ("onnx", "safetensors")),
        "regions.onnx",  # the network's weights, with a vector for every place
        "student.safetensors",
        "vectors.safetensors",
    }


def test_what_pytorch_reads_from_the_files_is_what_onnx_runtime_runs():
    made = files.network()
    photo, field = given(5, 64, 48)
    vector, dose = torch.from_numpy(fast.styles()[0].vectors[:1]), torch.ones(1)
    session = onnxruntime.InferenceSession(fast.NETWORK, providers=["CPUExecutionProvider"])
    inputs = {"photo": photo.numpy(), "field": field.numpy(), "vector": vector[0].numpy(), "dose": np.float32(1)}
    inputs |= {"given": np.zeros((2, made.channels), np.float32), "share": np.float32(0)}
    with torch.no_grad():
        expected = made(photo, field, vector, dose).numpy()
    found = session.run(None, inputs | {"dose": np.array(1, np.float32), "share": np.array(0, np.float32)})[0]
    assert np.abs(found - expected).max() < 1e-3


def test_the_shipped_graphs_are_of_the_stated_opset_and_tell_nothing_of_a_machine():
    for name in ("network.onnx", "encoder.onnx"):
        assert b".py" not in (MODELS / name).read_bytes()
        made = onnx.load(MODELS / name, load_external_data=False)
        assert [o.version for o in made.opset_import if o.domain == ""] == [export.OPSET]


def test_the_model_card_is_the_catalogues():
    assert (MODELS / "README.md").read_text("utf-8") == model_card.whole()


def test_distances_are_nothing_for_the_same_picture_and_grow_with_change(published):
    judge = VGG19(published)
    rng = np.random.default_rng(3)
    photo = Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8))
    other = Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).resize((64, 64), Image.BICUBIC)
    same = metrics.distances(judge, photo, photo, photo)
    assert same == pytest.approx({"style": 0, "content": 0, "noise": 1}, abs=1e-4)
    changed = metrics.distances(judge, photo, photo, Image.blend(photo, other, 0.5))
    assert changed["style"] > 0.01
    assert changed["content"] > 0.01
    assert changed["noise"] < 1


def test_what_was_seen_of_a_pair_serves_the_next_result_too(published):
    judge, known, rng = VGG19(published), {}, np.random.default_rng(6)
    photo, painting, *results = (Image.fromarray(rng.integers(0, 256, (64, 48, 3), np.uint8)) for _ in range(4))
    for result in results:
        assert metrics.figures(judge, photo, painting, result, known) == metrics.figures(judge, photo, painting, result)


def test_bare_ground_is_where_next_to_nothing_is_painted():
    half = torch.full((1, 3, 64, 64), 0.5)
    half[..., :32] = torch.rand(1, 1, 64, 32)
    assert [metrics.bare_ground(picture) for picture in (half[..., 32:], half, half[..., :32])] == [1, 0.5, 0]


def test_a_palette_is_as_far_from_another_as_its_colors_are():
    gray, brighter = (Image.new("RGB", (40, 30), (level,) * 3) for level in (51, 102))
    mixed = Image.new("RGB", (40, 30), (51,) * 3)
    mixed.paste((102,) * 3, (0, 0, 20, 30))
    assert metrics.palette_distance(gray, gray) == 0
    assert metrics.palette_distance(gray, mixed) == pytest.approx(
        metrics.palette_distance(gray, brighter) / 2, rel=0.02
    )
