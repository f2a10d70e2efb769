"""The page's painting job: the network is read ahead."""

import pytest

from nst.page import painting


@pytest.mark.parametrize(("cached", "borrowed", "loads"), [(True, None, 1), (False, None, 0), (True, object(), 0)])
def test_the_network_is_read_ahead_only_where_it_is_here_and_will_be_used_here(cached, borrowed, loads, monkeypatch):
    loaded = []
    monkeypatch.setattr(painting.weights, "cached", lambda: cached)
    monkeypatch.setattr(painting.device, "spaces", borrowed)
    monkeypatch.setattr(painting, "load_judges", loaded.append)
    painting.warm_up()
    assert len(loaded) == loads


def test_a_network_that_cannot_be_read_ahead_disturbs_nobody(monkeypatch):
    def broken(settings):
        raise painting.nst.NSTError("damaged")

    monkeypatch.setattr(painting.weights, "cached", lambda: True)
    monkeypatch.setattr(painting, "load_judges", broken)
    painting.warm_up()
