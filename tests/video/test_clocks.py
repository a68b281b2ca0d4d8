"""Times of frames in a zoo of containers, codecs and rates: those of the making, and ffprobe's."""

from __future__ import annotations

import json
import shutil
import subprocess
from itertools import chain
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from clock_examples import B_FRAMES, CLOCKS, Clock, write_clock
from vimoflow.errors import InputError
from vimoflow.video import Footage, frames, open_video
from vimoflow.video.timing import ShownStamps

TOLERANCE_S = 0.0005 + 1e-6
RAW = ("raw-25.h264", "raw-30.h264", "raw-60-b.h264", "raw-film-b.h264", "raw-30.hevc")


def made(clock: Clock, folder: Path) -> Path:
    if clock.codec not in av.codecs_available:
        pytest.skip(f"this build of PyAV has no {clock.codec}")
    return write_clock(clock, folder)


@pytest.mark.parametrize("clock", CLOCKS, ids=lambda clock: clock.name)
def test_times_are_those_of_the_making(tmp_path: Path, clock: Clock) -> None:
    path = made(clock, tmp_path)
    stream = frames(path)
    times = np.array([frame.time for frame in stream])
    assert times.shape == clock.times.shape
    np.testing.assert_allclose(times, clock.times, rtol=0, atol=TOLERANCE_S)
    assert stream.warnings == ()
    _agrees_with_ffprobe(path, times)


def _agrees_with_ffprobe(path: Path, times: np.ndarray) -> None:
    """Where ffprobe is there, and as far as it knows times."""
    if shutil.which("ffprobe") is None or path.name in RAW or path.name == "negative.mkv":
        return
    command = (
        "ffprobe -v quiet -select_streams v:0 -show_frames -of json "
        "-show_entries frame=best_effort_timestamp_time"
    )
    printed = subprocess.run([*command.split(), str(path)], capture_output=True, check=True).stdout
    stamps = [frame.get("best_effort_timestamp_time") for frame in json.loads(printed)["frames"]]
    known = [(time, float(stamp)) for time, stamp in zip(times, stamps, strict=True) if stamp]
    ours, theirs = np.array(known).T
    np.testing.assert_allclose(ours, theirs - theirs[0], rtol=0, atol=TOLERANCE_S)


@pytest.mark.parametrize("name", ["b-frames.avi", "uneven-b.mp4", "raw-60-b.h264", "hevc.mkv"])
def test_pictures_come_in_the_order_of_their_times(tmp_path: Path, name: str) -> None:
    clock = next(clock for clock in CLOCKS if clock.name == name)
    shades = [float(frame.rgb.mean()) for frame in frames(made(clock, tmp_path))]
    assert (np.diff(shades) > 3).all()


@pytest.mark.parametrize("name", ["long.avi", "long.mp4", "long.mkv", "long.ts", "long.h264"])
def test_a_part_has_the_times_of_the_whole(tmp_path: Path, name: str) -> None:
    path = write_clock(Clock(name, stamps=range(120), options=B_FRAMES), tmp_path)
    whole = [frame for frame in frames(path) if frame.time >= 2.6 - 1e-6]
    part = list(frames(path, 2.6, None))
    assert len(part) == len(whole)
    for got, wanted in zip(part, whole, strict=True):
        assert got.time == pytest.approx(wanted.time - whole[0].time, abs=1e-6)
        assert np.array_equal(got.rgb, wanted.rgb)


def test_a_stated_rate_is_for_files_without_times(tmp_path: Path) -> None:
    raw = write_clock(Clock("a.h264", stamps=range(4)), tmp_path)
    assert open_video(Footage(raw, fps=50.0)).fps == 50.0
    times = [frame.time for frame in frames(Footage(raw, fps=50.0))]
    np.testing.assert_allclose(times, np.arange(4) / 50)
    film = write_clock(Clock("a.mp4", stamps=range(4)), tmp_path)
    assert open_video(Footage(film, fps=30.0)).fps == 30.0
    with pytest.raises(InputError, match=r"a\.mp4: states its own times \(30 Hz.*--fps"):
        frames(Footage(film, fps=60.0))


@given(st.permutations(range(8)), st.integers(1, 5), st.integers(-50, 50))
def test_stamps_of_decoding_are_put_in_the_order_shown(
    order: list[int], delay: int, lead: int
) -> None:
    """Packets bear 0, 1, 2...; whatever the decoder makes of it, frames get them in this order."""
    order = [0, *(place + 1 for place in order)]  # a key frame leads
    stamps, fed, got = ShownStamps(reorders=True), 0, []
    for shown, packet in enumerate(order):
        while fed < min(len(order), max(packet + 1, shown + delay)):
            stamps.packet(fed, fed - lead)
            fed += 1
        got.append(stamps.frame(packet))
    assert got == list(range(len(order)))


@given(st.lists(st.integers(1, 30), min_size=1, max_size=20), st.integers(1, 5))
def test_stamps_of_presentation_are_kept(steps: list[int], delay: int) -> None:
    """Frames in the order of their packets, and B-frames between: both bear what they should."""
    shown = np.cumsum(steps).tolist()
    decoded = [shown[i : i + 3][::-1] for i in range(0, len(shown), 3)]
    for reorders, packets in ((False, shown), (True, list(chain(*decoded)))):
        stamps, fed, got = ShownStamps(reorders), 0, []
        for place, stamp in enumerate(shown):
            while fed < min(len(packets), max(packets.index(stamp) + 1, place + delay)):
                dts = shown[fed] - 40 if reorders else packets[fed]
                stamps.packet(packets[fed], dts)
                fed += 1
            got.append(stamps.frame(stamp))
        if not reorders or len({p - d for p, d in zip(packets, shown, strict=True)}) > 1:
            assert got == shown
