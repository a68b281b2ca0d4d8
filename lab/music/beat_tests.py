"""How well generated dances follow their music."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from torch import Tensor

from vimoflow.errors import InputError
from vimoflow.evaluation.metrics.intervals import Estimate, bootstrap_mean
from vimoflow.evaluation.metrics.rhythm import beat_alignment, motion_beats
from vimoflow.geometry.rotations import matrix_to_axis_angle, sixd_to_matrix
from vimoflow.motion.clip import Motion
from vimoflow.music.audio_features import FPS, ONSET, beats_s
from vimoflow.music.dance_options import DanceOptions
from vimoflow.music.music_model import MusicModel
from vimoflow.music.pairs import Dance
from vimoflow.music.sampling import dance_features, finished_dance


@dataclass(frozen=True)
class BeatTest:
    """Beat alignment against the same motions at random time offsets.

    Attributes:
        alignment: mean over songs, with a bootstrap interval over songs.
        chance: mean over songs and offsets.
        p_value: share of draws of one offset a song whose mean is as high (permutation test).
        songs, draws: how many.
    """

    alignment: Estimate
    chance: float
    p_value: float
    songs: int
    draws: int


@dataclass(frozen=True)
class HeardMotion:
    """Times of a song's beats and of the motion's, seconds, over so many seconds."""

    music_beats_s: Float[np.ndarray, " music"]
    motion_beats_s: Float[np.ndarray, " motion"]
    seconds: float


def beat_test(heard: Sequence[HeardMotion], draws: int = 2000, seed: int = 0) -> BeatTest:
    """Whether motions are on the beat more than chance has it.

    A motion's own rhythm counts in its favour at any offset, so what it is compared with is itself,
    moved along the song (and around its end) by a random time.

    Raises:
        InputError: no song has beats.
    """
    songs = [h for h in heard if len(h.music_beats_s)]
    if not songs:
        raise InputError("no song with beats; nothing can be tested")
    rng = np.random.default_rng(seed)
    values = np.array([beat_alignment(h.music_beats_s, h.motion_beats_s) for h in songs])
    moved = np.zeros((draws, len(songs)))
    for column, h in enumerate(songs):
        table = np.array([_moved(h, at) for at in np.linspace(0, h.seconds, 200, endpoint=False)])
        moved[:, column] = table[rng.integers(0, len(table), draws)]
    above = int((moved.mean(1) >= values.mean() - 1e-12).sum())
    return BeatTest(
        bootstrap_mean(values), float(moved.mean()), (1 + above) / (1 + draws), len(songs), draws
    )


def _moved(heard: HeardMotion, by_s: float) -> float:
    return beat_alignment(heard.music_beats_s, (heard.motion_beats_s + by_s) % heard.seconds)


def heard_motion(dance: Dance, motion: Motion | None = None) -> HeardMotion:
    """A dance's own motion, or another to its music, beside its beats.

    Raises:
        InputError: the dance has no music.
    """
    if dance.music is None:
        raise InputError(f"{dance.name}: has no music")
    joints = (motion or motion_of(dance)).joint_positions
    seconds = min(len(joints), len(dance)) / FPS
    times = beats_s(dance.music.numpy())
    return HeardMotion(times[times < seconds], motion_beats(joints, FPS), seconds)


def motion_of(dance: Dance) -> Motion:
    """A dance's own motion."""
    poses = matrix_to_axis_angle(sixd_to_matrix(dance.sixd)).numpy()
    return Motion(poses, dance.root.numpy(), FPS, dance.contacts.numpy())


def drawn_to(
    model: MusicModel,
    dances: Sequence[Dance],
    options: DanceOptions | None = None,
    seconds: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Float[Tensor, "_ 151"]]:
    """Features drawn to the music of each, at most so many seconds from its beginning."""
    drawn = []
    frames = None if seconds is None else round(seconds * FPS)
    for number, dance in enumerate(dances):
        if dance.music is None:
            raise InputError(f"{dance.name}: has no music")
        drawn.append(dance_features(model, dance.music[:frames], options)[0])
        if progress is not None:
            progress(number + 1, len(dances))
    return drawn


def finished_dances(
    drawn: Sequence[Float[Tensor, "_ 151"]],
    dances: Sequence[Dance],
    sampling: DanceOptions,
) -> list[Motion]:
    """Motions of what was drawn to these dances' music, on its beats or as drawn."""
    return [
        finished_dance(
            features, dance.music_beats / FPS if sampling.on_beat else None, sampling.by_feet
        )
        for features, dance in zip(drawn, dances, strict=True)
    ]


def beat_tests(
    drawn: Sequence[Float[Tensor, "_ 151"]], dances: Sequence[Dance]
) -> tuple[BeatTest, BeatTest]:
    """Of the same draws: as drawn, and put on the beat."""
    as_drawn, on_beat = (
        beat_test([heard_motion(d, m) for d, m in zip(dances, made, strict=True)])
        for made in (
            finished_dances(drawn, dances, DanceOptions(on_beat=warp)) for warp in (False, True)
        )
    )
    return as_drawn, on_beat


def song_groups(dances: Sequence[Dance]) -> list[int]:
    """A number for each dance; dances to the same recording of a song share it.

    Takes of one song must stay on one side of a fold, or the model has heard what it is tested on.
    """
    onsets = []
    for dance in dances:
        if dance.music is None:
            raise InputError(f"{dance.name}: has no music")
        onsets.append(dance.music[:, ONSET].numpy())
    return same_music(onsets)


def same_music(
    onsets: Sequence[Float[np.ndarray, " _"]], threshold: float = 0.6, least: int = 300
) -> list[int]:
    """Numbers of songs: onset strengths that correlate at some shift are of one recording.

    Args:
        onsets: onset strength of each, at one rate.
        threshold: correlation over the overlap from which on it is the same music.
        least: frames of overlap at least.
    """
    group = list(range(len(onsets)))
    centred = [x - x.mean() for x in onsets]
    for i, a in enumerate(centred):
        for j, b in enumerate(centred[:i]):
            size = 1 << (len(a) + len(b) - 1).bit_length()
            product = np.fft.irfft(np.fft.rfft(a, size) * np.conj(np.fft.rfft(b, size)), size)
            lag = int(product.argmax())
            lag = lag if lag < size // 2 else lag - size
            x, y = a[max(0, lag) :], b[max(0, -lag) :]
            shared = min(len(x), len(y))
            if shared >= least and np.corrcoef(x[:shared], y[:shared])[0, 1] > threshold:
                group = [group[j] if g == group[i] else g for g in group]
    return group


def beat_line(name: str, test: BeatTest) -> str:
    """A beat test in one line."""
    a = test.alignment
    return (
        f"{name}: beat alignment {a.value:.3f} ({a.low:.3f} to {a.high:.3f}) over {test.songs} "
        f"songs; the same motions at random offsets {test.chance:.3f}; p = {test.p_value:.4f}"
    )
