"""What a video sounds like, as far as it tells when: how suddenly each band of pitch gets louder.

Two microphones in one room hear the same claps, steps and notes, at other loudness and with other
echoes; the beginnings stay (Bello et al. 2005, "A Tutorial on Onset Detection in Music Signals",
spectral difference).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from vimoflow.geometry.correlation import Lag, best_lag
from vimoflow.video.footage import Footage
from vimoflow.video.images import images_of
from vimoflow.video.opening import open_container

if TYPE_CHECKING:
    import av

_RATE = 16_000  # Hz, of the samples
_HOP = 80  # samples between spectra: 5 ms
_WINDOW = 512
ONSET_RATE = _RATE / _HOP  # Hz
_BANDS = 12
_LOWEST_HZ, _HIGHEST_HZ = 100.0, 7500.0
_FLOOR = 1e-5  # of a full-scale sine's amplitude; quieter is silence
_LOUD = 4.0  # typical changes; louder onsets count as this


@dataclass(frozen=True)
class Onsets:
    """How much louder each band of pitch gets, 200 times a second.

    Attributes:
        strength: mean zero, typical size one in each band; nothing but zeros where it is silent.
        start_s: time of the first row on the clock of the video's first frame, seconds.
    """

    strength: Float[np.ndarray, "frames bands"]
    start_s: float


def read_onsets(video: str | Path | Footage) -> Onsets | None:
    """The onsets in a file's sound; None where it has none, or only silence.

    The sound is decoded in parts: an hour of it takes as much memory as its onsets (35 MB).

    Raises:
        InputError: the file is missing or no video.
    """
    from av import AudioStream

    path = Footage.of(video).path
    if images_of(path) is not None:
        return None
    container, picture = open_container(path)
    with container:
        sound = container.streams.best("audio")
        if not isinstance(sound, AudioStream):
            return None
        origin = float((picture.start_time or 0) * (picture.time_base or 0))
        parts, start = [], None
        for first, samples in _samples(container, sound):
            start = first if start is None else start
            parts.append(_loudness(samples))
    if start is None:
        return None
    loudness = np.concatenate(parts)
    if len(loudness) < 2:
        return None
    rise = np.maximum(np.diff(loudness, axis=0), 0.0)
    typical = np.sqrt((rise**2).mean(0))
    if not (typical > 0).any():
        return None
    strength = np.minimum(rise / np.maximum(typical, 1e-6), _LOUD)
    # A rise between two spectra is placed half-way between their middles.
    middle = start + (_WINDOW / 2 + _HOP / 2) / _RATE
    return Onsets((strength - strength.mean(0)).astype(np.float32), middle - origin)


def sound_lag(first: Onsets, other: Onsets) -> Lag:
    """When a video starts on another one's clock, by the sound that both recorded."""
    lag = best_lag(first.strength, other.strength, ONSET_RATE)
    seconds = lag.seconds + first.start_s - other.start_s
    return Lag(seconds, lag.correlation, lag.certainty)


def _samples(
    container: av.container.InputContainer, stream: av.AudioStream
) -> Iterator[tuple[float, np.ndarray]]:
    """Mono samples in parts that share what a window needs; times of their first one, seconds.

    Holes in the sound are filled with silence, so that its clock stays right.
    """
    from av import AudioResampler

    resampler = AudioResampler(format="flt", layout="mono", rate=_RATE)
    held, start, heard = np.zeros(0, np.float32), None, 0
    for frame in _decoded(container, stream):
        time = frame.time
        for piece in resampler.resample(frame):
            samples = piece.to_ndarray().reshape(-1)
            if start is None:
                start = time or 0.0
            elif time is not None:
                hole = round((time - start) * _RATE) - heard
                if _WINDOW < hole < 3600 * _RATE:
                    samples = np.concatenate([np.zeros(hole, np.float32), samples])
            heard += len(samples)
            held = np.concatenate([held, samples])
        if start is not None and len(held) >= 60 * _RATE:
            rows = (len(held) - _WINDOW) // _HOP
            yield start, held[: (rows - 1) * _HOP + _WINDOW]
            held = held[rows * _HOP :]
    if start is not None and len(held) >= _WINDOW:
        yield start, held


def _decoded(
    container: av.container.InputContainer, stream: av.AudioStream
) -> Iterator[av.AudioFrame]:
    """What can be decoded of the sound; where it is damaged it ends."""
    import av

    try:
        for packet in container.demux(stream):
            try:
                frames = packet.decode()
            except av.FFmpegError:
                continue
            for frame in frames:
                if isinstance(frame, av.AudioFrame):
                    yield frame
    except av.FFmpegError:
        return


def _loudness(samples: np.ndarray) -> Float[np.ndarray, "frames bands"]:
    """Logarithm of each band's amplitude, one row a hop."""
    windows = np.lib.stride_tricks.sliding_window_view(samples, _WINDOW)[::_HOP]
    edges = np.geomspace(_LOWEST_HZ, _HIGHEST_HZ, _BANDS + 1) * _WINDOW / _RATE
    rows = []
    for part in np.array_split(windows, max(1, len(windows) // 4096)):
        power = np.abs(np.fft.rfft(part * np.hanning(_WINDOW), axis=1)) ** 2
        total = np.concatenate([np.zeros((len(power), 1)), power.cumsum(1)], axis=1)
        low, high = np.floor(edges[:-1]).astype(int), np.ceil(edges[1:]).astype(int)
        amplitude = np.sqrt(total[:, high] - total[:, low]) / _WINDOW
        rows.append(np.log(np.maximum(amplitude, _FLOOR)))
    return np.concatenate(rows)
