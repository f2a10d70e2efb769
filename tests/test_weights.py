"""The weights from the Hub, against a stand-in that speaks HTTP and fails in every way the real one can."""

import json
import os
import shutil
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from hub import COMMIT, REPO, Content, Hub
from huggingface_hub import constants, hf_hub_download, scan_cache_dir
from small_weights import FILE, SMALL, failure, files, right

from nst.backbones.kinds import VGG_SHAPES as SHAPES
from nst.hub import weights

ROOT = Path(__file__).parent.parent
PINNED = weights.REVISION


def child(code: str, **environment: str) -> subprocess.Popen:
    """Run this code in a new Python process, with these environment variables and no others of the Hub."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "HUGGINGFACE"))}
    return subprocess.Popen(
        [sys.executable, "-c", f"from nst.hub import weights\n{code}"],
        cwd=ROOT,
        env=kept | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(run: subprocess.Popen) -> str:
    out, problems = run.communicate(timeout=120)
    assert run.returncode == 0, problems
    return out


def until(condition) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def full_disk(monkeypatch) -> None:
    usage = shutil.disk_usage(".")
    monkeypatch.setattr(shutil, "disk_usage", lambda path: usage._replace(free=1000))


def test_of_the_575_mb_file_only_the_convolutions_leave_the_server(tmp_path):
    content = Content.virtual_vgg19()
    code = """
import json
seen = []
weights.vgg19(lambda done, total: seen.append((done, total)))
print(json.dumps(seen))
"""
    with Hub({FILE: content}, token="hf_secret", cdn=True) as hub:
        seen = json.loads(said(child(code, HF_ENDPOINT=hub.url, HF_HOME=str(tmp_path), HF_TOKEN="hf_secret")))
    assert seen[-1] == [weights.DOWNLOAD_BYTES] * 2
    assert all(earlier[0] <= later[0] for earlier, later in pairwise(seen))
    assert weights.DOWNLOAD_BYTES <= hub.sent < 82_000_000 < 574_000_000 < content.size
    assert {request.token for request in hub.asked if "/resolve/" in request.path} == {"Bearer hf_secret"}
    assert {request.token for request in hub.asked if request.host.startswith("localhost")} == {None}

    [stored] = files(tmp_path / "hub")
    tensors = weights.read(stored)
    base = 8 + int.from_bytes(content.read(0, 8), "little")
    table = json.loads(content.read(8, base))
    assert tensors.keys() == SHAPES.keys()
    for name, tensor in tensors.items():
        published = content.read(*(base + at for at in table[name]["data_offsets"]))
        assert torch.equal(tensor, torch.frombuffer(bytearray(published), dtype=torch.float32).reshape(SHAPES[name]))


def test_what_was_fetched_once_is_not_requested_again(hub):
    assert not weights.cached()
    assert right(weights.vgg19())
    asked = len(hub.asked)
    assert weights.cached()
    assert right(weights.vgg19(lambda done, total: pytest.fail("nothing is downloaded")))
    assert len(hub.asked) == asked


def test_the_hubs_own_tools_see_what_is_stored(hub, cache):
    weights.vgg19()
    found = scan_cache_dir(cache)
    assert found.warnings == []
    [repo] = found.repos
    assert (repo.repo_id, repo.size_on_disk) == (REPO, files(cache)[0].stat().st_size)
    found.delete_revisions(PINNED).execute()
    assert not weights.cached()


@pytest.mark.parametrize("revision", [PINNED, "main"])
def test_a_preloaded_whole_file_is_used_and_nothing_requested(hub, cache, revision):
    hf_hub_download(REPO, FILE, revision=revision, endpoint=hub.url)
    hub.log.clear()
    assert weights.cached()
    assert right(weights.vgg19(lambda done, total: pytest.fail("nothing is downloaded")))
    assert hub.log == []
    assert len(files(cache / "models--timm--vgg19.tv_in1k" / "snapshots")) == 2  # for a quick start next time


def test_a_preloaded_whole_file_is_used_where_nothing_can_be_written(hub, monkeypatch):
    hf_hub_download(REPO, FILE, revision=PINNED, endpoint=hub.url)
    full_disk(monkeypatch)
    assert right(weights.vgg19())


def test_a_damaged_whole_file_is_passed_over(hub, caplog):
    path = Path(hf_hub_download(REPO, FILE, revision=PINNED, endpoint=hub.url))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    assert not weights.cached()
    assert "is damaged" in caplog.text
    hub.log.clear()
    assert right(weights.vgg19())
    assert hub.asked


@pytest.mark.parametrize("damage", [lambda data: data[:-1], lambda data: data[:5000] + b"!" + data[5001:]])
def test_a_damaged_stored_file_is_found_out_and_replaced(hub, cache, caplog, damage):
    weights.vgg19()
    [stored] = files(cache)
    good = stored.read_bytes()
    stored.write_bytes(damage(good))
    assert not weights.cached()
    assert "is damaged" in caplog.text
    assert right(weights.vgg19())
    assert [path.read_bytes() for path in files(cache)] == [good]


def test_where_the_revision_is_gone_main_is_used_and_the_log_says_so(hub, cache, caplog):
    hub.gone = {PINNED}
    assert right(weights.vgg19())
    assert f"no revision {PINNED} any more" in caplog.text
    assert files(cache)[0].parent.name == COMMIT
    hub.gone = {PINNED, "main"}
    assert right(weights.vgg19())


def test_the_server_has_no_say_in_which_folder_is_written(hub, cache):
    hub.gone, hub.commit = {PINNED}, "../../../../elsewhere"
    assert right(weights.vgg19())
    assert files(cache)[0].parent == cache / "models--timm--vgg19.tv_in1k" / "snapshots" / "main"


def test_another_digest_than_the_known_one_is_logged(hub, caplog):
    weights.vgg19()
    assert f"announces the digest '{hub.files[FILE].digest}'" in caplog.text
    caplog.clear()
    hub.files[FILE] = Content(hub.files[FILE].size, hub.files[FILE].read, weights.SHA256)
    shutil.rmtree(constants.HF_HUB_CACHE)
    assert right(weights.vgg19())
    assert "digest" not in caplog.text


def test_a_callback_that_raises_ends_the_download_and_leaves_nothing(hub, cache):
    def stop(done, total):
        if 0 < done < total:
            raise OSError("the visitor has left")

    with pytest.raises(OSError, match="the visitor has left"):
        weights.vgg19(stop)
    assert files(cache) == []
    assert right(weights.vgg19())


def test_two_visitors_at_once_cause_one_download(hub):
    hub.gate, waited, results, seen = threading.Event(), threading.Event(), [], []

    def waiting(done, total):
        seen.append(done)
        waited.set()

    def visitor(progress=None):
        results.append(weights.vgg19(progress))

    first = threading.Thread(target=visitor)
    first.start()
    until(lambda: hub.asked)
    second = threading.Thread(target=visitor, args=(waiting,))
    second.start()
    assert waited.wait(20)  # it is told how far the first one's download is
    hub.gate.set()
    first.join(20)
    second.join(20)
    assert [right(tensors) for tensors in results] == [True, True]
    assert len(hub.asked) == 2  # the header, the tensors


def test_two_processes_at_once_cause_one_download(hub, tmp_path):
    hub.gate, results = threading.Event(), []
    here = threading.Thread(target=lambda: results.append(weights.vgg19()))
    here.start()
    until(lambda: hub.asked)
    code = f"""
