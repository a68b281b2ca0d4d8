"""Keypoints that contradict themselves: sides exchanged for a while, and places nobody can be at.

Left and right are told apart along time: of the two readings of each frame, as given and
exchanged, those are kept whose points go on most nearly with constant velocity (Viterbi's
algorithm over pairs of frames), an exchange costing what chance would explain. The whole body is
asked first, also by its face, then arms and legs by themselves. After that, points whose limb is
longer than any person's, and stretches in which the body jumps away and back, count as unseen.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from vimoflow.conventions import COCO_NAMES
from vimoflow.keypoints.mirroring import OTHER_SIDE
from vimoflow.keypoints.people_sizes import figure_height_px, metre_px
from vimoflow.keypoints.sequence import Keypoints2D

_PIECE = 1800  # frames looked at together: what is made on the way is 16 times their size
_SMOOTH_M = 0.05  # how far points are from constant velocity in a frame
_EDGE = 0.5  # of a change: an exchange that began before the shot, or lasts to its end
_PRIOR = 0.04  # a frame that is exchanged, against one that is not
_WHOLE = 0.1  # more where the whole body is: such exchanges seldom last
_FACE = 0.3  # and more while a face is surely seen from the front
_HANG_M = 0.3  # both limbs longer by this much speak as much as one frame can against an exchange
_HANG_MOST = 1.0
_LONGEST_JUMP_S = 0.6
_JUMP_M = 0.4  # the trunk in one frame
_LIMB_M = 0.65  # thighs, shanks and arms are shorter, also near the camera
_LARGER = 1.35  # than the person's usual size: nearer to the camera


def _points(*parts: str) -> list[int]:
    return [i for i, name in enumerate(COCO_NAMES) if name.endswith(parts)]


# What is exchanged together, by which limbs it hangs on the rest, and what beginning and ending of
# an exchange must explain.
_GROUPS = (
    (list(range(17)), "", "", 6.0),
    (_points("elbow", "wrist"), "shoulder", "elbow", 3.0),
    (_points("knee", "ankle"), "hip", "knee", 3.0),
)
_TRUNK = _points("shoulder", "hip")
_LIMBS = tuple(
    (COCO_NAMES.index(f"{side}_{inner}"), COCO_NAMES.index(f"{side}_{outer}"))
    for side in ("left", "right")
    for inner, outer in (
        ("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"),
    )
)  # fmt: skip


@dataclass(frozen=True)
class Mended:
    """What was done.

    Attributes:
        keypoints: the mended ones; those that were given where nothing was found.
        exchanged: points whose sides were exchanged and are not any more.
        impossible: points that now count as unseen.
    """

    keypoints: Keypoints2D
    exchanged: Bool[np.ndarray, "frames 17"]
    impossible: Bool[np.ndarray, "frames 17"]

    @property
    def lines(self) -> tuple[str, ...]:
        """What to tell the user."""
        rows = (
            (self.exchanged, "left and right were exchanged", "that was undone"),
            (self.impossible, "the detector jumped to impossible places", "they count as unseen"),
        )
        return tuple(
            f"{what} {_spans(frames.any(axis=1), self.keypoints.timestamps)}; {done}"
            for frames, what, done in rows
            if frames.any()
        )


def mended(keypoints: Keypoints2D, cuts: Sequence[int] = ()) -> Mended:
    """Undo exchanges of sides, and leave out what no body can do.

    Args:
        keypoints: of one person.
        cuts: first frames of new shots, at which everything may change.
    """
    points = keypoints.points.copy()
    exchanged = np.zeros(points.shape[:2], bool)
    if len(points) >= 4:
        scale = _scale_px(keypoints.points)
        for group, inner, outer, cost in _GROUPS:
            against = _hanging(points, scale, inner, outer) if inner else _facing(points)
            swapped = _exchanged(points, scale, group, against, cost, cuts)
            rows = np.ix_(swapped, np.array(group))
            points[rows] = points[:, OTHER_SIDE][rows]
            exchanged[rows] ^= True
    impossible = _impossible(points, cuts, keypoints.fps) & (points[..., 2] > 0)
    if not exchanged.any() and not impossible.any():
        return Mended(keypoints, exchanged, impossible)
    points[impossible] = 0.0
    return Mended(dataclasses.replace(keypoints, points=points), exchanged, impossible)


def _scale_px(points: Float[np.ndarray, "frames 17 3"]) -> Float[np.ndarray, " frames"]:
    """Pixels a metre in each frame: of the whole shot, more while the person is nearer."""
    whole = metre_px(points)
    near = np.nan_to_num(figure_height_px(points) / 1.7, nan=0.0)
    return np.clip(_running_median(near, 15), whole, 3 * whole)


def _running_median(values: Float[np.ndarray, " n"], half: int) -> Float[np.ndarray, " n"]:
    padded = np.pad(values, half, mode="edge")
    return np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * half + 1), axis=1)


def _exchanged(
    points: Float[np.ndarray, "frames 17 3"],
    scale_px: Float[np.ndarray, " frames"],
    group: list[int],
    against: Float[np.ndarray, " frames"],
    cost: float,
    cuts: Sequence[int],
) -> Bool[np.ndarray, " frames"]:
    """In which frames a group's sides are exchanged; ``against`` is evidence of the frame alone."""
    sided = [k for k in group if OTHER_SIDE[k] != k]
    shown = np.flatnonzero((points[:, sided, 2] > 0).any(axis=1))
    exchanged = np.zeros(len(points), bool)
    if len(shown) < 4:
        return exchanged
    either = np.stack([points[:, sided], points[:, OTHER_SIDE][:, sided]])[:, shown]
    places, weight = either[..., :2] / scale_px[shown][:, None, None], either[..., 2]
    pieces = [slice(i, i + _PIECE + 2) for i in range(0, len(shown) - 2, _PIECE)]
    step = np.concatenate([_bending(places[:, at], weight[:, at]) for at in pieces], axis=-1)
    # Nothing goes on over a cut or a long absence.
    broken = np.diff(shown) > 8
    broken |= np.isin(shown[1:], cuts) | np.array(
        [any(x < cut <= y for cut in cuts) for x, y in itertools.pairwise(shown)]
    )
    step = np.where(broken[1:] | broken[:-1], 0.0, step)
    exchanged[shown] = _likeliest(step, np.where(broken, 0.0, cost), cost * _EDGE, against[shown])
    return exchanged


