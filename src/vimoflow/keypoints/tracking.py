"""Who is who: people seen in single frames, without names, to one number a person.

In two steps, because everything is known when it starts. First, detections that surely belong
together become tracklets: a Kalman filter of constant velocity a keypoint predicts each person into
the next frame, and the best assignment by a similarity like COCO's OKS (object keypoint similarity,
Lin et al. 2014), widened by the prediction's own doubt, goes on. A tracklet ends when its person is
not seen for `_PATIENCE_S`, and wherever the same filter disagrees that runs backward in time. Then
`people_linking` joins tracklets of one person over the whole clip.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from vimoflow.keypoints.people_linking import chained
from vimoflow.keypoints.people_looks import LOOK, look_gap, mean_look
from vimoflow.keypoints.people_sizes import box_height_px, figure_height_px

NOBODY = -1
_PATIENCE_S = 0.3  # a tracklet ends when its person is away for longer
_LEAST_SIMILAR = 0.03  # a worse pair is two people
_SAME_PLACE = 0.7  # similarity of two detections in one frame that are the same person
_NOISE = 0.025  # of a detector, in heights; together with a joint's own spread
_ACCELERATION = 12.0  # of joints, in heights/s^2: 2 g
_CHANGED = 0.25  # gap of looks (Hellinger) before and after a follower has strayed
SURELY_CHANGED = 0.4  # more than light does to the clothes of one person
LOOKED_S = 0.8
_AROUND = np.array([1e-6 - LOOKED_S, 0.0, LOOKED_S - 1e-6])
_FEWEST_LOOKS = 4
_START_SPEED = 1.5  # heights/s; what a joint may do when it is first seen
# How far a detector and people differ on a point, in heights: COCO's constants (its square root of
# the area is about 0.45 of a person's height).
_SPREAD = 0.9 * np.array(
    [0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072,
     0.062, 0.062, 0.107, 0.107, 0.087, 0.087, 0.089, 0.089]
)  # fmt: skip


def identities(
    frames: Int[np.ndarray, " seen"],
    points: Float[np.ndarray, "seen 17 3"],
    fps: float,
    looks: Float[np.ndarray, "seen look"] | None = None,
) -> Int[np.ndarray, " seen"]:
    """A number for each person seen, the same in all frames; `NOBODY` for a double.

    A double is a second, less certain detection in the place of another one of its frame.

    Args:
        frames: the frame of each detection, in any order.
        points: COCO keypoints, pixels and confidence (0: not seen).
        fps: frames a second; of what nobody knows the rate, 30 will do.
        looks: what each detection wears (`people_looks.look_of`), where there is a picture.
    """
    if looks is None:
        looks = np.full((len(frames), LOOK), np.nan)
    if not len(frames):
        return np.zeros(0, np.int64)
    forward = _tracklets(frames, points, fps)
    backward = _tracklets(-frames, points, fps)
    known = forward != NOBODY
    # Where the two directions of time disagree nobody knows: such links are cut.
    parts = _pieces(frames[known] / fps, forward[known], looks[known])
    both = np.stack([forward[known], backward[known], parts], axis=1)
    tracklet = np.unique(both, axis=0, return_inverse=True)[1].reshape(-1)
    person = np.full(len(frames), NOBODY)
    person[known] = chained(frames[known] / fps, points[known], tracklet, looks[known])
    return person


def _pieces(
    times: Float[np.ndarray, " seen"],
    tracklet: Int[np.ndarray, " seen"],
    looks: Float[np.ndarray, "seen look"],
) -> Int[np.ndarray, " seen"]:
    """Numbers of pieces of tracklets, which end where their person's clothes change.

    Clothes change with the light, too: pieces that fit nobody else are linked again.
    """
    piece = np.zeros(len(times), np.int64)
    known = np.isfinite(looks).any(axis=1)
    parts = [np.flatnonzero(known & (tracklet == name)) for name in np.unique(tracklet)]
    parts = [rows[np.argsort(times[rows], kind="stable")] for rows in parts]
    while parts:
        rows = parts.pop()
        cut = change_of_clothes(times[rows], looks[rows])
        if cut:
            later = (tracklet == tracklet[rows[0]]) & (times >= times[rows[cut]])
            piece[later] += 1
            parts += [rows[:cut], rows[cut:]]
    return piece


def change_of_clothes(
    times: Float[np.ndarray, " rows"],
    looks: Float[np.ndarray, "rows look"],
    least: float = _CHANGED,
    first_s: float = -np.inf,
) -> int:
    """The row from which on the clothes are most surely others, 0 if there is none.

    Rows are in time; ``least`` is the gap of looks that counts, ``first_s`` the first moment that
    is looked at.
    """
    best, at = least, 0
    first = max(_FEWEST_LOOKS, int(np.searchsorted(times, first_s)))
    for row in range(first, len(times) - _FEWEST_LOOKS):
        begin, now, end = np.searchsorted(times, times[row] + _AROUND)
        before, after = looks[begin:now], looks[now:end]
        if min(len(before), len(after)) >= _FEWEST_LOOKS:
            gap = float(look_gap(mean_look(before), mean_look(after)))
            if gap > best:
                best, at = gap, row
    return at


def similarity(
    a: Float[np.ndarray, "*#batch 17 3"], b: Float[np.ndarray, "*#batch 17 3"]
) -> Float[np.ndarray, "*batch"]:
    """OKS of two people, from 0 to 1, over the keypoints both show; 0 where they share none."""
    both = (a[..., 2] > 0) & (b[..., 2] > 0)
    height = np.maximum(np.maximum(box_height_px(a), box_height_px(b)), 1.0)
    square = ((a[..., :2] - b[..., :2]) ** 2).sum(-1)
    near = np.exp(-square / (2 * (height[..., None] * _SPREAD) ** 2)) * both
    return np.asarray(near.sum(-1) / np.maximum(both.sum(-1), 1))


def _tracklets(
    frames: Int[np.ndarray, " seen"], points: Float[np.ndarray, "seen 17 3"], fps: float
) -> Int[np.ndarray, " seen"]:
    """The number of each detection's tracklet; `NOBODY` for doubles and for what shows nothing."""
    order = np.argsort(frames, kind="stable")
    starts = np.flatnonzero(np.diff(frames[order], prepend=frames[order[0]] - 1))
    found = np.full(len(frames), NOBODY)
    followed = _Followed(fps)
    for rows in np.split(order, starts[1:]):
        rows = rows[_singles(points[rows])]
        found[rows] = followed.step(int(frames[rows[0]]) if len(rows) else 0, points[rows])
    return found


