"""The training room, end to end on tiny pictures: train, stop, go on, export, check."""

import csv
import json

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from torchvision.models import vgg19

from nst import fast
from nst.networks import VGG19
from nst.training import export, measure, publish, train
from nst.training.network import StyleNetwork


@pytest.fixture(scope="module")
def published():
    torch.manual_seed(1)
    return {f"features.{name}": tensor for name, tensor in vgg19(weights=None).features.state_dict().items()}


@pytest.fixture
def material(tmp_path):
    """A painting and a folder of photographs."""
    rng = np.random.default_rng(0)
    (tmp_path / "photos").mkdir()
    for name in ("painting.png", *(f"photos/{n}.png" for n in range(6))):
        Image.fromarray(rng.integers(0, 256, (9, 12, 3), np.uint8)).resize((96, 72), Image.BICUBIC).save(
            tmp_path / name
        )
    return tmp_path


def run(material, published, monkeypatch, *options: str) -> dict:
    monkeypatch.setattr(train.weights, "vgg19", lambda: published)
    monkeypatch.setattr(train, "CROPS", ((0.0, 32),))
    monkeypatch.setattr(train, "STYLE_SIDE", 64)
    out = material / "out"
    arguments = ["train", str(material / "painting.png"), str(material / "photos"), str(out), "--batch", "1", *options]
    monkeypatch.setattr("sys.argv", arguments)
    train.main()
    return torch.load(out / "checkpoint.pt", weights_only=True)


def test_training_writes_a_checkpoint_losses_and_a_sheet(material, published, monkeypatch):
    state = run(material, published, monkeypatch, "--steps", "4", "--every", "2")
    assert state["step"] == 4
    rows = list(csv.reader((material / "out" / "losses.csv").open()))
    assert [int(row[0]) for row in rows] == [0, 1, 2, 3]
    assert np.isfinite([[float(value) for value in row] for row in rows]).all()
    assert Image.open(material / "out" / "sheet-4.jpg").width > 0


def test_an_interrupted_training_goes_on_where_it_was(material, published, monkeypatch):
    run(material, published, monkeypatch, "--steps", "2")
    first = (material / "out" / "losses.csv").read_text()
    state = run(material, published, monkeypatch, "--steps", "4")
    assert state["step"] == 4
    rows = (material / "out" / "losses.csv").read_text()
    assert rows.startswith(first)
    assert len(rows.splitlines()) == 4


def test_the_doses_are_mostly_the_full_style():
    doses = [train.dose(step) for step in range(300)]
    assert sum(d == 1 for d in doses) == 200
    assert 0 < min(doses) < 0.3
    assert max(doses) > 1.1


def test_the_network_gives_the_photo_back_at_no_dose():
    photo = torch.rand(1, 3, 32, 48)
    with torch.no_grad():
        assert torch.allclose(StyleNetwork(2)(photo, torch.zeros(2)), photo, atol=1e-6)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("exported")
    network = StyleNetwork(2, widths=(8, 8, 16), blocks=1)
    state = {"config": network.config, "average": network.state_dict()}
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
    assert [i.name for i in model.graph.input] == ["photo", "mix"]


def test_the_shipped_styles_are_of_the_stated_opset_and_tell_nothing_of_a_machine():
    for style in fast.styles():
        assert b".py" not in style.file.read_bytes()
        model = onnx.load(style.file, load_external_data=False)
        assert [o.version for o in model.opset_import if o.domain == ""] == [export.OPSET]


def test_the_model_card_is_the_catalogues():
    entries = json.loads((fast.MODELS / "styles.json").read_text("utf-8"))
    assert (fast.MODELS / "README.md").read_text("utf-8") == publish.card(entries)


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
