"""The page's painting job: the network is read ahead, and nobody holds up a Space for long."""

import pytest
from pictures import scene

import nst
from nst.backbones import loading
from nst.jobs import idle
from nst.optimization import estimates
from nst.page import job
from nst.page.job import LONGEST
from nst.requests import Extras, FullRequest
from nst.settings import Settings

PHOTO, PAINTING = (nst.open_image(scene().resize(size)) for size in ((64, 48), (48, 48)))


@pytest.mark.parametrize(("cached", "borrowed", "loads"), [(True, None, 1), (False, None, 1), (True, object(), 0)])
def test_the_network_that_is_usual_here_is_read_ahead_where_it_will_be_used(cached, borrowed, loads, monkeypatch):
    loaded = []
    monkeypatch.setattr(job.weights, "cached", lambda: cached)
    monkeypatch.setattr(job.device, "spaces", borrowed)
    timed = []
    monkeypatch.setattr(loading, "load_networks", loaded.append)
    monkeypatch.setattr(estimates, "time_steps", lambda judges, settings: timed.append(judges))
    job.warm_up()
    assert {settings.network for settings in loaded} == set(loads * ["both" if cached else "student"])
    assert len(timed) == loads


def test_a_network_that_cannot_be_read_ahead_disturbs_nobody(monkeypatch):
    def broken(settings):
        raise job.nst.NSTError("damaged")

    monkeypatch.setattr(job.weights, "cached", lambda: True)
    monkeypatch.setattr(loading, "load_networks", broken)
    job.warm_up()


def ordered(monkeypatch, seconds: float | None, space: str | None) -> None:
    """An order that will take so long, on a Space of this name or on one's own machine."""
    order = FullRequest(PHOTO, PAINTING, Settings(), beside=Extras(PAINTING), after=7, unfinished=PHOTO)
    asked = []

    def foreseen(size, settings, paintings, *, after):
        asked.append((size, settings, paintings, after))
        return nst.Estimate(seconds, 10**9, (384, 288), None)

    monkeypatch.setattr(estimates, "foreseen", foreseen)
    monkeypatch.setattr(loading, "load_networks", lambda settings, told=None: None)
    monkeypatch.setattr(estimates, "time_steps", lambda judges, settings: None)
    monkeypatch.setattr(job, "previews", lambda *order: (picture for picture in ["painted"]))
    monkeypatch.delenv("SPACE_ID", raising=False)
    if space:
        monkeypatch.setenv("SPACE_ID", space)
    emitted = []
    job.work(order)(emitted.append, lambda: False)
    assert emitted == ["painted"]
    assert asked == ([((64, 48), order.settings, 2, 7)] if space else [])


def test_a_painting_that_takes_long_is_refused_on_a_space_only(monkeypatch):
    with pytest.raises(nst.SettingsError, match=r"about 120 minutes .* smaller size"):
        ordered(monkeypatch, 7200, "somebody/space")
    ordered(monkeypatch, 7200, None)
    for seconds in (LONGEST - 1, None):
        ordered(monkeypatch, seconds, "somebody/space")


def test_steps_are_timed_only_while_nobody_paints(monkeypatch):
    timed = []
    monkeypatch.setattr(job, "at_hand", lambda settings: True)
    monkeypatch.setattr(loading, "load_networks", lambda settings: None)
    monkeypatch.setattr(estimates, "time_steps", lambda judges, settings: timed.append(idle_now()))
    monkeypatch.setattr(job.memory, "free", lambda where: 0)
    with idle():
        assert job.estimated((64, 48), Settings()).size == (384, 288)  # whoever paints has the memory now
    assert timed == []
    assert max(job.estimated((64, 48), Settings()).size) < 384
    assert timed == [False]


def idle_now() -> bool:
    with idle() as free:
        return free


@pytest.mark.parametrize("error", [MemoryError(), RuntimeError("out of memory")])
def test_without_memory_to_time_steps_in_the_time_stays_unknown(error, monkeypatch):
    def full(judges, settings):
        raise error

    monkeypatch.setattr(job, "at_hand", lambda settings: True)
    monkeypatch.setattr(loading, "load_networks", lambda settings: None)
    monkeypatch.setattr(estimates, "time_steps", full)
    assert job.estimated((64, 48), Settings()).memory > 0


def test_where_the_gpu_is_elsewhere_nothing_is_foretold(monkeypatch):
    monkeypatch.setattr(job.device, "spaces", object())
    assert job.estimated((64, 48), Settings()) is None
