"""What can be said about a result without knowing the truth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.conventions import COCO_NAMES, STATURE_M
from vimoflow.evaluation.metrics.paired import foot_slide, jitter
from vimoflow.geometry.signals import runs_of_true
from vimoflow.inference.conditioning.encoding import MIN_CONFIDENCE, person_size_px
from vimoflow.inference.sampling import pieces
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import CONTACT_JOINTS, joint

_CHUNK_S = 1.0  # one affine camera a second: people come nearer and cameras turn
_MIN_POINTS = 24  # in a chunk, for its eight numbers


@dataclass(frozen=True)
class Quality:
    """Metrics of one result; None where there is nothing to measure.

    Attributes:
        reprojection_px: mean distance between the seen keypoints and the motion's COCO points
            through an affine camera fitted to each second.
        reprojection_percent: the same, in per cent of the person's height in the image.
        foot_slide_mm: horizontal movement from frame to frame of feet that the motion itself says
            are in contact.
        jitter: mean third derivative of the joints, m/s^3.
        seen_percent: keypoints that were seen.
        frames_seen_percent: frames with at least half of the body's keypoints seen.
        filled: (start, end) in seconds of stretches without any keypoint, which the model filled.
    """

    reprojection_px: float | None
    reprojection_percent: float | None
    foot_slide_mm: float | None
    jitter: float | None
    seen_percent: float
    frames_seen_percent: float
    filled: tuple[tuple[float, float], ...]


def measure_quality(motion: Motion, keypoints: Keypoints2D, cuts: Sequence[int] = ()) -> Quality:
    """Quality metrics of a motion on the clock of the keypoints it was made from.

    At ``cuts``, first frames of new shots, another camera begins.
    """
    points, joints = _posed(motion)
    error = _reprojection_px(_residuals_px(points, keypoints, cuts))
    size = float(person_size_px(torch.from_numpy(keypoints.points).float()[None]))
    slide = jerk = None
    if len(motion) >= 4:
        feet = joints[:, [joint(name) for name in CONTACT_JOINTS]]
        contacts = torch.from_numpy(motion.contacts).double().clamp(0, 1)
        slide = _number(float(foot_slide(feet, contacts, motion.fps)))
        jerk = _number(float(jitter(joints, motion.fps)))
    observed = keypoints.observed
    return Quality(
        reprojection_px=error,
        reprojection_percent=None if error is None else 100 * error / (STATURE_M * size),
        foot_slide_mm=slide,
        jitter=jerk,
        seen_percent=100 * float(observed.mean()),
        frames_seen_percent=100 * float((observed[:, 5:].mean(axis=1) >= 0.5).mean()),
        filled=_gaps(observed.any(axis=1), keypoints.timestamps),
    )


def _posed(motion: Motion) -> tuple[np.ndarray, torch.Tensor]:
    """COCO points and joints, made in pieces: on the way they take many times their own size."""
    points = np.empty((len(motion), len(COCO_NAMES), 3))
    joints = torch.empty(motion.poses.shape, dtype=torch.float64)
    for first, piece in pieces(motion):
        R = torch.from_numpy(piece.local_rotations)
        posed = forward_kinematics(R, torch.from_numpy(piece.trans).double())
        points[first : first + len(piece)] = coco_points(*posed).numpy()
        joints[first : first + len(piece)] = posed[1]
    return points, joints


def _reprojection_px(chunks: list[tuple[float, float, np.ndarray]]) -> float | None:
    """The mean over all points of all seconds."""
    return float(np.concatenate([one for *_, one in chunks]).mean()) if chunks else None


def reprojection_by_second(
    motion: Motion, keypoints: Keypoints2D, cuts: Sequence[int] = ()
) -> list[tuple[float, float, float]]:
    """Start and end of each second that shows enough, and the mean distance in it, pixels."""
    chunks = _residuals_px(_posed(motion)[0], keypoints, cuts)
    return [(start, end, float(errors.mean())) for start, end, errors in chunks]


def _residuals_px(
    points_world: Float[np.ndarray, "frames 17 3"], keypoints: Keypoints2D, cuts: Sequence[int]
) -> list[tuple[float, float, np.ndarray]]:
    """Residuals of the best affine camera (2 x 4, least squares) of each second, and its times."""
    times = keypoints.timestamps
    chunk = np.floor((times - times[0]) / _CHUNK_S).astype(int)
    for number, cut in enumerate(cuts, 1):
        chunk[cut:] += number * (int(chunk.max()) + 1)  # no camera sees both sides of a cut
    seen = keypoints.points[..., 2] > MIN_CONFIDENCE
    found = []
    for second in np.unique(chunk):
        own = chunk == second
        rows = own[:, None] & seen
        if rows.sum() < _MIN_POINTS:
            continue
        A = np.concatenate((points_world[rows], np.ones((int(rows.sum()), 1))), axis=1)
        b = keypoints.points[rows][:, :2]
        camera = np.linalg.lstsq(A, b, rcond=None)[0]
        errors = np.linalg.norm(A @ camera - b, axis=1)
        found.append((float(times[own][0]), float(times[own][-1]), errors))
    return found


def _gaps(seen: np.ndarray, times: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Stretches of frames in which nothing was seen."""
    return tuple(
        (round(float(times[first]), 3), round(float(times[end - 1]), 3))
        for first, end in runs_of_true(~seen)
    )


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def quality_lines(quality: Quality) -> tuple[tuple[str, str], ...]:
    """A result's quality as lines to show: label and value."""
    rows = [("Keypoints seen", f"{quality.seen_percent:.0f} %")]
    if quality.reprojection_px is not None:
        percent = f"{quality.reprojection_percent:.1f} % of the person's height"
        rows.append(("Distance to keypoints", f"{quality.reprojection_px:.1f} px ({percent})"))
    if quality.foot_slide_mm is not None:
        rows.append(("Foot slide", f"{quality.foot_slide_mm:.1f} mm a contact frame"))
    if quality.jitter is not None:
        rows.append(("Jitter", f"{quality.jitter:.0f} m/s³"))
    for start, end in quality.filled:
        span = f"{start:.2f} s to {end:.2f} s" if end > start else f"one frame at {start:.2f} s"
        rows.append(("Filled in", f"{span}, where nobody was seen"))
    return tuple(rows)
