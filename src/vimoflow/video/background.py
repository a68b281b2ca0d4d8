"""The background followed from frame to frame: how the camera turned, zoomed and travelled.

Corners outside the person are followed (Lucas and Kanade 1981, in pyramids) for as long as enough
of them last, and each frame is compared with the first of its corners' frames, so that errors do
not add up from frame to frame. What their moves tell of the camera: ``camera_turns``.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float, UInt8

from vimoflow.geometry.camera_path import CameraPath
from vimoflow.video.camera_turns import (
    PARALLAX,
    USUAL_FOCAL,
    Span,
    Turn,
    best_lens,
    fitted_turns,
    opencv,
    rotation,
    rotation_vector,
    travel_of,
    travelling_focal,
)

_CORNERS = 120
_FEWEST = 8  # corners that must be followed
_LASTING = 0.6  # of the corners; with fewer, new ones are looked for
_FARTHEST = 0.25  # of the picture's longer side: corners that went so far are looked for anew
_LONGEST = 30  # looks: what is looked at from elsewhere looks different
_GAP = 10  # looks without corners that are bridged at the speed around them
_MOVED, _TRAVELS = 0.2, 0.3  # of the time, and of that in which the picture moved
_LENS = 0.03  # of how far corners went: what a lens that is not quite known leaves
_STILL_RAD, _STILL_ZOOM = np.radians(0.3), 0.006


class Corners:
    """Distant corners from frame to frame, and what they tell of the camera.

    Places are from the picture's middle, by its longer side. Corners are compared with where they
    were in the frame in which they were chosen, until too few are left or they went too far.
    """

    def __init__(self) -> None:
        self.places: np.ndarray = np.zeros((0, 2))
        self._start, self._wanted = self.places, 0.0
        self._begun = 0
        self.seen: list[Span | None] = []  # up to each frame; None where too few were left
        self.spans: list[Span] = []  # as long as corners lasted

    def go_on(self, places: Float[np.ndarray, "n 2"], kept: Bool[np.ndarray, " n"]) -> bool:
        """The corners in the next frame, and whether others must be chosen in it."""
        self._start, self.places = self._start[kept], places[kept]
        enough = len(self.places) >= _FEWEST
        pair = (x.astype(np.float32) for x in (self._start, self.places))
        self.seen.append(Span(self._begun, len(self.seen), *pair) if enough else None)
        if not enough or len(self.places) < self._wanted:
            return True
        far = float(np.median(np.abs(self.places - self._start))) > _FARTHEST
        return far or len(self.seen) - self._begun > _LONGEST

    def begin(self, places: Float[np.ndarray, "n 2"]) -> None:
        """Other corners, chosen in this frame."""
        self._finish()
        self._start = self.places = places
        self._begun, self._wanted = len(self.seen) - 1, _LASTING * len(places)

    def _finish(self) -> None:
        lasted = [span for span in self.seen[self._begun + 1 :] if span is not None]
        self.spans += lasted[-1:]

    def path(self) -> CameraPath | None:
        """What the camera did; None where the corners could not be followed."""
        frames = len(self.seen)
        lost = sum(span is None for span in self.seen[1:])
        if frames < 2 or lost > 0.3 * frames:
            return None
        self._finish()
        found, zooms = best_lens(self.spans)
        focal = found or USUAL_FOCAL
        travels = self._travels(focal, zooms)
        if travels:
            found = travelling_focal(self.spans)
            focal = found or USUAL_FOCAL
        R, zoom = self._chained(focal, zooms and not travels, travels)
        turned = max(float(np.linalg.norm(rotation_vector(one))) for one in R[::2])
        if turned < _STILL_RAD and np.ptp(zoom) < _STILL_ZOOM and not travels:
            return CameraPath.still(frames)
        return CameraPath(R, zoom, travels, found)

    def _travels(self, focal: float, zooms: bool) -> bool:
        """Whether no turn explains most of the time in which the picture moved."""
        moved = near = 0
        went = [span for span in self.spans if span.far > 2 * PARALLAX]
        for span, turn in zip(went, fitted_turns(went, focal, zooms), strict=True):
            moved += span.last - span.first
            near += (span.last - span.first) * (turn.off > PARALLAX + _LENS * span.far)
        return moved > _MOVED * len(self.seen) and near > _TRAVELS * moved

    def _chained(self, focal: float, zooms: bool, travels: bool) -> tuple[np.ndarray, np.ndarray]:
        """Each frame's turn to the first one and its zoom, from one set of corners to the next."""
        parallax = self._parallax(focal) if travels else {}
        steps = np.full((len(self.seen), 4), np.nan)  # a rotation vector, the zoom's logarithm
        before = Turn(np.eye(3), 1.0, 0.0)
        known = [span for span in self.seen if span is not None]
        for span, turn in zip(known, fitted_turns(known, focal, zooms), strict=True):
            frame = span.last
            last, extra = parallax.get(span.first, (frame, np.zeros(3)))
            share = (frame - span.first) / max(last - span.first, 1)
            R = rotation(rotation_vector(turn.R) + share * extra)
            if self.seen[frame - 1] is None or span.first == frame - 1:
                before = Turn(np.eye(3), 1.0, 0.0)
            steps[frame, :3] = rotation_vector(before.R @ R.T)
            steps[frame, 3] = np.log(turn.zoom / before.zoom)
            before = Turn(R, turn.zoom, turn.off)
        steps = _bridged(steps)
        R = np.tile(np.eye(3), (len(steps), 1, 1))
        for frame in range(1, len(steps)):
            R[frame] = R[frame - 1] @ rotation(steps[frame, :3])
        return R, np.exp(steps[:, 3].cumsum())

    def _parallax(self, focal: float) -> dict[int, tuple[int, np.ndarray]]:
        """What the essential matrix adds to the turns of spans, by their first frames."""
        turns = fitted_turns(self.spans, focal, zooms=False)
        out = {}
        for span, turn in zip(self.spans, turns, strict=True):
            travel = travel_of(span, focal)
            if travel is not None and travel.off < PARALLAX and np.trace(travel.R) > 1:
                add = rotation_vector(travel.R) - rotation_vector(turn.R)
                out[span.first] = span.last, add
        return out


def _bridged(steps: Float[np.ndarray, "frames 4"]) -> Float[np.ndarray, "frames 4"]:
    """Steps where none is known: as around them in short gaps, none in long ones."""
    known = np.flatnonzero(np.isfinite(steps[:, 0]))
    frames = np.arange(len(steps))
    if not len(known):
        return np.zeros_like(steps)
    filled = np.stack([np.interp(frames, known, column[known]) for column in steps.T], axis=1)
    after = known[np.searchsorted(known, frames).clip(max=len(known) - 1)]
    before = known[(np.searchsorted(known, frames, side="right") - 1).clip(min=0)]
    filled[np.minimum(abs(after - frames), abs(frames - before)) > _GAP] = 0.0
    filled[0] = 0.0
    return filled


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
