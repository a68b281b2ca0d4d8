"""A judge of styles: a classifier that has seen real motion only, and says how good it is at that.

It sees two seconds at a time: where the joints are beside the pelvis, how far they swing and how
fast they move, whatever the way and the heading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from vimoflow.errors import InputError
from vimoflow.geometry.rotations import sixd_to_matrix
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.skeleton import joint
from vimoflow.music.audio_features import FPS
from vimoflow.music.pairs import Dance

WINDOW = 60  # frames


def style_features(dance: Dance) -> Float[np.ndarray, "windows c"]:
    """Features of windows that share half of their frames; none where the motion is too short."""
    positions = forward_kinematics(sixd_to_matrix(dance.sixd), dance.root)[1].double().numpy()
    rows = [
        _window(positions[first : first + WINDOW])
        for first in range(0, len(positions) - WINDOW + 1, WINDOW // 2)
    ]
    return np.array(rows)


def _window(positions: Float[np.ndarray, "frames 24 3"]) -> Float[np.ndarray, " c"]:
    across = positions[:, joint("left_hip")] - positions[:, joint("right_hip")]
    heading = np.arctan2(-across[:, 2], across[:, 0])
    cos, sin = np.cos(heading)[:, None], np.sin(heading)[:, None]
    beside = positions - positions[:, :1]
    x, z = beside[..., 0] * cos - beside[..., 2] * sin, beside[..., 0] * sin + beside[..., 2] * cos
    local = np.stack((x, positions[..., 1] - positions[..., 1].min(), z), axis=-1)
    speed = np.linalg.norm(np.diff(positions, axis=0), axis=-1) * FPS
    turned = np.abs(np.diff(np.unwrap(heading))).mean() * FPS
    return np.concatenate(
        [
            local.mean(0).ravel(),
            np.log(local.std(0) + 0.003).ravel(),
            np.log(speed.mean(0) + 0.02),
            [turned],
        ]
    )


@dataclass(frozen=True)
class Judged:
    """What a judge says of motions, window by window.

    Attributes:
        share: of the windows, by style.
        windows: how many.
    """

    share: Mapping[str, float]
    windows: int


class StyleJudge:
    """Support vectors on real motion of several styles.

    Args:
        styles: dances of each.

    Attributes:
        styles: their names.

    Raises:
        InputError: a style without a window, or fewer than two styles.
    """

    def __init__(self, styles: Mapping[str, Sequence[Dance]]) -> None:
        from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
        from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]
        from sklearn.svm import SVC  # type: ignore[import-untyped]

        rows, labels = _labelled(styles)
        if len(set(labels)) < 2:
            raise InputError("a judge needs motions of two styles at least")
        self._model: Any = make_pipeline(StandardScaler(), SVC(C=10, class_weight="balanced"))
        self._model.fit(rows, labels)
        self.styles = tuple(styles)

    def accuracy(self, styles: Mapping[str, Sequence[Dance]]) -> dict[str, float]:
        """Share of each style's windows that are named right."""
        return {name: self.named(dances).share.get(name, 0.0) for name, dances in styles.items()}

    def named(self, dances: Sequence[Dance]) -> Judged:
        """Which styles the windows of motions are said to be of."""
        rows = [features for dance in dances if len(features := style_features(dance))]
        if not rows:
            raise InputError(f"no motion lasts {WINDOW / FPS:g} s")
        said = self._model.predict(np.concatenate(rows))
        names, counts = np.unique(said, return_counts=True)
        return Judged(
            dict(zip(names.tolist(), (counts / len(said)).tolist(), strict=True)), len(said)
        )


def _labelled(styles: Mapping[str, Sequence[Dance]]) -> tuple[np.ndarray, list[str]]:
    rows: list[np.ndarray] = []
    labels: list[str] = []
    for name, dances in styles.items():
        for dance in dances:
            found = style_features(dance)
            rows.extend(found)
            labels += [name] * len(found)
    return np.array(rows), labels