def _singles(points: Float[np.ndarray, "seen 17 3"]) -> Int[np.ndarray, " kept"]:
    """Whom of a frame to keep: of people in the same place the most certain."""
    certain = points[..., 2].sum(-1)
    order = [int(i) for i in np.argsort(-certain, kind="stable") if certain[i] > 0]
    if len(order) < 2:
        return np.array(order, np.int64)
    alike = similarity(points[:, None], points[None])
    kept: list[int] = []
    for i in order:
        if all(alike[i, j] < _SAME_PLACE for j in kept):
            kept.append(i)
    return np.array(sorted(kept), np.int64)


class _Followed:
    """The people followed at the moment: Kalman filters, one a person and keypoint.

    Both directions of the picture share one covariance.
    """

    def __init__(self, fps: float) -> None:
        self._fps = fps
        self._begun = 0
        self._names = np.zeros(0, np.int64)
        self._frame = np.zeros(0, np.int64)  # last one with a detection
        self._now = 0
        self._height = np.zeros(0)
        self._state = np.zeros((0, 17, 2, 2))  # place and velocity; x and y
        self._P = np.zeros((0, 17, 2, 2))

    def step(self, frame: int, points: Float[np.ndarray, "seen 17 3"]) -> Int[np.ndarray, " seen"]:
        """The tracklets that the people of the next frame belong to."""
        from scipy.optimize import linear_sum_assignment  # slow to import

        if not len(points):
            return np.zeros(0, np.int64)
        self._keep((frame - self._frame) / self._fps <= _PATIENCE_S)
        self._predict((frame - self._now) / self._fps)
        self._now = frame
        likeness = self._likeness(points)
        track, seen = linear_sum_assignment(-likeness)
        good = likeness[track, seen] > _LEAST_SIMILAR
        track, seen = track[good], seen[good]
        self._update(track, points[seen])
        self._frame[track] = frame
        names = np.full(len(points), NOBODY)
        names[seen] = self._names[track]
        new = np.flatnonzero(names == NOBODY)
        names[new] = self._begun + np.arange(len(new))
        self._begun += len(new)
        self._begin(frame, names[new], points[new])
        return names

    def _keep(self, which: np.ndarray) -> None:
        for field in ("_names", "_frame", "_height", "_state", "_P"):
            setattr(self, field, getattr(self, field)[which])

    def _predict(self, seconds: float) -> None:
        step = np.array([[1.0, seconds], [0.0, 1.0]])
        gain = np.array([seconds**2 / 2, seconds])
        doubt = (_ACCELERATION * self._height[:, None, None, None]) ** 2 * np.outer(gain, gain)
        self._state = step @ self._state
        self._P = step @ self._P @ step.T + doubt

    def _likeness(self, points: Float[np.ndarray, "seen 17 3"]) -> Float[np.ndarray, "track seen"]:
        """OKS with the predictions' doubt added to the spread: at most 1, less the less is known.

        Each keypoint's term is a ratio of Gaussian densities, so that a doubtful prediction does
        not win by its width.
        """
        spread = (_SPREAD * self._height[:, None]) ** 2
        wide = spread + self._P[..., 0, 0]
        gap = self._state[:, None, :, 0] - points[None, ..., :2]
        near = spread[:, None] / wide[:, None] * np.exp(-(gap**2).sum(-1) / (2 * wide[:, None]))
        weight = points[None, ..., 2]
        size = np.nan_to_num(np.log(figure_height_px(points)[None] / self._height[:, None]))
        alike = (near * weight).sum(-1) / np.maximum(weight.sum(-1), 1e-9)
        return alike * np.exp(-0.5 * (size / 0.5) ** 2)

    def _update(self, track: np.ndarray, points: Float[np.ndarray, "track 17 3"]) -> None:
        height = self._height[track, None]
        noise = (_NOISE * height) ** 2 / np.maximum(points[..., 2], 1e-6) ** 2
        P, state = self._P[track], self._state[track]
        gain = P[..., 0] / (P[..., 0, 0] + noise)[..., None]
        gap = points[..., :2] - state[..., 0, :]
        seen = (points[..., 2] > 0)[..., None, None]
        self._state[track] = np.where(seen, state + gain[..., None] * gap[..., None, :], state)
        self._P[track] = np.where(seen, P - gain[..., None] * P[..., None, 0, :], P)
        change = np.nan_to_num(figure_height_px(points) / self._height[track], nan=1.0)
        self._height[track] *= change**0.1

    def _begin(self, frame: int, names: np.ndarray, points: Float[np.ndarray, "seen 17 3"]) -> None:
        height = figure_height_px(points)
        height = np.where(np.isfinite(height), height, np.maximum(box_height_px(points), 1.0))
        state = np.zeros((len(points), 17, 2, 2))
        seen = points[..., 2:] > 0
        middle = (points[..., :2] * seen).sum(1) / seen.sum(1)
        state[..., 0, :] = np.where(seen, points[..., :2], middle[:, None])
        P = np.zeros((len(points), 17, 2, 2))
        place = np.where(seen[..., 0], _NOISE / np.maximum(points[..., 2], 0.05), 1.0)
        P[..., 0, 0] = (place * height[:, None]) ** 2
        P[..., 1, 1] = (_START_SPEED * height[:, None]) ** 2
        self._names = np.concatenate([self._names, names])
        self._frame = np.concatenate([self._frame, np.full(len(names), frame)])
        self._height = np.concatenate([self._height, height])
        self._state = np.concatenate([self._state, state])
        self._P = np.concatenate([self._P, P])
