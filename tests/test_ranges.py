"""Every way in which the connection to the Hub can fail, and that the next try works."""

import socket
import threading
from itertools import pairwise

import pytest
from huggingface_hub import constants
from small_weights import BYTES, FILE, at, failure, laid_out, right, small

from nst.hub import ranges, weights


def test_a_connection_that_breaks_is_taken_up_where_it_broke(hub, cache):
    hub.files[FILE], hub.cuts = laid_out(0, 0, 0, 0), [10**6, 100_000, 100_000, 0, 100]
    seen = []
    assert right(weights.vgg19(lambda done, total: seen.append((done, total))))
    assert hub.sent < BYTES + 2**16
    assert seen[-1] == (BYTES, BYTES)
    assert all(earlier[0] <= later[0] for earlier, later in pairwise(seen))


def test_a_server_that_knows_no_ranges_is_stopped_when_the_tensors_are_in(hub):
    hub.knows_ranges, hub.files[FILE] = False, laid_out(0, 0, 0, 574_000_000)
    assert right(weights.vgg19())
    assert hub.sent < 50_000_000  # what the sockets of both sides take up beyond the 400 KB


def test_a_server_that_knows_no_ranges_is_not_asked_for_hundreds_of_megabytes(hub, cache):
    hub.knows_ranges, hub.files[FILE] = False, laid_out(494_000_000, 0, 0, 0)
    assert "sends the whole file where a part was asked for" in failure(cache)
    assert hub.sent < 50_000_000


def test_a_server_that_sends_another_part_is_not_believed(hub, cache):
    hub.files[FILE], hub.wrong_part = laid_out(0, 0, 0, 0), True
    assert "another part than was asked for" in failure(cache)
    hub.wrong_part = False
    assert right(weights.vgg19())


def test_a_file_exchanged_meanwhile_is_not_mixed_with_the_former(hub, cache):
    def exchange(done, total):
        if total == BYTES:  # the header has been read
            hub.files[FILE] = small(head_fc_weight=None)

    with pytest.raises(weights.WeightsUnavailable, match="exchanged for another"):
        weights.vgg19(exchange)
    assert right(weights.vgg19())


def test_a_connection_that_breaks_again_and_again_is_given_up(hub, cache):
    hub.files[FILE], hub.cuts = laid_out(0, 0, 0, 0), [10**6, 100_000, 0, 10, 0, 10**6]
    assert "the connection fails" in failure(cache)
    hub.cuts = []
    assert right(weights.vgg19())


@pytest.mark.parametrize("stalls", [[0, 0, 0], [10**6, 100_000, 0, 0]])
def test_a_server_that_falls_silent_is_given_up(hub, cache, monkeypatch, stalls):
    hub.files[FILE], hub.stalls = laid_out(0, 0, 0, 0), stalls
    with monkeypatch.context() as patch:
        patch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 0.3)
        patch.setattr(ranges, "PATIENCE", 0.5)
        assert "the connection fails (ReadTimeout" in failure(cache)
    hub.stalls = []
    assert right(weights.vgg19())


def test_a_short_silence_is_got_over(hub, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_DOWNLOAD_TIMEOUT", 1.0)
    hub.files[FILE], hub.stalls = laid_out(0, 0, 0, 0), [10**6, 100_000]
    assert right(weights.vgg19())
    assert hub.sent < BYTES + 2**16


def test_a_refused_connection_is_named(hub, cache, monkeypatch):
    url = hub.url
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    at(f"http://127.0.0.1:{port}", monkeypatch)
    assert f"http://127.0.0.1:{port} cannot be reached" in failure(cache)
    at(url, monkeypatch)
    assert right(weights.vgg19())


def test_a_host_without_an_address_is_named(cache, monkeypatch):
    at("https://hub.invalid", monkeypatch)
    assert "https://hub.invalid cannot be reached" in failure(cache)


@pytest.mark.parametrize(
    "endpoint", ["huggingface.co", "ftp://huggingface.co", "https://", "https://hub:port", "http://[::1"]
)
def test_an_endpoint_that_is_no_web_address_is_named(cache, monkeypatch, endpoint):
    at(endpoint, monkeypatch)
    assert f"{endpoint} cannot be reached (that is no web address)" in failure(cache)


def test_an_address_where_nobody_answers_is_given_up(cache, monkeypatch):
    monkeypatch.setattr(weights, "REACH", 0.3)
    with socket.create_server(("127.0.0.1", 0), backlog=0) as deaf:
        # These fill its queue; later connections get no answer, as from an address that nobody has.
        queue = [socket.socket() for _ in range(4)]
        for caller in queue:
            caller.setblocking(False)
            caller.connect_ex(deaf.getsockname())
        at(f"http://127.0.0.1:{deaf.getsockname()[1]}", monkeypatch)
        assert "cannot be reached (no answer within 0.3 seconds)" in failure(cache)
        for caller in queue:
            caller.close()


def test_names_that_cannot_be_looked_up_are_not_waited_for(cache, monkeypatch):
    over = threading.Event()

    def resolver(*query, **details):
        over.wait(20)
        raise socket.gaierror("the name server does not answer")

    monkeypatch.setattr(weights, "REACH", 0.3)
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    at("https://hub.invalid", monkeypatch)
    assert "cannot be reached (no answer within 0.3 seconds)" in failure(cache)
    over.set()


def test_a_proxy_is_left_to_look_up_names(hub, monkeypatch):
    monkeypatch.setenv("http_proxy", hub.url)
    monkeypatch.setenv("no_proxy", "")
    ranges.reach("http://hub.invalid", 1)
    monkeypatch.setenv("no_proxy", "hub.invalid")
    with pytest.raises(ranges.Broken):
        ranges.reach("http://hub.invalid", 1)
