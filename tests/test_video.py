"""Films: read right or refused with a sentence, painted so that strokes hold still, written with their sound."""

import json
import shutil

import av
import numpy as np
import pytest
from films import RATE, animation, drawn, film, onset, sounds
from PIL import Image

import nst
from nst.video import run, tone
from nst.video.motion import Motion, led
from nst.video.reading import frames, open_film
from nst.video.steady import Steady, with_contrast

SMALL = {"size": 64}


def read(path, size=None) -> list:
    opened = open_film(path)
    return list(frames(opened, size or opened.size))


def painted(source, out, **how) -> nst.FilmStep:
    """The last step of painting a film."""
    *_, last = nst.paint_film(source, out, **SMALL | how)
    return last


def is_upright(frame: np.ndarray) -> bool:
    """Whether the reddish quarter is the upper left one."""
    height, width = frame.shape[:2]
    red = frame[..., 0].astype(float) - frame[..., 2]
    quarters = {
        (top, left): red[top * height // 2 :, left * width // 2 :][: height // 2, : width // 2].mean()
        for top in (0, 1)
        for left in (0, 1)
    }
    return max(quarters, key=quarters.get) == (0, 0)


@pytest.mark.parametrize("name", ["film.mp4", "film.mov", "film.mkv", "film.avi", "film.ts"])
def test_a_film_is_read_frame_by_frame(tmp_path, name):
    source = film(tmp_path / name)
    opened = open_film(source)
    assert (opened.size, opened.sound, round(opened.rate)) == ((96, 64), True, RATE)
    found = read(source)
    assert [round(float(f.time) * RATE, 1) for f in found] == list(range(12))
    for ours, theirs in zip(found, drawn(96, 64, 12), strict=True):
        assert np.abs(ours.pixels.astype(int) - theirs).mean() < 12


@pytest.mark.parametrize(("name", "codec"), [("film.mp4", "libx264"), ("film.avi", "mpeg4"), ("film.ts", "libx264")])
def test_reading_goes_on_from_any_frame(tmp_path, name, codec):
    source = film(tmp_path / name, frames=40, codec=codec)
    every = read(source)
    opened = open_film(source)
    for number in (0, 1, 17, 39):
        found = list(frames(opened, opened.size, after=every[number].time))
        assert [f.time for f in found] == [f.time for f in every[number:]]
        assert (found[0].pixels == every[number].pixels).all()


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_a_film_taken_with_the_phone_turned_is_upright(tmp_path, degrees):
    # Written so that a player has to turn it: the frames are turned the other way first.
    straight = film(tmp_path / "straight.mp4", (96, 64), sound=None)
    assert is_upright(read(straight)[0].pixels)
    turned = film(tmp_path / "turned.mp4", (96, 64), sound=None, turned=degrees)
    found = open_film(turned)
    assert found.size == ((96, 64) if degrees == 180 else (64, 96))
    picture = read(turned)[0].pixels
    assert picture.shape[:2] == found.size[::-1]
    with av.open(str(turned)) as container:
        told = next(container.decode(video=0)).rotation
    assert is_upright(np.rot90(picture, -round(told / 90)))


def test_a_variable_frame_rate_stays_one(tmp_path):
    times = [0, 0.1, 0.15, 0.5, 0.55, 1.2]
    source = film(tmp_path / "film.mkv", times=times)
    last = painted(source, tmp_path / "out.mp4", strength=0.0)
    assert [float(f.time) for f in read(last.path)] == pytest.approx(times, abs=0.002)


def test_an_odd_size_is_painted_even(tmp_path):
    source = film(tmp_path / "film.mkv", (75, 51), codec="ffv1", pixels="bgr0", sound=None)
    last = painted(source, tmp_path / "out.mp4", size=75)
    assert open_film(last.path).size == (76, 52)
    with av.open(str(last.path)) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p"


def test_ten_bits_are_read(tmp_path):
    deep = read(film(tmp_path / "deep.mkv", codec="libx265", pixels="yuv420p10le", sound=None))
    for ours, theirs in zip(deep, drawn(96, 64, 12), strict=True):
        assert np.abs(ours.pixels.astype(int) - theirs).mean() < 12


@pytest.mark.parametrize("transfer", [tone.PQ, tone.HLG])
def test_high_dynamic_range_is_brought_to_srgb(tmp_path, transfer):
    source = film(tmp_path / "hdr.mkv", codec="libx265", pixels="yuv420p10le", transfer=transfer, sound=None)
    found = read(source)[0].pixels
    assert len(np.unique(found)) > 8
    assert 5 < found.mean() < 250


@pytest.mark.parametrize(("transfer", "white"), [(tone.PQ, 0.5807), (tone.HLG, 0.75)])
def test_reference_white_is_nearly_white(transfer, white):
    """The signals of 203 cd/m2, by ITU-R BT.2408; half of that light is about 188 in sRGB."""
    grays = np.array([[[round(65535 * white * share)] * 3 for share in (0.0, 0.5, 1.0, 1.2)]])
    found = tone.to_srgb(grays.astype(np.uint16), transfer)[0]
    assert (found[:, :1] == found).all() or np.ptp(found, axis=-1).max() <= 1
    assert found[0, 0] == 0
    assert 215 < found[2, 0] < 245
    assert found[2, 0] < found[3, 0] <= 255


@pytest.mark.parametrize("name", ["film.gif", "film.webp"])
def test_an_animated_picture_is_a_film(tmp_path, name):
    source = animation(tmp_path / name)
    found = open_film(source)
    assert (found.sound, found.seconds, found.rate) == (False, pytest.approx(0.48), pytest.approx(12.5))
    last = painted(source, tmp_path / "out.mp4", strength=0.0)
    assert [float(f.time) for f in read(last.path)] == pytest.approx([0.08 * n for n in range(6)], abs=0.002)


def test_a_name_with_a_colon_is_no_address(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    film(tmp_path / "noon.mp4", frames=2)
    shutil.move("noon.mp4", "12:30.mp4")
    assert painted("12:30.mp4", "12:31.mp4").path.exists()


def test_a_film_is_not_painted_over_itself(tmp_path):
    source = film(tmp_path / "film.mp4", frames=2)
    before = source.read_bytes()
    with pytest.raises(nst.SettingsError, match="the film itself"):
        painted(source, source)
    assert source.read_bytes() == before


def test_a_folder_that_is_not_ours_stays(tmp_path):
    (tmp_path / "out.mp4.parts").mkdir()
    (tmp_path / "out.mp4.parts" / "letter.txt").write_text("keep")
    with pytest.raises(nst.FilmError, match="in the way"):
        painted(film(tmp_path / "film.mp4", frames=2), tmp_path / "out.mp4")
    assert (tmp_path / "out.mp4.parts" / "letter.txt").read_text() == "keep"


def test_one_frame_is_a_film(tmp_path):
    assert painted(film(tmp_path / "film.mp4", frames=1), tmp_path / "out.mp4").frame == 1
    assert len(read(tmp_path / "out.mp4")) == 1


def test_a_film_that_is_cut_short_is_painted_as_far_as_it_goes(tmp_path):
    whole = film(tmp_path / "film.mkv", frames=60, size=(320, 240))
    (tmp_path / "cut.mkv").write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    last = painted(tmp_path / "cut.mkv", tmp_path / "out.mp4", strength=0.0)
    assert 5 < last.frame < 60
    assert len(read(last.path)) == last.frame


def written(path, data: bytes):
    path.write_bytes(data)
    return path


def of_sound(path):
    with av.open(str(path), "w") as container:
        voice = container.add_stream("aac", rate=48_000)
        part = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.int16), format="s16", layout="mono")
        part.sample_rate = 48_000
        container.mux(voice.encode(part))
        container.mux(voice.encode(None))
    return path


