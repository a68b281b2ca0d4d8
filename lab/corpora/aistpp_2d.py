"""AIST++ sequences of which only the nine views' detections are at hand, as motions.

The views are calibrated, so their detections triangulate; the skeleton is fitted to the points
(``motion.point_fitting``). The longest run of frames that fit well is kept.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool

from lab.corpora import aistpp_files as aistpp
from lab.corpora.aist_names import project_split
from lab.corpora.keypoints_only import DetectedSequence, read_aistpp_kp2d_file
from lab.corpora.point_fitting import PointFit, PointFitSettings, fit_points
from vimoflow.conventions import MODEL_FPS
from vimoflow.data.recording import Recording
from vimoflow.errors import InputError
from vimoflow.geometry.cameras import camera_heading
from vimoflow.geometry.signals import longest_run, runs_of_true
from vimoflow.motion.canonical import canonical_motion
from vimoflow.motion.skeleton import COCO_LIMBS

NAME = "aistpp-kp2d"
SHORTEST_RUN = 60  # frames
_LIMB_POINTS_NEEDED = 10  # of the twelve from shoulders to ankles
_LONGEST_BRIDGE = 5  # bad frames in a row that the fit may bridge
_OFF_LIMIT_M = 0.12  # mean distance of the limb points from the fitted skeleton's


@dataclass(frozen=True)
class FittedSequence:
    """A sequence's detections and the motion fitted to what they triangulate to.

    Attributes:
        detected: the detections and their points.
        fit: the skeleton's motion, before its floor is found.
        good: frames whose points are known and which the skeleton fits.
    """

    detected: DetectedSequence
    fit: PointFit
    good: Bool[np.ndarray, " frames"]

    @property
    def run(self) -> slice:
        """The longest run of good frames."""
        return longest_run(self.good)


def cameras_beside(folder: Path) -> Path:
    """AIST++'s ``cameras``: in the folder of the detections, or in ``aistpp`` beside it.

    Raises:
        InputError: neither is there.
    """
    for place in (folder / "cameras", folder.parent / "aistpp" / "cameras"):
        if (place / "mapping.txt").is_file():
            return place
    raise InputError(
        f"{folder}: AIST++'s camera settings are missing; put its folder 'cameras' into it"
    )


def fit_sequence(
    path: Path, cameras: Path, settings: PointFitSettings | None = None
) -> FittedSequence:
    """Triangulate a file of detections and fit the skeleton to the points.

    Raises:
        InputError: a damaged file, or detections that do not triangulate.
    """
    detected = read_aistpp_kp2d_file(path, cameras)
    trust = detected.agreed.astype(np.float64)
    fit = fit_points(detected.points_world, MODEL_FPS, trust, settings)
    known = detected.agreed[:, list(COCO_LIMBS)].sum(-1) >= _LIMB_POINTS_NEEDED
    off = fit.off_m[:, list(COCO_LIMBS)].nanmean(-1).numpy()
    bad = _longer_than(~known, _LONGEST_BRIDGE) | ~(off < _OFF_LIMIT_M)
    return FittedSequence(detected, fit, ~bad)


def read_aistpp_2d_file(path: Path) -> Recording:
    """The longest well triangulated run of a sequence, at 30 fps, with its calibrated views.

    Raises:
        InputError: a damaged file, no cameras, or no run of two seconds that triangulates.
    """
    fitted = fit_sequence(path, cameras_beside(path.parent))
    run, name = fitted.run, path.stem
    frames = run.stop - run.start
    if frames < SHORTEST_RUN:
        raise InputError(
            f"{path}: views agree on the body for {frames / MODEL_FPS:.1f} s at most, "
            f"{SHORTEST_RUN / MODEL_FPS:.0f} s are needed"
        )
    fit, detected = fitted.fit, fitted.detected
    root = fit.root_world[run]
    motion = canonical_motion(fit.R_parent_joint[run], root, fps=MODEL_FPS)
    truth = detected.points_world[run] * fit.metres_per_unit
    truth[..., 1] -= (root.numpy() - motion.trans)[:, None, 1]
    views = detected.calibrated_views
    headings = camera_heading(aistpp.calibrated_cameras(detected.cameras).R_camera_world)
    return Recording(
        name,
        NAME,
        project_split(name),
        motion,
        detected.keypoints_px[views][:, run].astype(np.float32),
        headings.numpy()[views],
        coco_truth=truth.astype(np.float32),
        lens_of_view=aistpp.lenses(detected.cameras)[views],
    )


def _longer_than(flags: Bool[np.ndarray, " frames"], limit: int) -> Bool[np.ndarray, " frames"]:
    """The runs of true that are longer than ``limit``."""
    kept = np.zeros_like(flags)
    for start, end in runs_of_true(flags):
        kept[start:end] = end - start > limit
    return kept
