"""The background followed from frame to frame: how the camera turned, zoomed and travelled.

Corners outside the person are followed (Lucas and Kanade 1981, in pyramids) for as long as enough
of them last, and each frame is compared with the first of its corners' frames, so that errors do
not add up from frame to frame. A turn and a zoom are what move distant corners; where near ones
move otherwise (parallax), the essential matrix (Nister 2004) tells the turn of a camera that
travels. The focal length is the one under which turns explain most.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from vimoflow.errors import ConfigError
from vimoflow.geometry.camera_path import CameraPath

USUAL_FOCAL = 0.8  # of the picture's longer side
_CORNERS = 120
_FEWEST = 12  # corners that must be followed
_LASTING = 0.6  # of the corners; with fewer, new ones are looked for
_FARTHEST = 0.25  # of the picture's longer side: corners that went so far are looked for anew
_SPREAD_PX = 0.7  # of corners about where a turn puts them; what is farther counts less and less
_FOCALS = np.geomspace(0.36, 2.6, 17)  # of the picture's longer side
_TURNED = np.radians(4)  # less tells no focal length
_PARALLAX = 0.0035  # of the longer side: corners that a turn leaves so far off are near ones
_MOVED, _TRAVELS = 0.2, 0.3  # of the time, and of that in which the picture moved
_LENS = 0.03  # of how far corners went: what a lens that is not quite known leaves
_AGREE = 0.5  # of the corners, with one essential matrix
_STILL_RAD, _STILL_ZOOM = np.radians(0.3), 0.006


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


class Corners:
    """Distant corners from frame to frame, and what they tell of the camera.

    Places are from the picture's middle, by its longer side. Corners are compared with where they
    were in the frame in which they were chosen, until too few are left or they went too far.
    """

    def __init__(self) -> None:
        self.places: np.ndarray = np.zeros((0, 2))
        self._start, self._wanted = self.places, 0.0
        self._begun = self._frame = 0
        self.fits: list[tuple[int, Turn | None]] = []
        self.spans: list[Span] = []

    def go_on(self, places: Float[np.ndarray, "n 2"], kept: Bool[np.ndarray, " n"]) -> bool:
        """The corners in the next frame, and whether others must be chosen in it."""
        self._start, self.places = self._start[kept], places[kept]
        turn = None
        if len(self.places) >= _FEWEST:
            turn = fitted_turn(self._start, self.places)
        self._frame = len(self.fits)
        self.fits.append((self._begun, turn))
        if turn is None or len(self.places) < self._wanted:
            return True
        return float(np.median(np.abs(self.places - self._start))) > _FARTHEST

    def begin(self, places: Float[np.ndarray, "n 2"]) -> None:
        """Other corners, chosen in this frame."""
        self._finish()
        self._start = self.places = places
        self._begun, self._wanted = self._frame, _LASTING * len(places)

    def _finish(self) -> None:
        if len(self.places) >= _FEWEST and self._frame > self._begun:
            self.spans.append(Span(self._begun, self._frame, self._start, self.places))

    def path(self) -> CameraPath | None:
        """What the camera did; None where the corners could not be followed."""
        frames = len(self.fits)
        lost = sum(turn is None for _, turn in self.fits[1:])
        if frames < 2 or lost > 0.3 * frames:
            return None
        self._finish()
        focal = best_focal(self.spans)
        travels = self._travels(focal or USUAL_FOCAL)
        shrink = USUAL_FOCAL / (focal or USUAL_FOCAL)
        R, zoom = np.tile(np.eye(3), (frames, 1, 1)), np.ones(frames)
        corrections = self._corrections(focal or USUAL_FOCAL, travels)
        for frame, (begun, turn) in enumerate(self.fits):
            if turn is None:
                R[frame], zoom[frame] = R[max(frame - 1, 0)], zoom[max(frame - 1, 0)]
                continue
            vector = rotation_vector(turn.R) * (shrink, shrink, 1.0)
            last, extra, longer = corrections.get(begun, (frame, np.zeros(3), 1.0))
            share = (frame - begun) / max(last - begun, 1)
            R[frame] = R[begun] @ rotation(vector + share * extra).T
            zoom[frame] = zoom[begun] * turn.zoom * longer**share
        turned = max(float(np.linalg.norm(rotation_vector(one))) for one in R[::5])
        if turned < _STILL_RAD and np.ptp(zoom) < _STILL_ZOOM and not travels:
            return CameraPath.still(frames)
        return CameraPath(R, np.ones(frames) if travels else zoom, travels, focal)

    def _travels(self, focal: float) -> bool:
        """Whether no turn explains most of the time in which the picture moved."""
        moved = near = 0
        for span in self.spans:
            far = float(np.median(np.abs(span.after - span.before)))
            if far > 2 * _PARALLAX:
                off = fitted_turn(span.before, span.after, focal).off
                moved += span.last - span.first
                near += (span.last - span.first) * (off > _PARALLAX + _LENS * far)
        return moved > _MOVED * len(self.fits) and near > _TRAVELS * moved

    def _corrections(
        self, focal: float, travels: bool
    ) -> dict[int, tuple[int, Float[np.ndarray, "3"], float]]:
        """What the right lens adds to the turns and zooms of spans, by their first frames.

        Where the camera travels the turn is that of the essential matrix.
        """
        out = {}
        shrink = USUAL_FOCAL / focal
        for span in self.spans:
            fit = self.fits[span.last][1]
            if fit is not None:
                turn = fitted_turn(span.before, span.after, focal)
                R = _essential(span, focal) if travels else None
                by_fit = rotation_vector(fit.R) * (shrink, shrink, 1.0)
                extra = rotation_vector(turn.R if R is None else R) - by_fit
                out[span.first] = (span.last, extra, turn.zoom / fit.zoom)
        return out


class Background:
    """Follows the corners of the background in a shot's pictures (Lucas and Kanade 1981)."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None
        self.corners = Corners()

    def add(
        self,
        gray: UInt8[np.ndarray, "height width"],
        background: UInt8[np.ndarray, "height width"],
    ) -> None:
        """The next frame, and where in it the background is (255)."""
        cv2, corners = opencv(), self.corners
        side, middle = float(max(gray.shape)), np.array(gray.shape[::-1]) / 2
        places, kept = corners.places, np.zeros(len(corners.places), bool)
        if self._last is not None and len(places):
            before = (places * side + middle).astype(np.float32)[:, None]
            found, status, _ = cv2.calcOpticalFlowPyrLK(
                self._last, gray, before, None, winSize=(15, 15), maxLevel=3
            )
            places = (found[:, 0] - middle) / side
            column, row = found[:, 0].round().astype(int).T
            height, width = gray.shape
            column, row = column.clip(0, width - 1), row.clip(0, height - 1)
            kept = (status[:, 0] > 0) & (background[row, column] > 0)  # nobody is before it
        self._last = gray
        if corners.go_on(places, kept):
            chosen = cv2.goodFeaturesToTrack(gray, _CORNERS, 0.01, 5, mask=background)
            none = np.zeros((0, 2))
            corners.begin(none if chosen is None else (chosen[:, 0] - middle) / side)

    def path(self) -> CameraPath | None:
        """What the camera did; None where the background could not be followed."""
        return self.corners.path()


