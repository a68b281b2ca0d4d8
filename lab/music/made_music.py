"""Music made for motions: drums, clicks and chords at a motion's own beats.

What a corpus of motion without music can teach a dance model is that beats and movements belong
together. The beats are the moments at which the body halts; long ways between two are divided, as
music goes on where a dancer glides. Then they are played.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from vimoflow.files import replacing, write_text
from vimoflow.music.audio_features import FPS, RATE_HZ
from vimoflow.music.pairs import BEATS_ENDING, Dance

LEAST_HALTS_PER_S = 0.6  # a motion that halts more rarely keeps no beat
_LEAST_HALTS = 4
_SHALLOW = 0.1  # halts that are less deep, see ``beat_warping.Halts``, are none
_CLOSEST_S = 0.26  # 230 beats a minute
_WIDEST_S = 0.95


@dataclass(frozen=True)
class MotionBeats:
    """Beats of a motion.

    Attributes:
        times_s: when.
        strength: 0 to 1, how clearly the body halts.
    """

    times_s: Float[np.ndarray, " beats"]
    strength: Float[np.ndarray, " beats"]


def beats_of(dance: Dance) -> MotionBeats | None:
    """Beats that a motion keeps; None where it keeps none."""
    if len(dance) < FPS:
        return None
    deep = dance.halts.depth >= _SHALLOW
    times, depth = dance.halts.times_s[deep], dance.halts.depth[deep]
    kept: list[int] = []
    for i in np.argsort(-depth):
        if all(abs(times[i] - times[k]) >= _CLOSEST_S for k in kept):
            kept.append(int(i))
    kept.sort()
    if len(kept) < max(_LEAST_HALTS, LEAST_HALTS_PER_S * len(dance) / FPS):
        return None
    halts = np.concatenate(([0.0], times[kept], [len(dance) / FPS]))
    parts = [
        np.linspace(a, b, max(1, math.ceil((b - a) / _WIDEST_S)), endpoint=False)
        for a, b in itertools.pairwise(halts)
    ]
    beats = np.concatenate(parts)[1:]
    found = np.isin(beats, times[kept])
    strength = np.zeros(len(beats))
    strength[found] = depth[kept]
    return MotionBeats(beats, strength)


def played(beats: MotionBeats, seconds: float, seed: int) -> Float[np.ndarray, " samples"]:
    """Music at these beats; tempo feel, instruments, key and noise are drawn from the seed.

    Args:
        beats: of a motion.
        seconds: how long it lasts.
        seed: of all that is random.
    """
    rng = np.random.default_rng(seed)
    sound = np.zeros(int(seconds * RATE_HZ) + RATE_HZ)
    metre = int(rng.choice([2, 3, 4]))
    division = int(rng.choice([1, 2, 2, 3]))
    loud = 10 ** (rng.uniform(-12, 0, 5) / 20)
    drum, snare, click, hat = _drum(rng), _burst(rng, 0.12), _click(rng), _burst(rng, 0.03)
    soft = 0.25 * loud[3]
    for number, (time, strength) in enumerate(zip(beats.times_s, beats.strength, strict=True)):
        accent = 0.5 + 0.5 * strength
        down = number % metre == 0
        _add(sound, drum if down or metre == 3 else snare, time, accent * loud[0])
        _add(sound, click, time, accent * loud[1] * (0.7 + 0.3 * down))
        after = beats.times_s[number + 1 : number + 2]
        length = float(after[0] - time) if len(after) else 0.5
        for part in range(1, division):
            _add(sound, hat, time + length * part / division, soft)
    _add_chords(sound, beats.times_s[::metre], seconds, loud[2], rng)
    sound = sound[: int(seconds * RATE_HZ)]
    sound += (
        np.sqrt(np.mean(sound**2))
        * 10 ** (rng.uniform(-50, -15) / 20)
        * rng.normal(size=len(sound))
    )
    return (0.8 * sound / max(np.abs(sound).max(), 1e-9)).astype(np.float32)


def make_music(
    dances: Sequence[Dance], output: Path, say: Callable[[int, int], None] | None = None
) -> int:
    """Made music for each motion that keeps a beat, named like it, its beats beside it.

    Returns how many.

    Args:
        dances: motions.
        output: folder of the files.
        say: told the motions done and to do.
    """
    import soundfile  # type: ignore[import-untyped]

    output.mkdir(parents=True, exist_ok=True)
    made = 0
    for number, dance in enumerate(dances):
        if beats := beats_of(dance):
            path = output / f"{Path(dance.name).name}.flac"
            sound = played(beats, len(dance) / FPS + 0.1, number)
            with replacing(path) as partial:
                soundfile.write(partial, sound, RATE_HZ, format="FLAC")
            lines = [f"{time:.3f}\n" for time in beats.times_s]
            write_text(path.with_suffix(BEATS_ENDING), "".join(lines))
            made += 1
        if say is not None:
            say(number + 1, len(dances))
    return made


def _add(sound: np.ndarray, what: np.ndarray, at_s: float, loudness: float) -> None:
    first = round(at_s * RATE_HZ)
    part = sound[first : first + len(what)]
    part += loudness * what[: len(part)]


def _times(seconds: float) -> np.ndarray:
    return np.arange(int(seconds * RATE_HZ)) / RATE_HZ


def _drum(rng: np.random.Generator) -> np.ndarray:
    """A falling tone."""
    t, low = _times(0.25), rng.uniform(45, 90)
    return np.sin(2 * np.pi * (low * t + 4 * (1 - np.exp(-t / 0.02)))) * np.exp(-t / 0.08)


def _burst(rng: np.random.Generator, seconds: float) -> np.ndarray:
    """Noise that dies away."""
    t = _times(seconds)
    return rng.normal(size=len(t)) * np.exp(-t / (seconds / 4)) * 0.5


def _click(rng: np.random.Generator) -> np.ndarray:
    t = _times(0.05)
    return np.sin(2 * np.pi * rng.uniform(600, 2500) * t) * np.exp(-t / 0.01)


def _add_chords(
    sound: np.ndarray, bars_s: np.ndarray, seconds: float, loudness: float, rng: np.random.Generator
) -> None:
    """A triad a bar with overtones, of one key."""
    key, overtones = rng.uniform(110, 220), rng.uniform(0.1, 0.7)
    ends = np.append(bars_s[1:], seconds)
    for start, end in zip(bars_s, ends, strict=True):
        t = _times(max(float(end - start), 0.05))
        root = rng.choice([0, 5, 7, 9])
        chord = np.zeros(len(t))
        for step in (0, 3 if root == 9 else 4, 7):
            tone = key * 2 ** ((root + step) / 12)
            chord += sum(overtones**k * np.sin(2 * np.pi * tone * (k + 1) * t) for k in range(4))
        swell = np.minimum(t / 0.02, 1) * np.exp(-t / rng.uniform(0.4, 3))
        _add(sound, chord * swell, float(start), 0.15 * loudness)
