"""All paired figures of one motion against the truth of its case."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.errors import InputError
from vimoflow.evaluation import metrics
from vimoflow.evaluation.cases import FPS, Case
from vimoflow.evaluation.trajectories import root_error, wa_mpjpe
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import COCO_LIMBS, CONTACT_JOINTS, coco, joint

_SOLE_M = 0.015  # from the lowest joint down to the floor
_HIPS = tuple(COCO_LIMBS.index(coco(name)) for name in ("left_hip", "right_hip"))


@dataclass(frozen=True)
class Score:
    """Figures of one predicted motion; millimetres unless the name says otherwise.

    NaN where a method has no such figure, or the clip cannot tell.
    """

    mpjpe: float = math.nan
    pa_mpjpe: float = math.nan
    pa_mpjpe_clip: float = math.nan
    foot_slide: float = math.nan
    jitter: float = math.nan  # m/s^3
    acceleration: float = math.nan  # m/s^2
    acceleration_error: float = math.nan  # m/s^2, of limbs about the mid-hip
    mpjre: float = math.nan  # degrees
    contact_precision: float = math.nan  # share
    contact_recall: float = math.nan  # share
    penetration: float = math.nan
    floating: float = math.nan
    root_error: float = math.nan  # of the path, after alignment by yaw
    wa_mpjpe: float = math.nan  # segments of 100 frames, aligned by yaw


@dataclass(frozen=True)
class Heading:
    """How a figure is shown: its column, unit, and digits."""

    label: str
    unit: str
    digits: int = 1


HEADINGS = {
    "mpjpe": Heading("MPJPE", "mm"),
    "pa_mpjpe": Heading("PA-MPJPE", "mm"),
    "pa_mpjpe_clip": Heading("PA clip", "mm"),
    "foot_slide": Heading("foot slide", "mm"),
    "jitter": Heading("jitter", "m/s³", 0),
    "acceleration": Heading("acceleration", "m/s²"),
    "acceleration_error": Heading("acceleration error", "m/s²"),
    "mpjre": Heading("MPJRE", "°"),
    "contact_precision": Heading("contact precision", "", 2),
    "contact_recall": Heading("contact recall", "", 2),
    "penetration": Heading("penetration", "mm"),
    "floating": Heading("floating", "mm"),
    "root_error": Heading("root path", "mm"),
    "wa_mpjpe": Heading("WA-MPJPE-100", "mm"),
}
assert tuple(HEADINGS) == tuple(field.name for field in dataclasses.fields(Score))


def score(motion: Motion, case: Case) -> Score:
    """Compare one motion with the truth of its case; COCO points 5 to 16, as published.

    Raises:
        InputError: the motion is not finite or has another length than the truth.
    """
    if len(motion) != len(case.truth):
        raise InputError(
            f"{case.title}: {len(motion)} frames were predicted where the truth has "
            f"{len(case.truth)}"
        )
    R, joints, predicted = _posed(motion)
    R_truth, truth_joints, _ = _posed(case.truth)
    contacts = torch.from_numpy(case.truth.contacts).double()
    own = torch.from_numpy(motion.contacts).double()
    feet = joints[:, [joint(name) for name in CONTACT_JOINTS]]
    told = metrics.contact_scores(own, contacts)
    return dataclasses.replace(
        score_limbs(predicted, case),
        foot_slide=float(metrics.foot_slide(feet, contacts, FPS)),
        jitter=float(metrics.jitter(joints, FPS)),
        acceleration=float(metrics.acceleration(joints, FPS)),
        mpjre=float(metrics.mpjre(R, R_truth)),
        contact_precision=float(told.precision),
        contact_recall=float(told.recall),
        penetration=float(metrics.penetration(joints, _SOLE_M)),
        floating=float(metrics.floating(joints, contacts, _SOLE_M)),
        root_error=float(root_error(joints[:, 0], truth_joints[:, 0])),
        wa_mpjpe=float(wa_mpjpe(joints, truth_joints)),
    )


def score_limbs(limbs: Float[Tensor, "frames 12 3"], case: Case) -> Score:
    """Position figures of COCO points 5 to 16 alone, metres, in the frame of the case."""
    truth = torch.from_numpy(case.truth_coco).double()[:, list(COCO_LIMBS)]
    limbs = limbs.double()
    ours, theirs = (p - p[:, list(_HIPS)].mean(1, keepdim=True) for p in (limbs, truth))
    return Score(
        mpjpe=float(metrics.mpjpe(limbs, truth, root=_HIPS)),
        pa_mpjpe=float(metrics.pa_mpjpe(limbs, truth)),
        pa_mpjpe_clip=float(metrics.pa_mpjpe_clip(limbs, truth)),
        acceleration_error=float(metrics.acceleration_error(ours, theirs, FPS)),
    )


def limb_points(motion: Motion) -> Float[Tensor, "frames 12 3"]:
    """COCO points 5 to 16 of a motion, metres."""
    return _posed(motion)[2]


def limb_errors(limbs: Float[Tensor, "frames 12 3"], case: Case) -> Float[np.ndarray, "12"]:
    """Error of each limb point after the best similarity of every frame, mm."""
    truth = torch.from_numpy(case.truth_coco).double()[:, list(COCO_LIMBS)]
    return metrics.pa_joint_errors(limbs.double(), truth).numpy()


def mean_score(scores: list[Score]) -> Score:
    """The mean of each figure over several scores; NaN where all are."""
    values = np.array([dataclasses.astuple(s) for s in scores])
    known = ~np.isnan(values)
    counts = known.sum(axis=0)
    sums = np.where(known, values, 0.0).sum(axis=0)
    means = np.where(counts > 0, sums / counts.clip(min=1), np.nan)
    return Score(*(float(mean) for mean in means))


def _posed(motion: Motion) -> tuple[Tensor, Tensor, Tensor]:
    """Local rotations, joints and limb points of a motion, float64."""
    R = torch.from_numpy(motion.local_rotations)
    R_world, joints = forward_kinematics(R, torch.from_numpy(motion.trans).double())
    return R, joints, coco_points(R_world, joints)[:, list(COCO_LIMBS)]