def _bending(
    places: Float[np.ndarray, "2 frames points 2"], weight: Float[np.ndarray, "2 frames points"]
) -> Float[np.ndarray, "2 2 2 triples"]:
    """How far points leave the straight way in three frames, each as given or exchanged."""
    a, b, c = np.ix_((0, 1), (0, 1), (0, 1))
    third, second, first = (
        places[:, 2:][c], places[:, 1:-1][b], places[:, :-2][a],
    )  # fmt: skip
    bend = np.linalg.norm(third - 2 * second + first, axis=-1)
    sure = np.minimum(np.minimum(weight[:, 2:][c], weight[:, 1:-1][b]), weight[:, :-2][a])
    step: np.ndarray = (np.sqrt(sure) * np.log1p((bend / _SMOOTH_M) ** 2 / 2)).sum(axis=-1)
    return step


def _hanging(
    points: Float[np.ndarray, "frames 17 3"],
    scale_px: Float[np.ndarray, " frames"],
    inner: str,
    outer: str,
) -> Float[np.ndarray, " frames"]:
    """What each frame says against an exchange: limbs that hang on the other side are longer."""
    near, far = _points(inner), _points(outer)
    seen = (points[:, near + far, 2] > 0).all(axis=1)
    own, other = (
        np.linalg.norm(points[:, near, :2] - points[:, ends, :2], axis=-1).sum(axis=1) / scale_px
        for ends in (far, far[::-1])
    )
    # Nothing speaks for one: crossed arms and legs are no mistake, however long they last.
    return np.where(seen, np.clip((other - own) / _HANG_M, 0.0, _HANG_MOST), 0.0)


