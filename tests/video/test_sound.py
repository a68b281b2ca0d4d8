"""Videos brought together by what they sound like."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

from vimoflow.video.sound import read_onsets, sound_lag

RATE = 22_050


def claps(seconds: float = 12.0) -> np.ndarray:
    rng = np.random.default_rng(0)
    wave = np.zeros(int(RATE * seconds))
    for time in rng.uniform(0, seconds - 0.5, 30):
        start, length = int(time * RATE), RATE // 5
        burst = rng.normal(size=length) * np.exp(-np.arange(length) / RATE / 0.04)
        wave[start : start + length] += 0.3 * burst
    return wave


def record(
    path: Path, wave: np.ndarray, seed: int, codec: str = "aac", noise: float = 0.005
) -> Path:
    """A video with sound, through a room and a microphone of its own."""
    rng = np.random.default_rng(seed)
    room = np.zeros(RATE // 20)
    room[0], room[rng.integers(100, len(room), 5)] = 1.0, 0.3 * rng.normal(size=5)
    heard = np.convolve(wave, room)[: len(wave)] * rng.uniform(0.2, 1.0)
    heard = np.clip(heard + noise * rng.normal(size=len(heard)), -1, 1).astype(np.float32)
    with av.open(str(path), "w") as container:
        video = container.add_stream("libx264", rate=30)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        sound = container.add_stream(codec, rate=RATE)
        for _ in range(int(len(wave) / RATE * 30)):
            picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
            container.mux(video.encode(picture))
        container.mux(video.encode(None))
        for start in range(0, len(heard) - 1024, 1024):
            part = heard[None, start : start + 1024]
            if codec != "aac":
                part = (32767 * part).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(
                part, format="fltp" if codec == "aac" else "s16", layout="mono"
            )
            frame.sample_rate, frame.pts = RATE, start
            container.mux(sound.encode(frame))
        container.mux(sound.encode(None))
    return path


@pytest.mark.parametrize("late", [0.0, 0.517, 2.0])
def test_the_lag_of_another_microphone(tmp_path: Path, late: float) -> None:
    wave = claps()
    first = read_onsets(record(tmp_path / "a.mp4", wave[: 8 * RATE], 1))
    start = int(late * RATE)
    other = read_onsets(record(tmp_path / "b.mkv", wave[start : start + 7 * RATE], 2, "pcm_s16le"))
    assert first is not None and other is not None
    lag = sound_lag(first, other)
    assert lag.seconds == pytest.approx(late, abs=0.005) and lag.certainty > 0.3


def test_without_sound_or_in_silence(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "mute.mp4"), "w") as container:
        video = container.add_stream("libx264", rate=30)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        container.mux(video.encode(picture))
        container.mux(video.encode(None))
    assert read_onsets(tmp_path / "mute.mp4") is None
    path = record(tmp_path / "silent.mkv", np.zeros(RATE), 0, "pcm_s16le", noise=0.0)
    assert read_onsets(path) is None


def test_other_sound_has_nothing_in_common(tmp_path: Path) -> None:
    first = read_onsets(record(tmp_path / "a.mp4", claps()[: 6 * RATE], 1))
    noise = np.random.default_rng(5).normal(0, 0.1, 6 * RATE)
    other = read_onsets(record(tmp_path / "b.mp4", noise, 2))
    assert first is not None and other is not None
    assert sound_lag(first, other).correlation < 0.3
