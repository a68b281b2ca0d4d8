"""Whether a result can be used: one judgement out of all that is known without the truth.

The risk that the pose is off by more than 80 mm (PA-MPJPE) is a logistic function of what was
seen, how sure the detector was, how much the keypoints tremble, how far off they are likely to be,
how far the motion is from them and how much its feet slide; fitted on rendered clips that MediaPipe
looked at and on virtual ones with damaged keypoints (docs/experiments/0014-people-and-verdict.md).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from vimoflow.conventions import COCO_NAMES, STATURE_M
from vimoflow.geometry.signals import runs_of_true
from vimoflow.keypoints.doubt import doubt_m
from vimoflow.keypoints.people_sizes import metre_px
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.clip import Motion
from vimoflow.pipeline.quality import Quality, reprojection_by_second

Grade = Literal["good", "check", "bad"]
_BODY = slice(COCO_NAMES.index("left_shoulder"), None)
_TRUNK = [i for i, name in enumerate(COCO_NAMES) if name.endswith(("shoulder", "hip"))]
# Per unit of: logarithm of the reprojection error in per cent, share of the body seen, mean
# confidence, logarithms of the keypoints' tremble in millimetres, of their doubt in metres and of
# the foot slide in millimetres; then the constant.
_WEIGHTS = (1.28, -1.98, -0.96, 0.28, 0.55, 0.37)
_CONSTANT = 0.42
_ALL_DOUBT_M = 0.3  # of keypoints that nobody saw
_BAD, _CHECK = 0.6, 0.3  # risks
_FAR_PERCENT = 6.0  # of the height, in a second
_SMALL_PX = 80.0
_JUMP_M = 0.6  # of the trunk between frames that show it
_JUMP_MPS = 8.0  # added for the time between them
_SLIDE_MM = 15.0


@dataclass(frozen=True)
class Concern:
    """Something to look at.

    Attributes:
        what: it is, and what to do about it.
        spans_s: when, (start, end) in seconds.
        grade: how bad that is.
    """

    what: str
    spans_s: tuple[tuple[float, float], ...]
    grade: Grade = "check"

    def __str__(self) -> str:
        named = ", ".join(f"{a:.1f}-{b:.1f} s" for a, b in self.spans_s[:3])
        more = f" and {len(self.spans_s) - 3} more" if len(self.spans_s) > 3 else ""
        return f"{named}{more}: {self.what}"


@dataclass(frozen=True)
class Verdict:
    """A judgement.

    Attributes:
        grade: bad is not worth looking at as it is, check is worth a look at the seconds named.
        risk: that the pose is off by more than 80 mm, 0 to 1.
        concerns: what it rests on, and what to do.
    """

    grade: Grade
    risk: float
    concerns: tuple[Concern, ...]

    def __str__(self) -> str:
        says = "; ".join(str(one) for one in self.concerns)
        return self.grade + (f" ({says})" if says else "")


def judge(
    motion: Motion,
    keypoints: Keypoints2D,
    quality: Quality,
    cuts: Sequence[int] = (),
    changes_s: Sequence[tuple[float, float]] = (),
    blurred_s: Sequence[tuple[float, float]] = (),
) -> Verdict:
    """The verdict on a motion, on the clock of the keypoints it was made from.

    Args:
        motion: what is judged.
        keypoints: what it was made from.
        quality: of the motion.
        cuts: first frames of new shots.
        changes_s: when the person's clothes become others.
        blurred_s: when the picture is blurred around the person.
    """
    risk = _risk(keypoints, quality)
    concerns = tuple(_concerns(motion, keypoints, quality, cuts, changes_s))
    if blurred_s:
        what = "the picture is blurred around the person; film with more light, or hold still"
        concerns += (Concern(what, tuple(blurred_s)),)
    worst = [one.grade for one in concerns]
    grade: Grade = "good"
    if risk > _CHECK or worst:
        grade = "check"
    if risk > _BAD or "bad" in worst:
        grade = "bad"
    return Verdict(grade, round(risk, 3), concerns)


def signs(keypoints: Keypoints2D, quality: Quality) -> tuple[float, ...]:
    """What the risk is computed from, in the order of its weights."""
    body = keypoints.points[:, _BODY]
    known = body[..., 2] > 0
    places = body[..., :2] / metre_px(keypoints.points)
    tremble = np.linalg.norm(np.diff(places, 2, axis=0), axis=-1)
    both = known[2:] & known[1:-1] & known[:-2]
    percent = quality.reprojection_percent
    doubt = doubt_m(keypoints.points)
    return (
        math.log(max(20.0 if percent is None else percent, 0.1)),
        float(known.mean()),
        float(body[..., 2].mean()),
        math.log(max(1000 * float(np.median(tremble[both])), 1.0) if both.any() else 200.0),
        math.log(float(doubt[doubt > 0].mean()) if doubt.any() else _ALL_DOUBT_M),
        math.log(max(quality.foot_slide_mm or 0.0, 0.5)),
    )


def _risk(keypoints: Keypoints2D, quality: Quality) -> float:
    score = _CONSTANT + float(np.dot(_WEIGHTS, signs(keypoints, quality)))
    return 1 / (1 + math.exp(-max(-50.0, min(50.0, score))))


def _concerns(
    motion: Motion,
    keypoints: Keypoints2D,
    quality: Quality,
    cuts: Sequence[int],
    changes_s: Sequence[tuple[float, float]],
) -> list[Concern]:
    times = keypoints.timestamps
    whole = float(times[-1] - times[0])
    size = metre_px(keypoints.points)
    found = []
    if quality.filled:
        unseen = sum(b - a for a, b in quality.filled)
        grade: Grade = "bad" if unseen > max(1.0, 0.3 * whole) else "check"
        what = "nobody was seen, the pose is invented; cut it off with --start and --end"
        found.append(Concern(what, quality.filled, grade))
    far = tuple(
        (a, b)
        for a, b, error_px in reprojection_by_second(motion, keypoints, cuts)
        if 100 * error_px / (STATURE_M * size) > _FAR_PERCENT
    )
    if far:
        what = "the figure is not where the keypoints are; compare it with the video"
        found.append(Concern(what, far, "bad" if len(far) > 0.3 * max(whole, 1) else "check"))
    jumps = tuple(sorted({*identity_jumps(keypoints, cuts), *changes_s}))
    if jumps:
        what = "the person may be another one from here on; choose one with --person or --region"
        found.append(Concern(what, jumps, "bad"))
    if cuts:
        shots = tuple((float(times[c - 1]), float(times[c])) for c in cuts)
        found.append(Concern("the picture is cut; what comes before is another shot", shots))
    everywhere = ((float(times[0]), float(times[-1])),)
    if size * STATURE_M < _SMALL_PX:
        found.append(Concern("the person is small; film from nearer, or zoom in", everywhere))
    if (quality.foot_slide_mm or 0.0) > _SLIDE_MM:
        what = "feet slide on the floor; if the camera moved, --camera moving"
        found.append(Concern(what, everywhere))
    return found


def identity_jumps(
    keypoints: Keypoints2D, cuts: Sequence[int] = ()
) -> tuple[tuple[float, float], ...]:
    """Moments in which the trunk goes where nobody can go: points are of somebody else since."""
    trunk = keypoints.points[:, _TRUNK]
    seen = np.flatnonzero((trunk[..., 2] > 0.3).sum(axis=1) >= 3)
    if len(seen) < 2:
        return ()
    times = keypoints.timestamps[seen]
    middle = np.median(trunk[seen][..., :2], axis=1) / metre_px(keypoints.points)
    moved = np.linalg.norm(np.diff(middle, axis=0), axis=-1)
    limit = _JUMP_M + np.minimum(_JUMP_MPS * np.diff(times), 2.0) - _JUMP_MPS / keypoints.fps
    jumped = moved > limit
    cut = np.array([any(a < c <= b for c in cuts) for a, b in itertools.pairwise(seen)])
    return tuple((float(times[a]), float(times[end])) for a, end in runs_of_true(jumped & ~cut))