weights.SHAPES = {SMALL}
print(len(weights.vgg19(lambda done, total: print("waiting", flush=True))))
"""
    there = child(code, HF_ENDPOINT=hub.url, HF_HOME=str(tmp_path))
    assert there.stdout.readline() == "waiting\n"
    hub.gate.set()
    here.join(20)
    assert said(there).splitlines()[-1] == "3"
    assert right(results[0])
    assert len(hub.asked) == 2


REFUSALS = {
    "no repository": ({"repo": "timm/other"}, f"{FILE} is not there. Check HF_ENDPOINT."),
    "no file": ({"files": {}}, f"{FILE} is not there. Check HF_ENDPOINT."),
    "no revision at all": ({"gone": {PINNED, "main"}}, f"{FILE} is not there."),
    "a token that does not open it": ({"token": "hf_other"}, "access is refused (status 403). Set HF_TOKEN"),
    "a login wanted": ({"status": 401}, "access is refused (status 401). Set HF_TOKEN"),
    "too many requests": ({"status": 429, "extra": {"Retry-After": "77"}}, "Try again in 77 seconds."),
    "a server error": ({"status": 500}, "the server fails (status 500). Try again in a few minutes."),
    "a server overloaded": ({"status": 503}, "the server fails (status 503). Try again in a few minutes."),
}


@pytest.mark.parametrize("what", REFUSALS)
def test_what_the_hub_refuses_is_said_and_the_next_try_works(hub, cache, what):
    changes, sentence = REFUSALS[what]
    good = {name: getattr(hub, name) for name in changes}
    vars(hub).update(changes)
    assert sentence in failure(cache)
    vars(hub).update(good)
    assert right(weights.vgg19())


def test_offline_nothing_is_requested_and_what_is_here_is_used(hub, cache, monkeypatch):
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert "HF_HUB_OFFLINE is set" in failure(cache)
    assert hub.log == []
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    weights.vgg19()
    asked = len(hub.log)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert weights.cached()
    assert right(weights.vgg19())
    assert len(hub.log) == asked


def test_a_full_disk_is_said_before_anything_is_fetched(hub, cache, monkeypatch):
    with monkeypatch.context() as patch:
        full_disk(patch)
        message = failure(cache)
    assert f"cannot be stored in {cache}: No space left on device. Make room there" in message
    assert hub.sent == 0
    assert right(weights.vgg19())


@pytest.mark.skipif(sys.platform == "win32", reason="no limit on the size of files on Windows")
def test_a_disk_that_fails_while_it_is_written_leaves_nothing(hub, tmp_path):
    code = f"""
import resource
weights.SHAPES = {SMALL}
limits = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
try: weights.vgg19()
except weights.WeightsUnavailable as error: print(weights.cached(), error)
print([path for path in weights._folder().rglob("*") if path.is_file()])
resource.setrlimit(resource.RLIMIT_FSIZE, limits)
print(len(weights.vgg19()))
"""
    lines = said(child(code, HF_ENDPOINT=hub.url, HF_HOME=str(tmp_path))).splitlines()
    assert lines[0].startswith("False VGG-19 has to be downloaded once")
    assert f"cannot be stored in {tmp_path}" in lines[0]
    assert lines[1:] == ["[]", "3"]


def test_a_cache_that_cannot_be_written_is_named_and_nothing_fetched(hub, cache, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "file" / "hub"))
    assert f"cannot be stored in {tmp_path / 'file' / 'hub'}: Not a directory. Make room there" in failure(cache)
    assert hub.sent == 0
