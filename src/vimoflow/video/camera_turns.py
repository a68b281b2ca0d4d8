"""Turns, zooms and focal lengths of a camera, from corners of the background in two pictures.

A turn and a zoom are what move distant corners; where near ones move otherwise (parallax), the
essential matrix (Nister 2004) tells the turn of a camera that travels. The focal length is the one
under which these explain most; a picture that only shifts, as a panned crop does, is one of a very
long lens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from vimoflow.errors import ConfigError
from vimoflow.geometry.vectors import cross_matrix

USUAL_FOCAL = 0.8  # of the picture's longer side
PARALLAX = 0.0035  # of the longer side: corners that a turn leaves so far off are near ones
_SPREAD_PX = 0.7  # of corners about where a turn puts them; what is farther counts less and less
_FOCALS = np.geomspace(0.36, 10, 13)  # of the picture's longer side; at 10 a turn is a shift
_TURNED = np.radians(3)  # less tells no focal length
_ZOOMS = 0.6  # of the misfit without zoom: what it must leave to be one
_TOLD = 0.8  # of the misfit through the usual lens: what another must leave at most
_TRAVEL_FOCALS = np.geomspace(0.36, 2.5, 10)
_TRAVEL_STEPS, _LONGEST_STEP = 6, 0.3
_MOST_GUESSES = 50  # of five corners: what is fitted afterwards need not be exact
_TOGETHER = 32  # spans that are fitted at once
_TELLING = 6  # spans that are asked for the lens
_TURNING = cross_matrix(np.eye(3))  # of small turns about each axis


@dataclass(frozen=True)
class Turn:
    """Where directions of one frame's camera are in another's, and how well that explains corners.

    Attributes:
        R: turns directions of the first frame's camera into the other's.
        zoom: focal length by the first frame's.
        off: median distance of the corners from where they should be, by the longer side.
    """

    R: Float[np.ndarray, "3 3"]
    zoom: float
    off: float


@dataclass(frozen=True)
class Span:
    """Corners at the beginning and the end of the frames over which they were followed."""

    first: int
    last: int
    before: Float[np.ndarray, "n 2"]
    after: Float[np.ndarray, "n 2"]

    @property
    def far(self) -> float:
        """How far corners went, by the longer side."""
        return float(np.median(np.abs(self.after - self.before)))


def telling_spans(spans: list[Span]) -> list[Span]:
    """Those few over which corners went farthest: all of a long shot would take their time."""
    return sorted(spans, key=lambda span: -span.far)[:_TELLING]


@dataclass(frozen=True)
class _Corners:
    """The corners of several spans at once, a row each; shorter rows are filled up.

    Attributes:
        before, after: corners at the beginning and the end, from the middle by the longer side.
        real: which of them are some.
    """

    before: Float[np.ndarray, "spans n 2"]
    after: Float[np.ndarray, "spans n 2"]
    real: Bool[np.ndarray, "spans n"]

    @classmethod
    def of(cls, spans: Sequence[Span]) -> _Corners:
        """All in one."""
        counts = np.array([len(span.before) for span in spans])
        real = np.arange(counts.max()) < counts[:, None]
        rows = np.zeros((2, *real.shape, 2))
        for row, span in zip(rows.swapaxes(0, 1), spans, strict=True):
            row[:, : len(span.before)] = span.before, span.after
        return cls(rows[0], rows[1], real)

    def median(self, values: Float[np.ndarray, "spans n *channels"]) -> Float[np.ndarray, " spans"]:
        """Of each span."""
        real = np.broadcast_to(self.real.reshape(*self.real.shape, *[1] * (values.ndim - 2)),
                               values.shape).reshape(len(values), -1)  # fmt: skip
        ranked = np.sort(np.where(real, values.reshape(real.shape), np.inf), axis=1)
        middle = np.stack(((real.sum(1) - 1) // 2, real.sum(1) // 2), axis=1)
        return np.take_along_axis(ranked, middle, axis=1).mean(axis=1)


def fitted_turn(
    before: Float[np.ndarray, "n 2"],
    after: Float[np.ndarray, "n 2"],
    focal: float = USUAL_FOCAL,
    zooms: bool = True,
) -> Turn:
    """The turn and zoom that take most corners to where they are found."""
    return fitted_turns([Span(0, 1, before, after)], focal, zooms)[0]


def fitted_turns(
    spans: Sequence[Span], focal: float = USUAL_FOCAL, zooms: bool = True
) -> list[Turn]:
    """For each span the turn and zoom that explain most of its corners."""
    parts = (spans[first : first + _TOGETHER] for first in range(0, len(spans), _TOGETHER))
    return [turn for part in parts for turn in _fitted(_Corners.of(part), focal, zooms)]


def _fitted(spans: _Corners, focal: float, zooms: bool) -> list[Turn]:
    """All at once (Gauss-Newton)."""
    rays = np.concatenate((spans.before / focal, np.ones_like(spans.before[..., :1])), axis=-1)
    count, free = len(rays), 3 + zooms
    R, zoom = np.tile(np.eye(3), (count, 1, 1)), np.ones(count)
    for _ in range(4):
        turned = rays @ R.swapaxes(1, 2)
        a, b = np.moveaxis(turned[..., :2] / np.maximum(turned[..., 2:], 0.1), -1, 0)
        image = zoom[:, None, None] * np.stack((a, b), axis=-1)
        off = spans.after / focal - image
        spread = np.maximum(_SPREAD_PX / 320 / focal, 1.5 * spans.median(np.abs(off)))
        weight = spans.real / (1 + (off**2).sum(-1) / spread[:, None] ** 2) ** 2
        one = np.ones_like(a)
        by = np.stack((-a * b, one + a * a, -b, a, -one - b * b, a * b, a, b), axis=-1)
        by = zoom[:, None, None, None] * by.reshape(*a.shape, 2, 4)[..., :free]
        weighted = (weight[..., None, None] * by).reshape(count, -1, free).swapaxes(1, 2)
        normal = weighted @ by.reshape(count, -1, free) + 1e-9 * np.eye(free)
        step = np.linalg.solve(normal, weighted @ off.reshape(count, -1, 1))[..., 0]
        R = np.stack([rotation(one) for one in step[:, :3]]) @ R
        zoom = zoom * np.exp(step[:, 3:].sum(axis=1))
    left = focal * spans.median(np.linalg.norm(off, axis=-1))
    return [Turn(*one) for one in zip(R, zoom.tolist(), left.tolist(), strict=True)]


def best_lens(spans: list[Span]) -> tuple[float | None, bool]:
    """The focal length by the longer side that turns explain best, and whether it zooms.

    None is the focal length where few turns tell. A zoom must explain much that turns without one
    do not, through whatever lens: on corners at one side of the picture it looks much like a turn.
    """
    moved = [span for span in telling_spans(spans) if span.far > PARALLAX]
    if not moved:
        return None, True
    steady, zooming = best_focal(moved, zooms=False), best_focal(moved, zooms=True)
    zooms = zooming.off < _ZOOMS * steady.off
    return (zooming if zooms else steady).focal, zooms


@dataclass(frozen=True)
class Focal:
    """A focal length by the longer side, None where few turns tell, and what it leaves."""

    focal: float | None
    off: float


def best_focal(spans: list[Span], zooms: bool = True) -> Focal:
    """The focal length under which turns explain best where corners went."""

    def off(focal: float, among: list[Span]) -> float:
        return float(np.mean([turn.off for turn in fitted_turns(among, focal, zooms)]))

    turns = fitted_turns(spans, zooms=zooms)
    usual = Focal(None, float(np.mean([turn.off for turn in turns])))
    far = [float(np.linalg.norm(rotation_vector(turn.R)[:2])) > _TURNED for turn in turns]
    if not any(far):
        return usual
    telling = [span for span, one in zip(spans, far, strict=True) if one]
    tried = [off(focal, telling) for focal in _FOCALS]
    best = int(np.argmin(tried))
    if best == 0 or tried[best] > _TOLD * off(USUAL_FOCAL, telling):
        return usual
    from scipy.optimize import minimize_scalar  # slow to load, and only turning cameras need it

    around = _FOCALS[best - 1], _FOCALS[min(best + 1, len(_FOCALS) - 1)]
    found = minimize_scalar(off, bounds=around, args=(telling,), method="bounded",
                            options={"xatol": 5e-3})  # fmt: skip
    return Focal(float(found.x), off(float(found.x), spans))


@dataclass(frozen=True)
class Travel:
    """A camera that went elsewhere, by the epipolar lines on which its corners lie.

    Attributes:
        R: turns directions of the first frame's camera into the other's.
        t: the unit vector from the other camera to the first one, as the other one sees it.
        off: median distance of the corners from where they should be, by the longer side.
    """

    R: Float[np.ndarray, "3 3"]
    t: Float[np.ndarray, "3"]
    off: float


def travel_of(span: Span, focal: float) -> Travel | None:
    """A first guess (Nister 2004), fitted; None where too few corners tell one."""
    cv2 = opencv()
    a, b = span.before / focal, span.after / focal
    E, agree = cv2.findEssentialMat(
        a, b, np.eye(3), cv2.RANSAC, 0.99, 1 / 320 / focal, _MOST_GUESSES
    )
    if E is None or E.shape != (3, 3):
        return None
    _, R, t, _ = cv2.recoverPose(E, a, b, np.eye(3), mask=agree)
    return fitted_travel(span, focal, Travel(np.asarray(R), np.asarray(t)[:, 0], np.inf))


def fitted_travel(span: Span, focal: float, start: Travel) -> Travel:
    """Turn and direction under which most corners are near their lines (Sampson; Gauss-Newton)."""
    a, b = (np.c_[x / focal, np.ones(len(x))] for x in (span.before, span.after))
    pairs = (b[:, :, None] * a[:, None, :]).reshape(-1, 9)  # b' E a is linear in E
    R, t, least = start.R, start.t, _SPREAD_PX / 320 / focal

    def offs(E: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        scale = np.linalg.norm(np.hstack((a @ E[:2].T, b @ E[:, :2])), axis=1)
        return pairs @ E.ravel() / scale, scale

    for _ in range(_TRAVEL_STEPS):
        across = cross_matrix(t)
        off, scale = offs(across @ R)
        weight = 1 / (1 + (off / max(least, 1.5 * float(np.median(np.abs(off))))) ** 2) ** 2
        aside = np.linalg.svd(t[None])[2][1:]
        moved = np.concatenate((across @ _TURNING @ R, cross_matrix(aside) @ R))
        by = pairs @ moved.reshape(5, 9).T / scale[:, None]
        normal = by.T @ (weight[:, None] * by) + 1e-9 * np.eye(5)
        step = np.linalg.solve(normal, -by.T @ (weight * off))
        step *= min(1.0, _LONGEST_STEP / max(float(np.linalg.norm(step)), 1e-12))
        R, t = rotation(step[:3]) @ R, t + step[3:] @ aside
        t /= np.linalg.norm(t)
    return Travel(R, t, focal * float(np.median(np.abs(offs(cross_matrix(t) @ R)[0]))))


def travelling_focal(spans: list[Span]) -> float | None:
    """The focal length by the longer side that a camera that travels and turns tells, if it does.

    Only through the true lens are the lines of corners those of one turn and one way.
    """
    found = [(span, travel_of(span, USUAL_FOCAL)) for span in telling_spans(spans)]
    fits = [(span, travel) for span, travel in found if travel is not None]
    if not fits:
        return None

    def off(focal: float) -> float:
        return float(np.mean([fitted_travel(span, focal, near).off for span, near in fits]))

    usual, tried = off(USUAL_FOCAL), [off(focal) for focal in _TRAVEL_FOCALS]
    best = int(np.argmin(tried))
    if tried[best] > _TOLD * usual or best in (0, len(tried) - 1):
        return None
    from scipy.optimize import minimize_scalar  # slow to load, and only turning cameras need it

    around = _TRAVEL_FOCALS[best - 1], _TRAVEL_FOCALS[best + 1]
    found_at = minimize_scalar(off, bounds=around, method="bounded", options={"xatol": 1e-2})
    return float(found_at.x)


def rotation(vector: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """A rotation vector, radians, as a matrix."""
    return np.asarray(opencv().Rodrigues(np.asarray(vector, float))[0])


def rotation_vector(R: Float[np.ndarray, "3 3"]) -> Float[np.ndarray, "3"]:
    """The inverse of `rotation`."""
    return np.asarray(opencv().Rodrigues(np.asarray(R, float))[0])[:, 0]


def opencv() -> Any:
    """OpenCV, loaded when first needed.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import cv2
    except ImportError as error:
        raise ConfigError(
            f"a moving camera cannot be looked for ({error}); run: "
            "pip install opencv-python-headless"
        ) from error
    return cv2
