"""The music of recordings: when its beats fall, for beat alignment."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float

from vimoflow.errors import ConfigError, InputError
from vimoflow.evaluation.manifest import NamedCases

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


def find_beats(path: Path) -> Float[np.ndarray, "beats"]:
    """Times of the beats in seconds, by librosa's tracker (Ellis 2007), as published figures are.

    Raises:
        InputError: no audio that can be read.
        ConfigError: librosa is missing.
    """
    try:
        import librosa
    except ImportError as error:
        raise ConfigError(
            f"beat alignment needs librosa ({error}); run: pip install librosa"
        ) from error
    _, beats = librosa.beat.beat_track(y=read_audio(path), sr=_RATE, units="time")
    return np.asarray(beats, dtype=np.float64)


def read_audio(path: Path, rate: int = _RATE) -> Float[np.ndarray, "samples"]:
    """The first audio stream as mono, about -1 to 1.

    Raises:
        InputError: missing, damaged, without sound, or longer than an hour.
    """
    import av

    parts: list[np.ndarray] = []
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise InputError(f"{path}: has no sound")
            resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
            samples = 0
            for frame in container.decode(audio=0):
                parts += [part.to_ndarray()[0] for part in resampler.resample(frame)]
                samples += len(parts[-1]) if parts else 0
                if samples > _LONGEST_S * rate:
                    raise InputError(f"{path}: lasts longer than an hour")
    except (av.FFmpegError, OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read as audio ({error})") from error
    if not parts:
        raise InputError(f"{path}: has no sound")
    return np.concatenate(parts)


def music_of(folder: Path, name: str) -> Path | None:
    """The audio file named like a recording, if there is one; folders in its name do not count."""
    for ending in ENDINGS:
        path = folder / f"{Path(name).name}{ending}"
        if path.is_file():
            return path
    return None
