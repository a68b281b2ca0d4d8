"""Music's beats on the clock of the clips."""

from __future__ import annotations

import os
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

from benchmark_examples import swaying
from vimoflow.errors import InputError
from vimoflow.evaluation.benchmark.benchmark_file import NamedCases
from vimoflow.evaluation.benchmark.cases import Case
from vimoflow.evaluation.benchmark.music_beats import read_audio, with_music
from vimoflow.evaluation.benchmark.scores import score


def clicks(path: Path, every_s: float = 0.5, rate: int = 44100) -> Path:
    time = np.arange(8 * rate) / rate
    sound = np.sin(2 * np.pi * 1000 * time) * (time % every_s < 0.02)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.repeat((20000 * sound).astype("<i2"), 2).tobytes())
    return path


def case(name: str, start_s: float = 0.0) -> Case:
    points = np.ones((60, 17, 3), np.float32)
    return Case(name, "a", "", points, swaying(60, 0), points, start_s=start_s)


def test_sound_is_mono_at_the_wanted_rate(tmp_path):
    sound = read_audio(clicks(tmp_path / "a.wav"), 22050)
    assert abs(len(sound) - 8 * 22050) < 100 and 0.4 < np.abs(sound).max() < 0.95


def test_beats_are_those_of_the_clip(tmp_path):
    pytest.importorskip("librosa")
    clicks(tmp_path / "a.wav")
    sets = [NamedCases("t", (case("a"), case("dances/a", 2.25), case("other")))]
    first, later, silent = with_music(sets, tmp_path)[0].cases
    beats = first.music_beats_s
    assert beats is not None and len(beats) > 8
    assert np.abs(beats - np.round(beats / 0.5) * 0.5).max() < 0.06
    np.testing.assert_allclose(later.music_beats_s, beats - 2.25)
    assert silent.music_beats_s is None
    assert 0 <= score(first.truth, first).beat_alignment <= 1
    assert np.isnan(score(silent.truth, silent).beat_alignment)


def test_no_music_and_no_sound_are_one_line(tmp_path):
    with pytest.raises(InputError, match="no music named like"):
        with_music([NamedCases("t", (case("a"),))], tmp_path)
    (tmp_path / "a.mp3").write_text("no sound")
    with pytest.raises(InputError, match="cannot be read as audio"):
        read_audio(tmp_path / "a.mp3")


@pytest.mark.slow
def test_processes_compile_librosa_one_after_the_other(tmp_path):
    """Else they leave a cache that crashes whoever reads it; it must start out empty here."""
    pytest.importorskip("librosa")
    clicks(tmp_path / "a.wav")
    command = [
        sys.executable,
        "-c",
        "import sys; from pathlib import Path; from vimoflow.music.audio_features import *;"
        "print(len(music_features(Path(sys.argv[1]), cache=Path(sys.argv[2]))))",
        str(tmp_path / "a.wav"),
    ]
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path / "numba")}

    def start(cache):
        return subprocess.Popen(
            [*command, str(tmp_path / cache)], env=environment, stdout=subprocess.PIPE
        )

    together = [start("1"), start("2")]
    assert [process.communicate()[0] for process in together] == [b"240\n"] * 2
    assert start("3").communicate()[0] == b"240\n"
