"""How much of a style a model has, and what it has forgotten of the others."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from lab.distributions.distribution import diversity, frechet_distance
from lab.music.beat_tests import drawn_to, finished_dances, heard_motion
from vimoflow.errors import InputError
from vimoflow.evaluation.metrics.intervals import Estimate, bootstrap_mean
from vimoflow.evaluation.metrics.rhythm import beat_alignment
from vimoflow.motion.clip import Motion
from vimoflow.music.audio_features import FPS
from vimoflow.music.dance_options import DanceOptions
from vimoflow.music.music_model import MusicModel
from vimoflow.music.pairs import Dance
from vimoflow.music.song_to_dance import slide_of

WINDOW_S = 5.0  # clips that motion features are taken of
_LEAST_WINDOWS = 3  # of each side, for a classifier


@dataclass(frozen=True)
class StyleScores:
    """One model beside the motions of a style it should have, and on the music of others.

    Attributes:
        name: of the model.
        fid_k: Fréchet distance of kinetic features to the style's held-out motions, with interval.
        probability: of the style, by the classifier, mean over windows.
        diversity_k: mean distance between two of its windows.
        foot_slide_mm: mm a frame by the motion's own contacts.
        beats_as_drawn, beats_on_beat: beat alignment on the other genres' music before and after
            beat warping; what a model forgets of it shows before.
    """

    name: str
    fid_k: Estimate
    probability: Estimate
    diversity_k: float
    foot_slide_mm: float
    beats_as_drawn: float
    beats_on_beat: float


def kinetic_windows(motions: Sequence[Motion]) -> Float[np.ndarray, "windows 72"]:
    """Kinetic features of windows of five seconds that do not overlap.

    Raises:
        InputError: no motion lasts so long.
    """
    from lab.distributions.dance_features import kinetic_features, published_input

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
    """Support vectors on the logarithms of kinetic features, trained on real motion.

    Generated motion lies beside all real motion; what is linear extrapolates there to certainty,
    while a radial kernel asks which side is nearer.

    Args:
        style: windows of the style, from clips that are not held out.
        others: windows of all else.

    Raises:
        InputError: too few windows of either.
    """

    def __init__(self, style: Float[np.ndarray, "n 72"], others: Float[np.ndarray, "m 72"]) -> None:
        from sklearn.calibration import CalibratedClassifierCV  # type: ignore[import-untyped]
        from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
        from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]
        from sklearn.svm import SVC  # type: ignore[import-untyped]

        fewest = min(len(style), len(others))
        if fewest < _LEAST_WINDOWS:
            raise InputError(f"a classifier needs {_LEAST_WINDOWS} windows of either side")
        support = SVC(class_weight="balanced")
        self._model = make_pipeline(
            StandardScaler(), CalibratedClassifierCV(support, cv=min(5, fewest), ensemble=False)
        )
        labels = np.repeat([1, 0], [len(style), len(others)])
        self._model.fit(_logarithms(np.concatenate((style, others))), labels)

    def probability(self, windows: Float[np.ndarray, "n 72"]) -> Float[np.ndarray, " n"]:
        """Of the style, for each window."""
        return np.asarray(self._model.predict_proba(_logarithms(windows))[:, 1], dtype=np.float64)


@dataclass(frozen=True)
class StyleTest:
    """What models are judged by: all dance to the same music.

    Attributes:
        style, others: dances of the style and of old genres whose music is danced to.
        held_out: windows of the style's motions that nothing was trained on.
        classifier: of the style.
        seconds: of each song.
        sampling: how to dance.
    """

    style: Sequence[Dance]
    others: Sequence[Dance]
    held_out: Float[np.ndarray, "n 72"]
    classifier: StyleClassifier
    seconds: float
    sampling: DanceOptions

    def scores(self, name: str, model: MusicModel) -> StyleScores:
        """Scores of one model, under this name."""
        to_style, to_others = (
            drawn_to(model, dances, self.sampling, self.seconds)
            for dances in (self.style, self.others)
        )
        in_style = finished_dances(to_style, self.style, self.sampling)
        as_drawn, on_beat = (
            finished_dances(to_others, self.others, dataclasses.replace(self.sampling, on_beat=w))
            for w in (False, True)
        )
        made = kinetic_windows(in_style)
        distance = frechet_distance(_logarithms(made), _logarithms(self.held_out))
        chosen = on_beat if self.sampling.on_beat else as_drawn
        slides = [slide for m in (*in_style, *chosen) if (slide := slide_of(m)) is not None]
        return StyleScores(
            name,
            Estimate(distance.value, distance.low, distance.high, distance.n, distance.n),
            bootstrap_mean(self.classifier.probability(made)),
            diversity(_logarithms(made), _logarithms(self.held_out)),
            float(np.mean(slides)) if slides else float("nan"),
            _mean_alignment(self.others, as_drawn),
            _mean_alignment(self.others, on_beat),
        )


def _mean_alignment(dances: Sequence[Dance], motions: Sequence[Motion]) -> float:
    """Mean over the songs that have beats; NaN without any."""
    aligned = [
        beat_alignment(h.music_beats_s, h.motion_beats_s)
        for h in map(heard_motion, dances, motions)
        if len(h.music_beats_s)
    ]
    return float(np.mean(aligned)) if aligned else float("nan")


def _logarithms(features: Float[np.ndarray, "n d"]) -> Float[np.ndarray, "n d"]:
    """Energies spread over orders of magnitude; their logarithms are nearly Gaussian."""
    return np.log(features.astype(np.float64) + 1e-6)
