"""The small network that judges in the place of VGG-19: shipped whole, and taught as its own command does it."""

import csv
import json
import sys
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from pictures import scene
from PIL import Image
from safetensors.torch import load_file
from thin import thin_vgg19

import nst
from nst import Settings, losses
from nst.backbones import loading, student
from nst.backbones.kinds import CONTENT_LAYER, SCHEDULES, STYLE_LAYERS
from nst.backbones.student import LEARNED, STAGES, Student
from nst.backbones.vgg19 import LAYOUT, VGG19
from nst.benchmark.speed import random_weights
from nst.images import open_image
from nst.optimization import estimates, scales
from nst.optimization.objective import Objective
from nst.optimization.pyramid import build_pyramid, reconstruct
from nst.regions.masks import open_regions
from nst.requests import FullRequest
from nst.tensors import to_picture, to_tensor
from nst.training import data, deep, distill, distillation, layer_weights, projections, publish_student
from nst.training.projections import Projections

QUICK = Settings(network="student", size=96, steps=30)
PHOTO, PAINTING = scene().resize((96, 72)), scene().rotate(90, expand=True).resize((60, 80))
OTHER = scene().rotate(180).resize(PHOTO.size)


@pytest.fixture(autouse=True)
def no_vgg19(monkeypatch):
    def fetched(progress=None):
        raise AssertionError("VGG-19 was asked for")

    monkeypatch.setattr(loading.weights, "vgg19", fetched)
    monkeypatch.setattr(loading, "_networks", {})


@pytest.fixture
def full(monkeypatch):
    """A thin VGG-19 in the place of the one that is downloaded; gives its weights."""
    with thin_vgg19() as weights:
        monkeypatch.setattr(loading.weights, "vgg19", lambda progress=None: weights)
        yield weights


