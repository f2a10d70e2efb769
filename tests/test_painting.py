"""The page's painting job: the network is read ahead, and nobody holds up a Space for hours."""

import dataclasses

import pytest
from pictures import scene

import nst
from nst.page import painting
from nst.page.painting import LONGEST, Order
from nst.settings import Settings


@pytest.mark.parametrize(("cached", "borrowed", "loads"), [(True, None, 1), (False, None, 0), (True, object(), 0)])
def test_the_network_is_read_ahead_only_where_it_is_here_and_will_be_used_here(cached, borrowed, loads, monkeypatch):
    loaded = []
    monkeypatch.setattr(painting.weights, "cached", lambda: cached)
    monkeypatch.setattr(painting.device, "spaces", borrowed)
    timed = []
    monkeypatch.setattr(painting, "load_judges", loaded.append)
    monkeypatch.setattr(painting, "time_steps", lambda judges, settings: timed.append(judges))
    painting.warm_up()
    assert len(loaded) == len(timed) == loads


def test_a_network_that_cannot_be_read_ahead_disturbs_nobody(monkeypatch):
    def broken(settings):
        raise painting.nst.NSTError("damaged")

    monkeypatch.setattr(painting.weights, "cached", lambda: True)
    monkeypatch.setattr(painting, "load_judges", broken)
    painting.warm_up()


def ordered(monkeypatch, seconds: float | None, space: str | None) -> None:
    """An order that will take so long, on a Space of this name or on one's own machine."""
    order = Order(nst.open_image(scene().resize((64, 48))), nst.open_image(scene().resize((48, 48))), Settings())
    found = nst.Estimate(seconds, 10**9, (384, 288), None)
    monkeypatch.setattr(painting, "estimated", lambda size, settings, paintings: dataclasses.replace(found))
    monkeypatch.delenv("SPACE_ID", raising=False)
    if space:
        monkeypatch.setenv("SPACE_ID", space)
    painting.refuse_hours(order)


def test_a_painting_of_hours_is_refused_on_a_space_only(monkeypatch):
    with pytest.raises(nst.SettingsError, match=r"about 120 minutes .* smaller size"):
        ordered(monkeypatch, 7200, "somebody/space")
    ordered(monkeypatch, 7200, None)
    for seconds in (LONGEST - 1, None):
        ordered(monkeypatch, seconds, "somebody/space")


def test_where_the_gpu_is_elsewhere_nothing_is_foretold(monkeypatch):
    monkeypatch.setattr(painting.device, "spaces", object())
    assert painting.estimated((64, 48), Settings()) is None
