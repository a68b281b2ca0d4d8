"""How well generated dances follow their music, and how much of a style an adapter brings."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vimoflow.errors import InputError
from vimoflow.evaluation.distribution import diversity, frechet_distance
from vimoflow.evaluation.intervals import Estimate, bootstrap_mean
from vimoflow.evaluation.music import same_music
from vimoflow.evaluation.rhythm import beat_alignment, motion_beats
from vimoflow.geometry.rotations import matrix_to_axis_angle, sixd_to_matrix
from vimoflow.motion.clip import Motion
from vimoflow.music.denoiser import MusicModel
from vimoflow.music.features import FPS, ONSET, beats_s
from vimoflow.music.generation import slide_of
from vimoflow.music.pairs import Dance
from vimoflow.music.sampling import DanceOptions, dance_features
from vimoflow.sampling.finishing import finished_motion

WINDOW_S = 5.0  # clips that motion features are taken of
_LEAST_WINDOWS = 3  # of each side, for a classifier


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

    music_beats_s: Float[np.ndarray, "music"]
    motion_beats_s: Float[np.ndarray, "motion"]
    seconds: float


@dataclass(frozen=True)
class StyleScores:
    """One model beside the motions of a style it should have, and on the music of others.

    Attributes:
        name: of the model.
        fid_k: Fréchet distance of kinetic features to the style's held-out motions, with interval.
        probability: of the style, by the classifier, mean over windows.
        diversity_k: mean distance between two of its windows.
        foot_slide_mm: mm a frame by the motion's own contacts.
        beat_alignment: on the other genres' music.
    """

    name: str
    fid_k: Estimate
    probability: Estimate
    diversity_k: float
    foot_slide_mm: float
    beat_alignment: float


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


def dance_to(
    model: MusicModel,
    dances: Sequence[Dance],
    options: DanceOptions | None = None,
    seconds: float | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[Motion]:
    """A generated motion to the music of each, at most so many seconds from its beginning."""
    made = []
    frames = None if seconds is None else round(seconds * FPS)
    for number, dance in enumerate(dances):
        if dance.music is None:
            raise InputError(f"{dance.name}: has no music")
        made.append(finished_motion(dance_features(model, dance.music[:frames], options)[0]))
        if progress is not None:
            progress(number + 1, len(dances))
    return made


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


def song_folds(dances: Sequence[Dance], folds: int) -> list[list[str]]:
    """Names of the dances of each fold: whole songs, spread so that folds are alike in length.

    Raises:
        InputError: fewer songs than folds.
    """
    groups = song_groups(dances)
    lengths = {
        g: sum(len(d) for d, o in zip(dances, groups, strict=True) if o == g) for g in groups
    }
    if not 2 <= folds <= len(lengths):
        raise InputError(f"{len(lengths)} songs cannot be divided into {folds} folds")
    sums = [0] * folds
    names: list[list[str]] = [[] for _ in range(folds)]
    for group in sorted(lengths, key=lambda g: (-lengths[g], g)):
        fold = sums.index(min(sums))
        sums[fold] += lengths[group]
        names[fold] += [d.name for d, own in zip(dances, groups, strict=True) if own == group]
    return names


def kinetic_windows(motions: Sequence[Motion]) -> Float[np.ndarray, "windows 72"]:
    """Kinetic features of windows of five seconds that do not overlap.

    Raises:
        InputError: no motion lasts so long.
    """
    from vimoflow.evaluation.dance_features import kinetic_features, published_input

    frames, rows = round(WINDOW_S * FPS), []
    for motion in motions:
        joints = motion.joint_positions
        for first in range(0, len(joints) - frames + 1, frames):
            part = published_input(joints[first : first + frames], FPS)
            rows.append(kinetic_features(part, acceleration="corrected").numpy())
    if not rows:
        raise InputError(f"no motion lasts {WINDOW_S:g} s")
    return np.stack(rows)


class StyleClassifier:
    """Logistic regression on the logarithms of kinetic features, trained on real motion.

    Args:
        style: windows of the style, from clips that are not held out.
        others: windows of all else.

    Raises:
        InputError: too few windows of either.
    """

    def __init__(self, style: Float[np.ndarray, "n 72"], others: Float[np.ndarray, "m 72"]) -> None:
        from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]
        from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
        from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]

        if min(len(style), len(others)) < _LEAST_WINDOWS:
            raise InputError(f"a classifier needs {_LEAST_WINDOWS} windows of either side")
        self._model = make_pipeline(
            StandardScaler(), LogisticRegression(C=0.1, class_weight="balanced", max_iter=1000)
        )
        labels = np.repeat([1, 0], [len(style), len(others)])
        self._model.fit(_logarithms(np.concatenate((style, others))), labels)

    def probability(self, windows: Float[np.ndarray, "n 72"]) -> Float[np.ndarray, "n"]:
        """Of the style, for each window."""
        return np.asarray(self._model.predict_proba(_logarithms(windows))[:, 1], dtype=np.float64)


def style_scores(
    name: str,
    to_style: Sequence[Motion],
    to_others: Sequence[Motion],
    others: Sequence[Dance],
    held_out: Float[np.ndarray, "n 72"],
    classifier: StyleClassifier,
) -> StyleScores:
    """Scores of one model.

    Args:
        name: of the model.
        to_style: what it dances to the style's music.
        to_others: what it dances to the music of ``others``.
        others: dances of the old genres.
        held_out: windows of the style's motions that nothing was trained on.
        classifier: of the style.
    """
    windows = kinetic_windows(to_style)
    distance = frechet_distance(_logarithms(windows), _logarithms(held_out))
    slides = [slide for m in (*to_style, *to_others) if (slide := slide_of(m)) is not None]
    aligned = [
        beat_alignment(h.music_beats_s, h.motion_beats_s)
        for h in map(heard_motion, others, to_others)
        if len(h.music_beats_s)
    ]
    return StyleScores(
        name,
        Estimate(distance.value, distance.low, distance.high, distance.n, distance.n),
        bootstrap_mean(classifier.probability(windows)),
        diversity(_logarithms(windows), _logarithms(held_out)),
        float(np.mean(slides)) if slides else float("nan"),
        float(np.mean(aligned)) if aligned else float("nan"),
    )


def _logarithms(features: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Energies spread over orders of magnitude; their logarithms are nearly Gaussian."""
    return np.log(features.astype(np.float64) + 1e-6)