def test_a_layer_has_the_side_that_vgg19_gives_it_and_its_own_directions():
    found = Student()(torch.rand(2, 3, 50, 70), LEARNED)
    assert {k: tuple(f.shape[:2]) for k, f in found.items()} == {k: (2, STAGES[k].directions) for k in LEARNED}
    for layer, features in found.items():
        halvings = int(layer[4]) - 1
        assert tuple(features.shape[2:]) == (50 // 2**halvings, 70 // 2**halvings)


def test_it_goes_no_deeper_than_what_is_wanted_and_can_be_left_between_two_layers():
    seen = []
    found = Student()(torch.rand(1, 3, 32, 32), ["relu2_1"], lambda: seen.append(1))
    assert list(found) == ["relu2_1"]
    assert len(seen) == 3
    picture = torch.rand(1, 3, 32, 32, requires_grad=True)
    Student()(picture, LEARNED, lambda: seen.append(1))["relu5_1"].sum().backward()
    assert len(seen) == 3 + 2 * len(STAGES)

    def leave():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Student()(picture, LEARNED, leave)


def test_a_layer_that_it_has_not_learned_is_named():
    with pytest.raises(ValueError, match="relu3_2"):
        Student()(torch.rand(1, 3, 32, 32), ["relu3_2"])
    for other in ({"content_layer": "relu3_2"}, {"pooling": "average"}):
        for network in ("student", "both"):
            with pytest.raises(nst.SettingsError, match="or VGG-19"):
                Settings(network=network, **other)


def test_no_activation_depends_on_more_than_a_patchs_margin():
    network, far = Student(student.shipped()), torch.rand(1, 3, 256, 256)
    near = far.clone()
    near[..., 176:, :] = 0  # 80 rows below the 96th
    for one, other in zip(network(far, LEARNED).values(), network(near, LEARNED).values(), strict=True):
        rows = one.shape[2] * 96 // 256
        assert torch.equal(one[:, :, :rows], other[:, :, :rows])


def test_the_full_method_paints_with_no_download():
    steps = list(nst.optimize(PHOTO, PAINTING, QUICK))
    assert len([s for s in steps if s.step]) >= 30
    assert steps[-1].losses["style"] < 0.6 * steps[0].losses["style"]
    assert np.abs(np.asarray(steps[-1].image, float) - np.asarray(PHOTO, float)).mean() > 5


def test_it_tells_a_picture_from_others_as_vgg19_does():
    """More noise is farther from the photograph, in style and content; the photograph itself is at no distance."""
    network, photo = Student(student.shipped()), to_tensor(scene().resize((128, 96)), torch.device("cpu"))
    noise = torch.randn(photo.shape, generator=torch.Generator().manual_seed(0))
    wanted, far = network(photo, LEARNED), []
    for much in (0.0, 0.05, 0.15):
        found = network((photo + much * noise).clamp(0, 1), LEARNED)
        content = float(losses.content_distance(found[CONTENT_LAYER], wanted[CONTENT_LAYER]))
        grams = [(losses.gram_matrix(found[k]), losses.gram_matrix(wanted[k])) for k in STYLE_LAYERS]
        far.append([content, *(float(losses.style_distance(*pair)) for pair in grams)])
    nothing, some, much = np.array(far)
    assert (nothing < 1e-9).all()
    assert (some > 0).all()
    assert (much > 1.5 * some).all()


def test_its_file_is_the_one_that_its_entry_names():
    entry = json.loads((student.MODELS / "student.json").read_text("utf-8"))
    file = student.MODELS / entry["file"]
    assert file.stat().st_size < 8e6
    assert {tensor.dtype for tensor in load_file(file).values()} == {torch.float16}
    assert student.shipped().keys() == Student().state_dict().keys()
    assert entry["license"].startswith("MIT")


@pytest.mark.parametrize("damage", ["cut short", "missing"])
def test_a_damaged_file_is_said(damage, tmp_path, monkeypatch):
    entry = (student.MODELS / "student.json").read_text("utf-8")
    (tmp_path / "student.json").write_text(entry, "utf-8")
    if damage == "cut short":
        data = (student.MODELS / json.loads(entry)["file"]).read_bytes()
        (tmp_path / json.loads(entry)["file"]).write_bytes(data[:-1])
    monkeypatch.setattr(student, "MODELS", tmp_path)
    with pytest.raises(nst.WeightsUnavailable, match=r"student.safetensors.* again\."):
        loading.load_networks(QUICK)


def test_its_speed_is_not_taken_for_vgg19s(monkeypatch):
    monkeypatch.setattr(estimates, "_timed", {})
    monkeypatch.setattr(estimates, "SIDES", dict.fromkeys(estimates.SIDES, (32, 64)))
    assert nst.estimate(PHOTO, QUICK).seconds > 0
    assert estimates.known(QUICK) is not None
    assert estimates.known(Settings()) is None


def test_each_network_has_its_usual_steps_and_a_persons_own_stay():
    assert Settings().judged_by("student") == nst.PRESETS["quick"].settings()
    assert Settings().judged_by("both") == nst.PRESETS["both"].settings()
    for name, schedule in SCHEDULES.items():
        assert Settings().judged_by(name).total_steps == schedule.steps
        for steps in (77, 60, 120):
            assert Settings(steps=steps).judged_by(name).total_steps == steps


def test_a_preset_with_steps_of_its_own_keeps_them_under_any_network():
    for name, preset in nst.PRESETS.items():
        if "network" not in preset.values and "steps" in preset.values:
            assert preset.settings().judged_by("both").steps == preset.values["steps"], name


def test_quick_then_full_is_quick_and_its_finish_in_one():
    quick, both = Settings().judged_by("student"), Settings().judged_by("both")
    assert both.finish_steps == quick.finishing().steps
    assert both.total_steps == quick.total_steps + both.finish_steps
    assert (quick.finish_steps, Settings().finish_steps, Settings(network="both", steps=1).finish_steps) == (0, 0, 1)
    assert Settings(network="both", steps=70, finish=0.5).finish_steps == 35
    assert replace(quick, finish=0.5).finishing().steps == quick.total_steps
    assert replace(quick, steps=1000, finish=0.95).finishing().steps == 1000  # the most there are
    large = Settings(network="both", steps=80, finish=0.5, size=768)
    assert (large.finish_steps, replace(large, network="student").finishing().steps) == (20, 40)


def test_in_quick_then_full_the_small_network_leads_and_vgg19_finishes(monkeypatch, full):
    asked = []

    class Watched(Objective):
        def __call__(self, picture):
            asked.append((type(self.view.network), max(picture.shape)))
            return super().__call__(picture)

    monkeypatch.setattr(sys.modules["nst.optimization.run"], "Objective", Watched)
    settings = Settings(network="both", size=128, steps=20)
    last = list(nst.optimize(PHOTO, PAINTING, settings))[-1]
    first = settings.steps - settings.finish_steps
    coarse = scales.plan(128, first)[0].steps
    assert (
        asked == [(Student, 64)] * coarse + [(Student, 128)] * (first - coarse) + [(VGG19, 128)] * settings.finish_steps
    )
    assert last.step == settings.steps


@pytest.mark.parametrize("failing", ["coarse", "student's full size", "finish"])
def test_where_memory_fails_vgg19_still_only_finishes(failing, monkeypatch, full):
    asked, failed = [], []

    class Failing(Objective):
        def __call__(self, picture):
            asked.append((type(self.view.network), max(picture.shape)))
            student = isinstance(self.view.network, Student)
            place = "finish" if not student else "coarse" if asked[-1][1] == 64 else "student's full size"
            if place == failing and not failed:
                failed.append(place)
                raise MemoryError
            return super().__call__(picture)

    monkeypatch.setattr(sys.modules["nst.optimization.run"], "Objective", Failing)
    settings = Settings(network="both", size=128, steps=20)
    last = list(nst.optimize(PHOTO, PAINTING, settings))[-1]
    finish = [side for network, side in asked if network is VGG19]
    assert failed == [failing]
    assert "did not suffice" in last.notes[-1]
    if failing == "finish":  # what the small network made of the full size is kept
        assert (finish, last.step) == ([128], settings.steps - settings.finish_steps)
        assert "kept" in last.notes[-1]
    else:
        smaller = 48 if failing == "coarse" else 96
        assert finish == [smaller] * settings.finish_steps
        assert last.step == settings.steps


def test_an_interrupted_run_with_both_is_taken_up_with_the_network_that_was_next(monkeypatch, full):
    asked = []

    class Watched(Objective):
        def __call__(self, picture):
            asked.append(type(self.view.network))
            return super().__call__(picture)

    monkeypatch.setattr(sys.modules["nst.optimization.run"], "Objective", Watched)
    settings = Settings(network="both", size=96, steps=10)
    for after in (2, 7, 8):
        asked.clear()
        last = list(nst.optimize(PHOTO, PAINTING, settings, unfinished=OTHER, after=after))[-1]
        assert asked == ([Student] * (10 - settings.finish_steps) + [VGG19] * settings.finish_steps)[after:]
        assert last.step == 10


@pytest.mark.parametrize(("network", "share"), [("vgg19", 0.5), ("student", 1), ("both", 1)])
def test_at_full_size_only_vgg19_alone_takes_shorter_steps(network, share, monkeypatch, full):
    module, rates = sys.modules["nst.optimization.run"], []
    advance = module.advance

    def noted(rule, *rest):
        rates.append(rule.param_groups[0]["lr"])
        return advance(rule, *rest)

    monkeypatch.setattr(module, "advance", noted)
    settings = Settings(network=network, size=128, steps=20)
    list(nst.optimize(PHOTO, PAINTING, settings))
    for scale in scales.plan(128, 20, finish=settings.finish_steps):
        expected = module.RATE * (share if scale.side == 128 else 1)
        assert rates[0] == pytest.approx(expected)
        rates = rates[scale.steps :]


def test_both_networks_are_timed_for_a_run_with_both(monkeypatch, full):
    monkeypatch.setattr(estimates, "_timed", {})
    monkeypatch.setattr(estimates, "SIDES", dict.fromkeys(estimates.SIDES, (32, 64)))
    both = Settings(network="both", size=96)
    assert nst.estimate(PHOTO, both).seconds > 0
    assert {name for name, *_ in estimates._timed} == {"student", "vgg19"}
    assert estimates.known(QUICK).fine == estimates.known(both).coarse


def test_a_result_of_both_is_gone_on_from_with_vgg19_alone():
    order = FullRequest(nst.open_image(PHOTO), nst.open_image(PAINTING), Settings().judged_by("both"))
    quick = FullRequest(nst.open_image(PHOTO), nst.open_image(PAINTING), Settings().judged_by("student"))
    for wish in ("more", "less", "finer"):
        for next_order in (order, order.again("more", PHOTO), quick.again("finish", PHOTO)):
            settings = next_order.again(wish, PHOTO).settings
            assert (settings.network, settings.steps) == ("vgg19", SCHEDULES["vgg19"].steps // 3)
        settings = quick.again(wish, PHOTO).settings
        assert (settings.network, settings.steps) == ("student", SCHEDULES["student"].steps // 3)


def test_structure_is_compared_where_the_student_sees_it_and_style_by_how_well():
    photo = open_image(PHOTO)
    for network in (Student(student.shipped()), VGG19(random_weights())):
        objective = Objective(
            network, to_tensor(PHOTO), open_regions(PAINTING, photo), Settings(style_2=0), lambda: None
        )
        wanted = {layer: network.trust.get(layer, 1) for layer in STYLE_LAYERS if layer != "relu2_1"}
        assert objective.style.shares == pytest.approx({k: v / sum(wanted.values()) for k, v in wanted.items()})
        distances = {
            k: losses.content_distance(*(network(to_tensor(p), [k])[k] for p in (OTHER, PHOTO))) for k in LEARNED
        }
        shares = network.content_layers_at("relu4_2")
        assert sum(shares.values()) == 1 if isinstance(network, VGG19) else shares == student.STRUCTURE
        found = objective.figures(to_tensor(OTHER))["content"]
        assert found == pytest.approx(float(sum(shares[k] * distances[k] for k in shares)), rel=1e-3)


def test_a_quick_result_is_finished_by_vgg19():
    quick = FullRequest(nst.open_image(PHOTO), nst.open_image(PAINTING), QUICK)
    finish = quick.again("finish", PHOTO)
    assert (finish.settings.network, finish.settings.scales, finish.begun) == ("vgg19", 1, PHOTO)
    assert 10 <= finish.settings.steps < QUICK.steps
    assert finish.settings.size == QUICK.size
    assert finish.recipe()["before"][0]["network"] == "student"


# ---- How it is taught


@pytest.fixture
def teach(tmp_path, monkeypatch, full):
    """Teaches a thin student as the command does, on very small pictures; gives the checkpoint's content."""
    for layer, (hidden, passed, pooled, directions) in STAGES.items():
        monkeypatch.setitem(STAGES, layer, student.Stage(hidden // 8, passed // 8, pooled, directions // 8))
    monkeypatch.setattr(distillation.weights, "vgg19", lambda: full)
    torch.manual_seed(1)
    monkeypatch.setattr(data, "SIDES", (32, 48))
    monkeypatch.setattr(data, "PIXELS", 3 * 32**2)
    monkeypatch.setattr(projections, "CALIBRATION", 2)
    monkeypatch.setattr(projections, "SIDE", 64)
    monkeypatch.setattr(distill, "SIDE", 32)
    for folder in ("photos", "paintings"):
        (tmp_path / folder).mkdir()
        for number in range(2):
            coarse = np.random.default_rng(number).integers(0, 256, (9, 12, 3), np.uint8)
            Image.fromarray(coarse).resize((96, 72), Image.BICUBIC).save(tmp_path / folder / f"{number}.png")

    def course(*arguments: str, by=distill) -> dict:
        folders = [word for name in ("photos", "paintings") for word in (f"--{name}", str(tmp_path / name))]
        monkeypatch.setattr("sys.argv", [by.__name__, str(tmp_path / "out"), *folders, *arguments])
        by.main()
        return torch.load(tmp_path / "out" / "checkpoint.pt", weights_only=True)

    return course


def test_teaching_leaves_a_student_that_judges(teach, tmp_path):
    state = teach("--steps", "12", "--every", "4")
    assert state["step"] == 12
    rows = list(csv.DictReader((tmp_path / "out" / "losses.csv").open()))
    assert {row["step"] for row in rows} == {"4", "8", "12"}
    assert {row["term"] for row in rows} >= {*LEARNED, "gram relu5_1", "after relu4_4", "slope 0"}
    assert all(np.isfinite(float(row["mean"])) for row in rows)
    tensors = load_file(tmp_path / "out" / "student.safetensors")
    shipped = Student(tensors)(torch.rand(1, 3, 32, 32), LEARNED)
    assert all(bool(f.isfinite().all()) for f in shipped.values())


def test_teaching_goes_on_where_it_was_interrupted(teach, tmp_path):
    teach("--steps", "3")
    first = (tmp_path / "out" / "losses.csv").read_text()
    assert teach("--steps", "6")["step"] == 6
    assert (tmp_path / "out" / "losses.csv").read_text().startswith(first)


def test_teaching_goes_on_from_a_shipped_student(teach, tmp_path):
    """Its coordinates have the teacher's scale, whatever their scale was during training."""
    teach("--steps", "3")
    (tmp_path / "out" / "student.safetensors").rename(tmp_path / "first.safetensors")
    (tmp_path / "out" / "checkpoint.pt").unlink()
    teach("--steps", "2", "--start", str(tmp_path / "first.safetensors"), "--rate", "0")
    assert ",slope 0," in "".join((tmp_path / "out" / "losses.csv").read_text().splitlines()[-6:])  # from the first on
    before, after = (load_file(tmp_path / n) for n in ("first.safetensors", "out/student.safetensors"))
    for name, tensor in before.items():
        assert torch.allclose(after[name].float(), tensor.float(), rtol=2e-3, atol=1e-5)


@pytest.mark.parametrize("first", ["relu3_1", "relu4_1"])
def test_the_deep_stages_are_taught_alone(teach, tmp_path, first):
    """With three steps of each course: what is shallow stays, and the file says which courses it has had."""
    options = ("--start", str(tmp_path / "first.safetensors"), "--first", first)
    teach("--steps", "3")
    (tmp_path / "out" / "student.safetensors").rename(tmp_path / "first.safetensors")
    (tmp_path / "out" / "checkpoint.pt").unlink()
    teach("--steps", "2", *options, by=deep)
    assert distillation.taught(tmp_path / "out" / "student.safetensors") == f"distill 3, deep from {first} 2"
    teach("--steps", "3", *options, by=deep)
    before, after = (load_file(tmp_path / n) for n in ("first.safetensors", "out/student.safetensors"))
    assert distillation.taught(tmp_path / "out" / "student.safetensors") == f"distill 3, deep from {first} 3"
    for name, tensor in before.items():
        same = torch.allclose(after[name].float(), tensor.float(), rtol=2e-3, atol=1e-5)
        assert same is (name.split(".")[1] < first), name


@pytest.mark.parametrize("first", ["relu3_1", "relu4_1"])
def test_the_deep_stages_learn_what_the_teacher_sees_there(first):
    """What is compared are the same layers, of the same shapes; the maps that help are no part of the student."""
    torch.manual_seed(0)
    picture, student = torch.rand(2, 3, 64, 96), Student()
    network = VGG19(random_weights())
    features = projections.seen(network, picture)
    bases = {k: torch.eye(LAYOUT[k][1][0])[:, : STAGES[k].directions] for k in LEARNED if STAGES[k].directions < 512}
    ways = {k: torch.eye(LAYOUT[k][1][0])[:, : stage.passed] for k, stage in STAGES.items() if stage.passed}
    found = Projections(
        bases,
        {k: torch.ones(STAGES[k].directions) for k in LEARNED},
        {k: torch.zeros(LAYOUT[k][1][0]) for k in ways},
        ways,
        {k: torch.full((STAGES[k].passed,), 2.0) for k in ways},
    )
    learner = deep.Deep(student, found, first)
    made = learner(learner.entered(picture))
    goal = learner.wanted(distillation.Teacher(network, found)(picture), found.gains)
    assert {k: x.shape for k, x in made.items()} == {k: x.shape for k, x in goal.items()}
    block3 = {"relu3_1", "relu3_4"} if first == "relu3_1" else set()
    assert made.keys() == {"relu4_1", "relu4_2", "relu4_3", "relu4_4", "relu5_1"} | block3
    helped = features["relu4_4"][:, : STAGES["relu4_4"].passed]
    assert torch.allclose(goal["relu4_4"], 2 * helped, rtol=1e-2)
    plain = student(picture, ["relu4_1"])["relu4_1"]
    assert float((made["relu4_1"] - plain).detach().norm() / plain.detach().norm()) < 0.05  # but for bfloat16
    learning = {id(p) for p in learner.learning()}
    assert {id(p) for p in learner.helpers.parameters()} < learning
    for layer, convolution in student.convolutions.items():
        assert ({id(p) for p in convolution.parameters()} <= learning) is (layer >= first)
    assert student.state_dict().keys() == Student().state_dict().keys()


def test_a_narrower_student_grows_and_judges_the_same(monkeypatch):
    torch.manual_seed(0)
    with monkeypatch.context() as patch:
        for layer in ("relu4_1", "relu4_3", "relu4_4"):
            stage = STAGES[layer]
            patch.setitem(STAGES, layer, stage._replace(hidden=stage.hidden - 8, passed=stage.passed - 16))
        narrow, picture = Student(), torch.rand(1, 3, 64, 64)
        before = narrow(picture, LEARNED)
    grown = Student()
    grown.load_state_dict(distillation.widened(narrow.state_dict()))
    after = grown(picture, LEARNED)
    assert all(torch.allclose(after[k], before[k], rtol=1e-3, atol=1e-5) for k in LEARNED)


def test_a_course_goes_on_from_its_own_checkpoint_only(teach, tmp_path):
    teach("--steps", "1")
    with pytest.raises(SystemExit, match="distill"):
        teach("--steps", "2", "--start", str(tmp_path / "out" / "student.safetensors"), by=deep)


def test_an_interrupted_course_has_all_that_it_had(teach, tmp_path):
    """At a learning rate of 0, it resumes with exactly what it had."""
    first = teach("--steps", "3")
    again = teach("--steps", "4", "--rate", "0")
    for part in ("student", "coordinates"):
        assert str(again[part]) == str(first[part])
    assert not torch.equal(first["average"]["convolutions.relu1_1.bias"], first["student"]["convolutions.relu1_1.bias"])
    states = [next(iter(state["rule"]["state"].values()))["step"] for state in (first, again)]
    assert [int(step) for step in states] == [3, 4]


def test_directions_found_anew_are_turned_to_those_that_were_learned(monkeypatch):
    """Newly computed ones may differ in sign or, if two are equally important, by a rotation."""
    torch.manual_seed(0)
    activations = {layer: torch.rand(1, LAYOUT[layer][1][0], 6, 6) for layer in LEARNED}
    bases = {k: torch.linalg.qr(torch.randn(activations[k].shape[1], 8)).Q for k in ("relu2_1", "relu4_1")}
    learned = {layer: basis @ torch.linalg.qr(torch.randn(8, 8)).Q for layer, basis in bases.items()}
    monkeypatch.setattr(projections, "seen", lambda teacher, picture: activations)
    monkeypatch.setattr(projections, "_shown", lambda diet: [torch.rand(1, 3, 32, 32)] * 3)

    def student(picture, layers):
        return {k: torch.einsum("nchw,ck->nkhw", activations[k], basis) for k, basis in learned.items()}

    found = Projections(bases, {}, {}, {}, {}).turned(student, None, None)
    for layer, basis in found.bases.items():
        assert torch.allclose(basis, learned[layer], atol=1e-4)


def test_directions_do_not_hang_on_a_courses_seed():
    whole = SimpleNamespace(crop=lambda rng, side: torch.full((1, 3, 2, 2), rng.random()))
    first, second = (projections._shown(SimpleNamespace(seed=s, photos=whole, paintings=whole)) for s in (1, 2))
    assert len(first) == projections.CALIBRATION
    assert len({float(x.mean()) for x in first}) > 100
    assert torch.equal(torch.cat(first), torch.cat(second))


def test_what_goes_on_is_what_the_next_layer_hears():
    """If all channels are passed on, the next layer's convolution gives the same result."""
    teacher = VGG19(random_weights())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(projections, "CALIBRATION", 4)
        patch.setattr(projections, "SIDE", 64)
        patch.setitem(projections.STAGES, "relu1_1", STAGES["relu1_1"]._replace(passed=64))
        patch.setitem(projections.STAGES, "relu2_1", STAGES["relu2_1"]._replace(passed=8))
        whole = SimpleNamespace(crop=lambda rng, side: torch.rand(1, 3, side, side))
        found = Projections.found(teacher, SimpleNamespace(seed=0, photos=whole, paintings=whole))
        features = projections.seen(teacher, torch.rand(1, 3, 64, 64))
    lost = {}
    for layer, following in (("relu1_1", "relu1_2"), ("relu2_1", "relu2_2")):
        ways, x = found.ways[layer], features[layer] - found.means[layer].view(1, -1, 1, 1)
        back = torch.einsum("nkhw,ck->nchw", found.passed(features)[layer], torch.linalg.pinv(ways).mT)
        kernel = teacher.convolutions[following].weight
        heard, instead = (torch.nn.functional.conv2d(value, kernel) for value in (x, back))
        lost[layer] = float((heard - instead).norm() / heard.norm())
    assert lost["relu1_1"] < 1e-2 < lost["relu2_1"] < 1


def test_a_student_sees_the_same_in_the_teachers_size():
    torch.manual_seed(0)
    sizes = {layer: torch.rand(STAGES[layer].directions) + 0.5 for layer in LEARNED}
    found, picture = Projections({}, sizes, {}, {}, {}), torch.rand(1, 3, 32, 48)
    learner, large, back = Student(), Student(), Student()
    large.load_state_dict(found.grown(learner))
    back.load_state_dict(found.grown(large, back=True))
    for layer, features in large(picture, LEARNED).items():
        size = sizes[layer].view(1, -1, 1, 1)
        for other in (learner, back):
            assert torch.allclose(features, other(picture, [layer])[layer] * size, rtol=1e-4, atol=1e-5)


def test_its_size_is_counted():
    parameters, multiplied = publish_student.size(Student())
    assert parameters == sum(p.numel() for p in Student().parameters())
    expected, inputs = 0, 3
    for layer, stage in STAGES.items():
        side = 256 // 2 ** (int(layer[4]) - 1)
        expected += side**2 * 9 * inputs * stage.hidden
        mapped = stage.directions if stage.directions != stage.hidden else 0
        expected += side**2 * mapped * stage.hidden
        expected += (side // 2 if stage.pooled else side) ** 2 * stage.passed * stage.hidden
        inputs = stage.passed
    assert multiplied == expected


# ---- How far it is trusted


def test_gradients_made_of_terms_are_told_by_their_weights():
    torch.manual_seed(0)
    weights, shapes = {"a": 0.7, "b": 0.0, "c": 2.0}, [(1, 3, 8, 8), (1, 3, 4, 4)]
    terms = [{name: [torch.randn(shape) for shape in shapes] for name in weights} for _ in range(5)]
    wanted = [[sum(weights[k] * s[n] for k, s in found.items()) for n in range(2)] for found in terms]
    assert layer_weights.told(wanted, terms) == pytest.approx(weights, abs=1e-4)
    assert layer_weights.cosines(wanted, terms, weights) == pytest.approx([1, 1], abs=1e-5)
    opposite = [[-level for level in goal] for goal in wanted]
    assert min(layer_weights.told(opposite, terms).values()) >= 0
    assert layer_weights.cosines(opposite, terms, weights) == pytest.approx([-1, -1], abs=1e-5)


def test_the_terms_slopes_add_up_to_the_objectives():
    network, trio = Student(student.shipped()), [to_tensor(p) for p in (OTHER, PHOTO, PHOTO.rotate(180))]
    torch.manual_seed(0)
    trio[0] = reconstruct(build_pyramid(torch.lerp(trio[0], torch.rand(trio[0].shape), 0.1)))  # nothing plain, no ties
    found = layer_weights.slopes(network, *trio)
    assert set(found) == {f"structure {k}" for k in student.STRUCTURE} | {f"style {k}" for k in STYLE_LAYERS}
    objective = Objective(
        network, trio[1], open_regions(to_picture(trio[2]), open_image(PHOTO)), Settings(smoothness=0), lambda: None
    )
    gradient, _ = objective(trio[0])
    weights = {f"structure {k}": v for k, v in student.STRUCTURE.items()}
    weights |= {f"style {k}": objective.style.shares[k] * len(STYLE_LAYERS) for k in STYLE_LAYERS}
    made = sum(weights[k] * slopes[0] for k, slopes in found.items())
    assert torch.nn.functional.cosine_similarity(made.flatten(), gradient.flatten(), 0) > 0.9999
