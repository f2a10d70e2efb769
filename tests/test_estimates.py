"""What a painting will take: from steps timed once, to seconds and memory, and the sentences that tell them."""

from types import SimpleNamespace

import pytest
import torch
from pictures import scene

import nst
from nst import Settings, device, memory
from nst.backbones import loading
from nst.benchmark.speed import random_weights
from nst.optimization import estimates, memory_use, scales
from nst.optimization.estimates import FORWARD, Speed, Speeds
from nst.optimization.patches import cut
from nst.page import times
from nst.page.job import LONGEST
from nst.page.texts import TEXTS

PHOTO = scene().resize((96, 72))


@pytest.fixture
def speeds(monkeypatch) -> Speeds:
    """A machine that takes a millisecond for a thousand pixels of the finest scale."""
    found = Speeds(Speed(0.0, 2e-6, False), Speed(0.0, 1e-6, False))
    monkeypatch.setattr(estimates, "known", lambda settings: found)
    return found


def test_a_step_takes_time_by_its_pixels():
    small, large = (Speed(0.1, 1e-6, False).step(side, side) for side in (100, 1000))
    assert small == pytest.approx(0.11)
    assert large == pytest.approx(1.1)


def test_large_pictures_gain_less_from_a_cpus_caches():
    side = round(estimates.LARGE**0.5) * 2
    with_caches, without = (Speed(0.0, 1e-6, cached).step(side, side) for cached in (True, False))
    assert with_caches / without == pytest.approx(1 + 2 * estimates.SLOWER, rel=1e-3)


def test_patches_are_looked_at_twice_and_with_their_margins():
    speed, margin = Speed(0.0, 1e-6, False), 80
    assert speed.step(512, 512, cut(512, 512, 512, margin, 16)) == pytest.approx(1e-6 * 512 * 512)
    seen = 256 * (256 + margin) * 2  # side by side: each has a margin on one side
    assert speed.step(512, 256, cut(256, 512, 256, margin, 16)) == pytest.approx(1e-6 * seen * (1 + FORWARD))


def test_what_costs_more_is_foretold_to_take_longer(speeds, monkeypatch):
    monkeypatch.setattr(memory, "free", lambda where: None)
    usual = estimates.foreseen((4, 3), Settings()).seconds
    for dearer in (
        Settings(size=512),
        Settings(steps=240),
        Settings(scales=1),
        Settings(stroke=2.0),
        Settings(optimizer="lbfgs"),
    ):
        assert estimates.foreseen((4, 3), dearer).seconds > usual
    assert estimates.foreseen((4, 3), Settings(), paintings=3).seconds > usual
    assert estimates.foreseen((4, 4), Settings()).seconds > usual


def test_the_steps_of_all_scales_are_added_up(speeds, monkeypatch):
    monkeypatch.setattr(memory, "free", lambda where: None)
    found = estimates.foreseen((4, 3), Settings(size=400, steps=100)).seconds
    pixels = {100: 100 * 75, 200: 200 * 150, 400: 400 * 300}
    plan = scales.plan(400, 100)
    steps = sum(pixels[s.side] * (s.steps + 2 * FORWARD) * (1e-6 if s is plan[-1] else 2e-6) for s in plan)
    assert found == pytest.approx(steps)


def test_memory_and_size_are_those_of_the_run(monkeypatch):
    number = device.number_format(device.choose())
    monkeypatch.setattr(memory, "free", lambda where: None)
    found = estimates.foreseen((4, 3), Settings(size=384))
    assert (found.size, found.patch) == ((384, 288), None)
    assert found.memory == memory_use.needed(384 * 288, number)
    monkeypatch.setattr(memory, "free", lambda where: round(memory_use.needed(96 * 72, number) / memory_use.SHARE) + 1)
    assert estimates.foreseen((4, 3), Settings(size=128)).size == (96, 72)
    monkeypatch.setattr(memory, "free", lambda where: 2 * 10**9)
    assert estimates.foreseen((4, 3), Settings(size=2048)).patch in memory_use.SIDES


def test_the_network_is_timed_once_and_then_the_time_is_known(monkeypatch):
    monkeypatch.setattr(loading.weights, "vgg19", lambda progress=None: random_weights())
    monkeypatch.setattr(loading, "_networks", {})
    monkeypatch.setattr(estimates, "_timed", {})
    monkeypatch.setattr(estimates, "SIDES", dict.fromkeys(estimates.SIDES, (32, 64)))
    assert estimates.known(Settings()) is None
    assert estimates.foreseen((4, 3), Settings()).seconds is None
    assert nst.estimate(PHOTO, Settings(size=64)).seconds > 0
    step = estimates._step
    monkeypatch.setattr(estimates, "_step", None)
    assert nst.estimate(PHOTO, Settings(size=128)).seconds > nst.estimate(PHOTO, Settings(size=64)).seconds
    # A machine may have become busier since.
    timed = []
    monkeypatch.setattr(estimates, "_step", lambda *given: timed.append(given) or step(*given))
    nst.estimate(PHOTO, Settings(size=64))
    assert timed == []
    monkeypatch.setattr(estimates, "OLD", 0)
    nst.estimate(PHOTO, Settings(size=64))
    assert timed