def still(path):
    Image.new("RGB", (32, 32)).save(path)
    return path


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda folder: folder / "nowhere.mp4", "check its path"),
        (lambda folder: written(folder / "empty.mp4", b""), "empty"),
        (lambda folder: written(folder / "text.mp4", b"not a film at all" * 99), "is not a film"),
        (lambda folder: written(folder / "head.mp4", film(folder / "f.mp4").read_bytes()[:900]), "is not a film"),
        (lambda folder: of_sound(folder / "song.m4a"), "sound only"),
        (lambda folder: still(folder / "still.gif"), "does not move"),
        (lambda folder: still(folder / "still.webp"), "does not move"),
    ],
)
def test_what_is_no_film_is_refused_with_a_sentence(tmp_path, make, says):
    with pytest.raises(nst.FilmError, match=says):
        painted(make(tmp_path), tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_bad_settings_are_refused(tmp_path):
    source = film(tmp_path / "film.mp4")
    for how, says in [({"size": 9}, "size"), ({"seconds": 0}, "seconds"), ({"strength": 3}, "strength")]:
        with pytest.raises(nst.SettingsError, match=says):
            painted(source, tmp_path / "out.mp4", **how)
    with pytest.raises(nst.SettingsError, match=r"\.mp4"):
        painted(source, tmp_path / "out.avi")


@pytest.mark.parametrize(
    ("name", "sound"), [("film.mp4", "aac"), ("film.mp4", "libmp3lame"), ("film.mkv", "libopus"), ("film.mkv", "flac")]
)
def test_the_sound_is_the_same_bit_for_bit(tmp_path, name, sound):
    source = film(tmp_path / name, sound=sound, frames=24)
    last = painted(source, tmp_path / "out.mp4", strength=0.0)
    ours, theirs = sounds(last.path), sounds(source)
    assert ours == theirs[: len(ours)]
    assert len(theirs) - len(ours) <= 2  # what sounds after the last frame
    assert not last.notes
    assert abs(open_film(last.path).seconds - open_film(source).seconds) <= 1 / RATE


def test_sound_stays_with_its_picture_where_a_recording_begins_in_the_middle(tmp_path):
    """The first pictures cannot be decoded, as what they are made from is missing."""
    whole = film(tmp_path / "whole.ts", frames=48, size=(160, 120))
    data = whole.read_bytes()
    begun = written(tmp_path / "begun.ts", data[188 * (len(data) // 188 // 8) :])
    last = painted(begun, tmp_path / "out.mp4", strength=0.0)
    assert 0 < onset(begun) < onset(whole) - 0.2
    assert onset(last.path) == pytest.approx(onset(begun), abs=0.03)


def test_sound_that_mp4_cannot_hold_is_encoded_anew_and_said(tmp_path):
    source = film(tmp_path / "film.avi", sound="pcm_s16le", frames=24)
    last = painted(source, tmp_path / "out.mp4", strength=0.0)
    assert "encoded anew" in last.notes[0]
    with av.open(str(last.path)) as container:
        samples = np.concatenate([f.to_ndarray()[0] for f in container.decode(audio=0)])
    assert 1.8 < len(samples) / 48_000 < 2.2
    assert 0.1 < np.abs(samples).max() < 0.5


def test_it_ends_where_it_is_told_to(tmp_path):
    source = film(tmp_path / "film.mp4", frames=36)
    last = painted(source, tmp_path / "out.mp4", seconds=1.0, strength=0.0)
    assert last.frame == RATE
    assert open_film(last.path).seconds == pytest.approx(1.0, abs=0.05)
    assert not (tmp_path / "out.mp4.parts").exists()


def test_every_step_tells_how_far_it_is(tmp_path):
    source = film(tmp_path / "film.mp4", frames=6)
    *steps, last = nst.paint_film(source, tmp_path / "out.mp4", "great-wave", **SMALL)
    assert [(s.frame, s.frames, s.path) for s in steps] == [(n + 1, 6, None) for n in range(6)]
    assert (last.frame, last.path) == (6, tmp_path / "out.mp4")
    assert steps[0].image.size == (64, 42)
    assert np.abs(steps[0].after.astype(int) - steps[0].before).mean() > 10
    with av.open(str(last.path)) as container:
        recipe = json.loads(container.metadata["comment"].removeprefix("nst:"))
    assert (recipe["style"], recipe["film"]) == ("great-wave", "film.mp4")


def test_a_stop_keeps_what_there_is_and_the_same_call_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "PART", 4)
    source, out = film(tmp_path / "film.mp4", frames=14), tmp_path / "out.mp4"
    seen = []
    for step in nst.paint_film(source, out, **SMALL, stopping=lambda: len(seen) >= 6):
        seen.append(step)
    assert (seen[-1].path, seen[-1].frame) == (out, 6)
    assert len(read(out)) == 6
    *steps, last = nst.paint_film(source, out, **SMALL)
    assert [s.frame for s in steps] == list(range(7, 15))
    assert len(read(out)) == last.frame == 14


def test_a_killed_run_goes_on_and_makes_the_same_film(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "PART", 4)
    source = film(tmp_path / "film.mp4", frames=14)
    whole = read(painted(source, tmp_path / "whole.mp4").path)
    for after in (1, 4, 5, 11):
        out = tmp_path / f"killed{after}.mp4"
        steps = nst.paint_film(source, out, **SMALL)
        for _ in range(after):
            next(steps)
        # Like a kill: nothing of the run's own ending takes place, its folder stays as it is at this moment.
        shutil.copytree(f"{out}.parts", tmp_path / "kept")
        steps.close()
        shutil.rmtree(f"{out}.parts", ignore_errors=True)
        shutil.move(tmp_path / "kept", f"{out}.parts")
        assert not out.exists()
        *others, last = nst.paint_film(source, out, **SMALL)
        assert others[0].frame == after // 4 * 4 + 1
        again = read(last.path)
        assert [f.time for f in again] == [f.time for f in whole]
        assert all((a.pixels == b.pixels).all() for a, b in zip(again, whole, strict=True))


def test_other_settings_start_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "PART", 4)
    source, out = film(tmp_path / "film.mp4", frames=9), tmp_path / "out.mp4"
    steps = nst.paint_film(source, out, **SMALL)
    for _ in range(6):
        next(steps)
    steps.close()
    first = next(nst.paint_film(source, out, "great-wave", **SMALL))
    assert first.frame == 1


def test_motion_is_found_where_something_moves_and_trusted_where_it_is_the_same_both_ways():
    rng = np.random.default_rng(0)
    ground = np.kron(rng.integers(0, 255, (16, 24, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    moved = np.roll(ground, 3, axis=1)
    motion, trusted = Motion().between(moved, ground)
    inner = (slice(16, -16), slice(24, -24))
    assert trusted[inner].mean() > 0.8
    assert np.median(motion[inner][..., 0]) == pytest.approx(-3, abs=0.3)
    assert np.abs(led(ground, motion)[inner].astype(int) - moved[inner]).mean() < 12
    assert not Motion().between(ground, rng.integers(0, 255, ground.shape).astype(np.uint8))[1].any()  # a cut


def test_plain_ground_stays_where_it_is_beside_something_that_moves():
    def frame(left: int) -> np.ndarray:
        made = np.full((96, 160, 3), 60, np.uint8)
        made[40:56, left : left + 16] = (250, 180, 40)
        return made

    motion, trusted = Motion().between(frame(66), frame(60))
    ground = np.ones((96, 160), bool)
    ground[28:68, 44:98] = False
    assert not motion[ground].any()
    assert trusted[ground].all()
    assert motion[48, 74, 0] == pytest.approx(-6, abs=1)


def test_plain_ground_goes_with_the_camera():
    rng = np.random.default_rng(3)
    wide = np.full((96, 200, 3), 130, np.uint8)
    wide[48:] = np.kron(rng.integers(0, 255, (12, 50, 3)), np.ones((4, 4, 1)))
    motion, trusted = Motion().between(wide[:, 20:180], wide[:, 24:184])
    assert np.median(motion[4:40, 20:140, 0]) == pytest.approx(-4, abs=0.3)
    assert np.ptp(motion[4:30, 20:140, 0]) < 0.5
    assert trusted[4:30, 20:140].all()


def test_what_holds_still_is_painted_as_before_and_a_cut_is_painted_anew():
    """A painter that paints noise: the second painting of the same frame is nearly the first."""
    rng = np.random.default_rng(1)
    ground = np.kron(rng.integers(0, 255, (12, 16, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    made = []

    def paint(frame):
        made.append((0.5 * frame + rng.integers(0, 127, frame.shape)).astype(np.uint8))
        return made[-1]

    steady = Steady(paint)
    first, second = steady(ground), steady(ground)
    alone = np.abs(made[1].astype(int) - made[0]).mean()
    assert np.abs(second.astype(int) - first).mean() < 0.25 * alone
    other = rng.integers(0, 255, ground.shape).astype(np.uint8)
    assert (steady(other) == made[2]).all()


def test_what_begins_on_black_is_no_ghost_of_it():
    rng = np.random.default_rng(4)
    ground = np.kron(rng.integers(40, 255, (12, 16, 3)), np.ones((8, 8, 1))).astype(np.uint8)
    steady = Steady(lambda frame: frame)
    steady(np.zeros_like(ground))
    assert (steady(ground) == ground).all()
    assert steady(np.zeros_like(ground)).max() == 0


def test_a_blend_gets_its_contrast_back():
    rng = np.random.default_rng(2)
    one, other = (128 + 40 * rng.standard_normal((96, 128, 3)).astype(np.float32) for _ in range(2))
    blend = (one + other) / 2
    assert blend.std() < 30
    assert with_contrast(blend, one).std() == pytest.approx(one.std(), rel=0.05)