def _facing(points: Float[np.ndarray, "frames 17 3"]) -> Float[np.ndarray, " frames"]:
    """What each frame says against an exchange of the whole body: the face is seen from the front.

    In profile the sides coincide, and going straight through is as smooth as turning back.
    """
    pairs = [points[:, _points(part)] for part in ("eye", "ear", "shoulder")]
    front = np.all([pair[:, 0, 0] > pair[:, 1, 0] for pair in pairs], axis=0)
    sure = np.minimum(points[:, COCO_NAMES.index("nose"), 2], pairs[0][..., 2].min(axis=1))
    # Nothing speaks for one: some detectors are as sure of a face that is turned away.
    return _WHOLE + np.where(front, _FACE * sure, 0.0)


def _likeliest(
    step: Float[np.ndarray, "2 2 2 triples"],
    change: Float[np.ndarray, " pairs"],
    edge: float,
    against: Float[np.ndarray, " frames"],
) -> Bool[np.ndarray, " frames"]:
    """Viterbi's path over pairs of states; ``step`` by first, second and third state."""
    states = np.stack([np.zeros(len(against)), _PRIOR + against], axis=1)
    states[[0, -1], 1] += edge
    total = states[0][:, None] + states[1][None] + change[0] * (1 - np.eye(2))
    came: list[np.ndarray] = []
    for t in range(step.shape[-1]):
        ways = total[:, :, None] + step[..., t]
        came.append(ways.argmin(axis=0))
        total = ways.min(axis=0) + states[t + 2][None] + change[t + 1] * (1 - np.eye(2))
    second, third = np.unravel_index(int(total.argmin()), (2, 2))
    path = [int(third), int(second)]
    for back in reversed(came):
        path.append(int(back[path[-1], path[-2]]))
    return np.array(path[::-1], bool)


def _impossible(
    points: Float[np.ndarray, "frames 17 3"], cuts: Sequence[int], fps: float
) -> Bool[np.ndarray, "frames 17"]:
    """Points of limbs that are too long, and whole frames that jump away and back."""
    scale = _scale_px(points)
    bad = np.zeros(points.shape[:2], bool)
    for inner, outer in _LIMBS:
        length = np.linalg.norm(points[:, inner, :2] - points[:, outer, :2], axis=-1) / scale
        both = (points[:, [inner, outer], 2] > 0).all(axis=1)
        bad[:, outer] |= both & (length > _LIMB_M * _LARGER)
    seen = points[:, _TRUNK, 2:] > 0
    enough = np.flatnonzero(seen.sum(axis=1)[:, 0] >= 2)
    middle = (points[enough][:, _TRUNK, :2] * seen[enough]).sum(1) / seen[enough].sum(1)
    middle = middle / scale[enough][:, None]
    away = np.zeros(len(points), bool)
    jumps = np.flatnonzero(np.linalg.norm(np.diff(middle, axis=0), axis=-1) > _JUMP_M) + 1
    real = [j for j in jumps if not any(enough[j - 1] < cut <= enough[j] for cut in cuts)]
    for there, back in itertools.pairwise(real):
        short = (enough[back] - enough[there]) / fps <= _LONGEST_JUMP_S
        home = np.linalg.norm(middle[back] - middle[there - 1]) < 0.5 * np.linalg.norm(
            middle[there] - middle[there - 1]
        ) + 0.3 * (enough[back] - enough[there]) / fps  # fmt: skip
        if short and home:
            away[enough[there] : enough[back]] = True
    return bad | away[:, None]


def _spans(frames: Bool[np.ndarray, " frames"], times: Float[np.ndarray, " frames"]) -> str:
    runs = np.flatnonzero(np.diff(np.pad(frames.astype(np.int8), 1))).reshape(-1, 2)
    named = ", ".join(f"{times[a]:.2f}-{times[b - 1]:.2f} s" for a, b in runs[:4])
    return f"at {named}" + (f" and {len(runs) - 4} more times" if len(runs) > 4 else "")