def test_the_time_is_known_on_every_kind_of_device(monkeypatch):
    """The network's device is "cuda:0", while the chosen device is "cuda"."""
    monkeypatch.setattr(estimates, "_timed", {})
    monkeypatch.setattr(estimates, "_step", lambda network, statistic, side: side / 1000)
    monkeypatch.setattr(estimates.device, "choose", lambda: torch.device("cuda"))
    monkeypatch.setattr(estimates.device, "number_format", lambda where: torch.bfloat16)
    monkeypatch.setattr(memory, "free", lambda where: None)
    networks = [
        SimpleNamespace(
            mean=SimpleNamespace(device=torch.device("cuda:0")),
            number=number,
        )
        for number in (torch.float32, torch.bfloat16)
    ]
    estimates.time_steps(loading.LossNetworks(*networks), Settings())
    assert estimates.foreseen((4, 3), Settings()).seconds > 0


def test_what_is_known_of_the_machine_counts_from_the_first_step(monkeypatch):
    """The estimate of ten seconds a step is not dropped because the first step took no time."""
    slow = Speeds(Speed(10.0, 0.0), Speed(10.0, 0.0))
    monkeypatch.setattr(loading.weights, "vgg19", lambda progress=None: random_weights())
    monkeypatch.setattr(loading, "_networks", {})
    left = []
    for found in (None, slow):
        monkeypatch.setattr(estimates, "known", lambda settings, found=found: found)
        left.append(next(nst.optimize(PHOTO, PHOTO, Settings(size=64, steps=5))).remaining)
    assert left[1] > left[0] + 1


def test_of_a_run_to_be_taken_up_only_what_is_left_counts(speeds):
    whole, rest = (estimates.foreseen((4, 3), Settings(), after=steps).seconds for steps in (0, 100))
    assert rest < whole / 2


def test_where_another_run_has_the_memory_now_all_of_it_is_counted_on(monkeypatch):
    monkeypatch.setattr(memory, "free", lambda where: 0)
    assert max(estimates.foreseen((4, 3), Settings()).size) < 384
    assert estimates.foreseen((4, 3), Settings(), alone=False).size == (384, 288)


class Asking:
    """A browser's request."""

    def __init__(self, language: str) -> None:
        self.headers = {"accept-language": language}


def told(second: bool = False, language: str = "en", **changed) -> str:
    return times.told(Asking(language), (4, 3), Settings(**changed), second)


def test_the_page_tells_time_and_memory(speeds, monkeypatch):
    monkeypatch.setattr(memory, "free", lambda where: None)
    assert "Will take about 8 s and 0." in told()
    assert "Vai levar cerca de 8 s e usar 0," in told(language="pt-BR")
    assert told(second=True, size=2048, stroke=2) != told(size=2048, stroke=2)
    assert " h and" in told(size=4096, steps=1000, scales=1, optimizer="lbfgs")


def test_the_page_tells_memory_alone_while_the_machine_was_not_timed(monkeypatch):
    monkeypatch.setattr(estimates, "known", lambda settings: None)
    assert "can be estimated once the network is loaded" in told()


def test_the_page_tells_what_a_space_will_refuse(speeds, monkeypatch):
    monkeypatch.setattr(memory, "free", lambda where: None)
    monkeypatch.setenv("SPACE_ID", "somebody/space")
    said = f"may take {LONGEST // 60} min at most"
    assert said in told(size=4096, steps=1000)
    assert said not in told()
    monkeypatch.delenv("SPACE_ID")
    assert said not in told(size=4096, steps=1000)


def test_the_page_tells_what_memory_does_not_suffice_for(speeds, monkeypatch):
    number = device.number_format(device.choose())
    monkeypatch.setattr(memory, "free", lambda where: round(memory_use.needed(96 * 72, number) / memory_use.SHARE) + 1)
    assert "painted at 96 pixels" in told(size=128)
    monkeypatch.setattr(memory, "free", lambda where: 2 * 10**9)
    assert "patches" in told(size=2048)


def test_what_was_not_timed_is_guessed_after_the_small_network(monkeypatch):
    """Full takes longest, and nothing is guessed where nothing was timed."""
    small = Speeds(Speed(0.001, 1e-6), Speed(0.001, 1e-6))
    monkeypatch.setattr(estimates, "known", lambda s: small if s.network == "student" else None)
    seconds = [times.seconds_of(how, (4, 3), Settings()) for how in ("student", "both", "vgg19")]
    assert 0 < seconds[0] < seconds[1] < seconds[2]
    assert estimates.foreseen((4, 3), Settings()).seconds is None
    monkeypatch.setattr(estimates, "known", lambda s: None)
    assert times.seconds_of("vgg19", (4, 3), Settings()) is None


def test_every_stop_of_how_says_what_it_takes(speeds):
    """A network that cannot do what the knobs say is estimated with what it can."""
    settings = Settings(pooling="average")
    labels = [times.label(Asking("en"), how, (4, 3), settings) for how in times.HOWS[1:]]
    assert [label.split(" · ")[0] for label in labels] == ["Quick", "Quick, then Full", "Full"]
    assert all(label.endswith(" s") for label in labels)


@pytest.mark.parametrize("language", TEXTS)
def test_every_language_has_these_sentences(language):
    assert all(TEXTS[language][f"estimate{kind}"] for kind in ("", "_memory", "_too_long", "_smaller", "_patches"))
