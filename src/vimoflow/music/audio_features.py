"""What the dance model hears: 37 features of the music at motion rate.

The audio is taken at 15,360 Hz, of which 512 samples are one frame at 30 fps, so that no feature
has to be resampled.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import math
import os
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from vimoflow.conventions import MODEL_FPS as FPS
from vimoflow.errors import ConfigError, InputError
from vimoflow.evaluation.benchmark.music_beats import librosa_alone, read_audio
from vimoflow.files import write_bytes

RATE_HZ = 15360
HOP = 512
SHORTEST_S = 1.0
LONGEST_S = 1200.0  # a spectrogram of 20 minutes takes 300 MB; a longer mix is taken in parts
ONSET = 0
MFCC = slice(1, 21)
CHROMA = slice(21, 33)
PEAKS, BEATS = 33, 34
IMPULSES = (PEAKS, BEATS)
PHASE = slice(35, 37)
_LONGEST_BEAT_S = 2.0  # a longer gap is a pause, in which there is no beat to be in
_SILENT = 1e-4  # root mean square; -80 dB


@runtime_checkable
class MusicFeatures(Protocol):
    """What turns sound into features: the slot for learned ones (Jukebox, wav2vec and the like).

    Attributes:
        name: enters the cache's key and the checkpoint, which refuses features of another name.
        channels: how many there are.
    """

    name: str
    channels: int

    def __call__(self, samples: Float[np.ndarray, " samples"]) -> Float[np.ndarray, "frames c"]:
        """Features at 30 fps, one row for every 512 samples of mono sound at 15,360 Hz."""
        ...


class LibrosaFeatures:
    """Onset strength, 20 MFCC, 12 chroma, peaks and beats (the baseline of EDGE, Tseng 2023),
    and the phase of the beat.

    Peaks and beats are 1 at their frame and 0 elsewhere; see :func:`beat_phase`.
    """

    name = "librosa-37"
    channels = 37

    def __call__(self, samples: Float[np.ndarray, " samples"]) -> Float[np.ndarray, "frames 37"]:
        """See :class:`MusicFeatures`."""
        with librosa_alone() as librosa:
            return self._found(librosa, samples)

    def _found(self, librosa: Any, samples: np.ndarray) -> np.ndarray:
        frames = len(samples) // HOP
        onset = librosa.onset.onset_strength(y=samples, sr=RATE_HZ, hop_length=HOP)
        features = np.zeros((frames, self.channels), dtype=np.float32)
        features[:, ONSET] = onset[:frames]
        mfcc = librosa.feature.mfcc(y=samples, sr=RATE_HZ, hop_length=HOP, n_mfcc=20)
        features[:, MFCC] = mfcc.T[:frames]
        chroma = librosa.feature.chroma_cens(y=samples, sr=RATE_HZ, hop_length=HOP, n_chroma=12)
        features[:, CHROMA] = chroma.T[:frames]
        found = {"onset_envelope": onset, "sr": RATE_HZ, "hop_length": HOP}
        peaks = librosa.onset.onset_detect(**found)
        _, beats = librosa.beat.beat_track(**found)
        features[peaks[peaks < frames], PEAKS] = 1
        return with_beats(features, beats[beats < frames] / FPS)


def with_beats(
    features: Float[np.ndarray, "frames 37"], times_s: Float[np.ndarray, " beats"]
) -> Float[np.ndarray, "frames 37"]:
    """The features with other beats, at times inside of them."""
    out = features.copy()
    out[:, BEATS] = 0
    out[np.round(times_s * FPS).astype(int), BEATS] = 1
    out[:, PHASE] = beat_phase(times_s * FPS, len(features))
    return out


def beat_phase(beats: Float[np.ndarray, " beats"], frames: int) -> Float[np.ndarray, "frames 2"]:
    """Cosine and sine of where in its beat each frame is; an impulse says so at one frame only.

    Args:
        beats: their places in frames, rising, which need not be whole nor inside.
        frames: how many; 0 before the first beat, after the last, and in pauses.
    """
    at = np.arange(frames)
    out = np.zeros((frames, 2), dtype=np.float32)
    if len(beats) < 2:
        return out
    after = np.searchsorted(beats, at, side="right").clip(1, len(beats) - 1)
    first, length = beats[after - 1], np.maximum(np.diff(beats)[after - 1], 1e-6)
    share = (at - first) / length
    inside = (share >= 0) & (share <= 1) & (length <= _LONGEST_BEAT_S * FPS)
    out[inside] = np.stack((np.cos(2 * np.pi * share), np.sin(2 * np.pi * share)), 1)[inside]
    return out


def music_features(
    path: Path,
    start_s: float = 0.0,
    seconds: float | None = None,
    extractor: MusicFeatures | None = None,
    cache: Path | None = None,
) -> Float[np.ndarray, "frames c"]:
    """Features at 30 fps of an audio file or of a video's sound track.

    They are kept in the user's cache folder under a hash of the file's content.

    Args:
        path: any file that FFmpeg decodes.
        start_s, seconds: the part of it that is wanted; up to its end by default.
        extractor: which features; :class:`LibrosaFeatures` by default.
        cache: another folder to keep them in.

    Raises:
        InputError: the file cannot be read, has no sound, is silent, or the part is shorter than a
            second or longer than 20 minutes.
        ConfigError: librosa is missing, or the part makes no sense.
    """
    extractor = extractor or LibrosaFeatures()
    if not (0 <= start_s < math.inf) or (seconds is not None and not 0 < seconds < math.inf):
        raise ConfigError("where to start is 0 s or later, and how long is more than 0 s")
    kept = (cache or cache_folder()) / f"{_key(path, start_s, seconds, extractor.name)}.npy"
    with contextlib.suppress(OSError, ValueError, EOFError):
        features = np.load(kept, allow_pickle=False)
        if features.ndim == 2 and features.shape[1] == extractor.channels:
            return features
    samples = read_audio(path, RATE_HZ, start_s, seconds, LONGEST_S)
    features = extractor(require_music(samples, path))
    content = io.BytesIO()
    np.save(content, features)
    with contextlib.suppress(OSError):  # a cache that cannot be written is no reason to fail
        kept.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(kept, content.getvalue())
    return features


def require_music(
    samples: Float[np.ndarray, " samples"], path: Path
) -> Float[np.ndarray, " samples"]:
    """The samples, if there is enough to dance to.

    Raises:
        InputError: shorter than a second, silent, or not finite.
    """
    seconds = len(samples) / RATE_HZ
    if seconds < SHORTEST_S:
        raise InputError(f"{path}: {seconds:.1f} s of music are too short; give a second or more")
    if not np.isfinite(samples).all():
        raise InputError(f"{path}: the sound holds NaN or infinite values")
    if float(np.sqrt(np.mean(np.square(samples, dtype=np.float64)))) < _SILENT:
        raise InputError(f"{path}: is silent, so there is nothing to dance to")
    return samples


def beats_s(features: Float[np.ndarray, "frames c"]) -> Float[np.ndarray, " beats"]:
    """Times of the beats, seconds."""
    return np.flatnonzero(features[:, BEATS] > 0.5) / FPS


def cache_folder() -> Path:
    """Where features are kept: ``$XDG_CACHE_HOME`` or ``~/.cache``, ``vimoflow/music``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "vimoflow" / "music"


def _key(path: Path, start_s: float, seconds: float | None, name: str) -> str:
    digest = hashlib.sha256(f"{name} {start_s!r} {seconds!r} ".encode())
    try:
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    return digest.hexdigest()[:32]
