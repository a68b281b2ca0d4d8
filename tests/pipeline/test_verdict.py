"""The verdict falls with what is wrong, and names the seconds."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from motion_examples import swinging_motion
from tests.keypoints.test_people_choice import somebody
from vimoflow.geometry.camera_path import CameraPath
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.pipeline.animation import seen_steadily
from vimoflow.pipeline.generate_options import GenerateOptions
from vimoflow.pipeline.quality import Quality, measure_quality
from vimoflow.pipeline.sources import Source
from vimoflow.pipeline.verdict import identity_jumps, judge

FINE = Quality(4.0, 2.0, 2.0, 100.0, 100.0, 100.0, ())
STILL = Motion(
    np.zeros((60, 24, 3), np.float32), np.zeros((60, 3), np.float32), 30.0, np.zeros((60, 4))
)


def test_risk_grows_with_the_errors_and_with_what_is_unseen() -> None:
    seen = trembling(somebody(200, 2))
    risks = [
        judge(STILL, seen, dataclasses.replace(FINE, reprojection_percent=p, foot_slide_mm=m)).risk
        for p, m in ((1.0, 1.0), (3.0, 4.0), (9.0, 12.0))
    ]
    assert risks == sorted(risks) and risks[0] < 0.3 < 0.6 < risks[-1]
    assert judge(STILL, trembling(somebody(200, 2, until=30)), FINE).risk > risks[0]


def trembling(kept: Keypoints2D) -> Keypoints2D:
    """By 2 pixels of 170, and half as sure."""
    shaken = np.random.default_rng(0).normal(0, 2, kept.points.shape) * (1, 1, 0)
    return dataclasses.replace(kept, points=(kept.points + shaken) * (1, 1, 0.6))


def test_what_was_invented_is_bad_and_says_when() -> None:
    verdict = judge(STILL, somebody(200, 2), dataclasses.replace(FINE, filled=((0.0, 1.4),)))
    assert verdict.grade == "bad" and "0.0-1.4 s" in str(verdict)


def test_a_jump_to_somebody_else_is_found_but_not_at_a_cut() -> None:
    kept = somebody(100, 2)
    points = kept.points.copy()
    points[30:, :, 0] += 300
    jumped = dataclasses.replace(kept, points=points)
    assert len(identity_jumps(jumped)) == 1 and identity_jumps(kept) == ()
    assert identity_jumps(jumped, cuts=(30,)) == ()


def test_other_clothes_are_said() -> None:
    verdict = judge(STILL, somebody(100, 2), FINE, changes_s=((0.5, 0.6),))
    assert verdict.grade == "bad" and "0.5-0.6 s: the person may be another" in str(verdict)


def test_a_pan_is_no_error_of_the_motion() -> None:
    """Its verdict is that of the same person before a still camera, not that of what it saw."""
    motion = swinging_motion(60)
    R, p = forward_kinematics(
        torch.from_numpy(motion.local_rotations), torch.from_numpy(motion.trans).double()
    )
    body = coco_points(R, p).numpy() * (1, -1, -1) + (0.3, 1.0, 5.0)  # before a level camera
    turned = Rotation.from_rotvec(np.outer(0.4 * np.sin(np.linspace(0, 3, 60)), (0, 1, 0)))
    stood, panned = (
        _seen(np.einsum("fji,fkj->fki", R_first, body))
        for R_first in (np.tile(np.eye(3), (60, 1, 1)), turned.as_matrix())
    )
    source = Source(Path("a.mp4"), panned, None, (), camera_path=CameraPath(
        turned.as_matrix(), np.ones(60), False
    ))  # fmt: skip
    still, through_pan, raw = (
        measure_quality(motion, seen).reprojection_percent
        for seen in (stood, seen_steadily(source, GenerateOptions()), panned)
    )
    assert still is not None and through_pan is not None and raw is not None
    assert through_pan < still + 0.1 and raw > still + 0.5


def _seen(body: np.ndarray) -> Keypoints2D:
    image = body[..., :2] / body[..., 2:] * 0.8 * 1280 + (640, 360)
    points = np.concatenate((image, np.ones((*image.shape[:2], 1))), axis=-1)
    return Keypoints2D(points, np.arange(60) / 30, (1280, 720))


def test_blurred_seconds_are_to_be_looked_at() -> None:
    sharp, blurred = (
        judge(STILL, somebody(100, 2), FINE, blurred_s=spans) for spans in ((), ((1.0, 2.5),))
    )
    (added,) = set(blurred.concerns) - set(sharp.concerns)
    assert added.grade == "check"
    assert str(added).startswith("1.0-2.5 s: the picture is blurred")