def fitted_turn(
    before: Float[np.ndarray, "n 2"], after: Float[np.ndarray, "n 2"], focal: float = USUAL_FOCAL
) -> Turn:
    """The turn and zoom that take most corners to where they are found (Gauss-Newton)."""
    rays = np.concatenate((before / focal, np.ones((len(before), 1))), axis=1)
    R, zoom = np.eye(3), 1.0
    for _ in range(4):
        turned = rays @ R.T
        a, b = (turned[:, :2] / np.maximum(turned[:, 2:], 0.1)).T
        image = zoom * np.stack((a, b), axis=1)
        off = after / focal - image
        spread = max(_SPREAD_PX / 320 / focal, 1.5 * float(np.median(np.abs(off))))
        weight = 1 / (1 + (off**2).sum(1) / spread**2) ** 2
        one = np.ones_like(a)
        by = zoom * np.stack((
            np.stack((-a * b, one + a * a, -b, a), axis=1),
            np.stack((-one - b * b, a * b, a, b), axis=1),
        ), axis=1)  # fmt: skip
        normal = np.einsum("n,nki,nkj->ij", weight, by, by) + 1e-9 * np.eye(4)
        step = np.linalg.solve(normal, np.einsum("n,nki,nk->i", weight, by, off))
        R, zoom = rotation(step[:3]) @ R, zoom * float(np.exp(step[3]))
    return Turn(R, zoom, focal * float(np.median(np.linalg.norm(off, axis=1))))


def best_focal(spans: list[Span]) -> float | None:
    """The focal length by the longer side that turns explain best; None where few turns tell."""
    telling = []
    for span in spans:
        turn = rotation_vector(fitted_turn(span.before, span.after).R)
        if np.linalg.norm(turn[:2]) > _TURNED:
            telling.append(span)
    if not telling:
        return None

    def off(focal: float) -> float:
        return float(np.mean([fitted_turn(s.before, s.after, focal).off for s in telling]))

    tried = [off(focal) for focal in _FOCALS]
    best = int(np.argmin(tried))
    flat = tried[best] > 0.8 * tried[int(np.abs(_FOCALS - USUAL_FOCAL).argmin())]
    if flat or best in (0, len(_FOCALS) - 1):
        return None
    from scipy.optimize import minimize_scalar  # slow to load, and only turning cameras need it

    around = _FOCALS[best - 1], _FOCALS[best + 1]
    found = minimize_scalar(off, bounds=around, method="bounded", options={"xatol": 1e-3})
    return float(found.x)


def _essential(span: Span, focal: float) -> np.ndarray | None:
    """The turn of a camera that travelled; None where too few corners agree on one."""
    cv2 = opencv()
    a, b = span.before / focal, span.after / focal
    E, agree = cv2.findEssentialMat(a, b, np.eye(3), cv2.RANSAC, 0.999, 1 / 320 / focal)
    if E is None or E.shape != (3, 3) or agree.mean() < _AGREE:
        return None
    _, R, _, _ = cv2.recoverPose(E, a, b, np.eye(3), mask=agree)
    return np.asarray(R) if np.trace(R) > 1 else None


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
