"""The music of recordings: when its beats fall, for beat alignment."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from vimoflow.errors import ConfigError, InputError
from vimoflow.evaluation.benchmark.benchmark_file import NamedCases
from vimoflow.installation import install_command

ENDINGS = (".wav", ".flac", ".mp3", ".m4a", ".ogg")
_RATE = 22050  # of librosa's own defaults
_LONGEST_S = 3600.0


def with_music(sets: Sequence[NamedCases], folder: Path) -> list[NamedCases]:
    """The cases with their music's beats, where the folder has a file named like the recording.

    The music begins with the recording; clips cut from its middle have it from there on.

    Raises:
        InputError: no recording has music, or a file cannot be read.
        ConfigError: librosa is missing.
    """
    beats: dict[str, np.ndarray | None] = {}
    for case in (case for named in sets for case in named.cases):
        if case.name not in beats:
            path = music_of(folder, case.name)
            beats[case.name] = None if path is None else find_beats(path)
    if all(found is None for found in beats.values()):
        raise InputError(f"{folder}: holds no music named like a recording, as {next(iter(beats))}")
    found = []
    for named in sets:
        cases = []
        for case in named.cases:
            times = beats[case.name]
            heard = None if times is None else times - case.start_s
            cases.append(dataclasses.replace(case, music_beats_s=heard))
        found.append(dataclasses.replace(named, cases=tuple(cases)))
    return found


def find_beats(path: Path) -> Float[np.ndarray, " beats"]:
    """Times of the beats in seconds, by librosa's tracker (Ellis 2007), as for published numbers.

    Raises:
        InputError: no audio that can be read.
        ConfigError: librosa is missing.
    """
    sound = read_audio(path)
    with librosa_alone() as librosa:
        _, beats = librosa.beat.beat_track(y=sound, sr=_RATE, units="time")
    return np.asarray(beats, dtype=np.float64)


@contextlib.contextmanager
def librosa_alone() -> Iterator[Any]:
    """librosa, for one process at a time.

    Two that compile its functions at once leave a mixed cache behind, and from then on every
    process that reads it crashes (numba issue 10128).

    Raises:
        ConfigError: librosa is missing.
    """
    user = Path.home().name
    lock = Path(tempfile.gettempdir()) / f"vimoflow-librosa-{user}.lock"
    try:
        from filelock import FileLock

        with FileLock(lock):
            import librosa

            yield librosa
    except ImportError as error:
        raise ConfigError(
            f"music needs librosa ({error}); run: {install_command('music')}"
        ) from error


def read_audio(
    path: Path,
    rate: int = _RATE,
    start_s: float = 0.0,
    seconds: float | None = None,
    longest_s: float = _LONGEST_S,
) -> Float[np.ndarray, " samples"]:
    """The first audio stream, of a video too, as mono, about -1 to 1.

    Only the wanted part is kept in memory.

    Args:
        path: any file that FFmpeg decodes.
        rate: samples a second of the result.
        start_s, seconds: the part that is wanted; up to the end by default.
        longest_s: the longest part that is allowed.

    Raises:
        InputError: missing, damaged, without sound, or longer than allowed.
    """
    import av

    first = round(start_s * rate)
    end = math.inf if seconds is None else first + round(seconds * rate)
    parts: list[np.ndarray] = []
    at = 0
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise InputError(f"{path}: has no sound")
            resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
            for frame in itertools.chain(container.decode(audio=0), [None]):
                for piece in resampler.resample(frame):
                    samples = piece.to_ndarray()[0]
                    parts.append(samples[max(0, first - at) : max(0, int(min(end - at, 1 << 40)))])
                    at += len(samples)
                if min(at, end) - first > longest_s * rate:
                    raise InputError(
                        f"{path}: lasts longer than {longest_s / 60:g} minutes; take a part of it"
                    )
                if at >= end:
                    break
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as audio ({error})") from error
    found = np.concatenate(parts) if parts else np.zeros(0, np.float32)
    if not len(found):
        raise InputError(f"{path}: has no sound" + (f" after {start_s:g} s" if start_s else ""))
    return found


def music_of(folder: Path, name: str) -> Path | None:
    """The audio file named like a recording, if there is one; folders in its name do not count."""
    for ending in ENDINGS:
        path = folder / f"{Path(name).name}{ending}"
        if path.is_file():
            return path
    return None
