"""All paired metrics of one motion against the truth of its case."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.conventions import MODEL_FPS, STATURE_M
from vimoflow.errors import InputError
from vimoflow.evaluation.benchmark.cases import Case
from vimoflow.evaluation.metrics import paired as metrics
from vimoflow.evaluation.metrics.reprojection import weak_perspective_error
from vimoflow.evaluation.metrics.rhythm import beat_alignment, motion_beats, physical_foot_contact
from vimoflow.evaluation.metrics.trajectories import root_error, rte, w_mpjpe, wa_mpjpe
from vimoflow.inference.conditioning.encoding import MIN_CONFIDENCE, person_size_px
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import COCO_LIMBS, CONTACT_JOINTS, coco, joint

_SOLE_M = 0.015  # from the lowest joint down to the floor
_HIPS = tuple(COCO_LIMBS.index(coco(name)) for name in ("left_hip", "right_hip"))


@dataclass(frozen=True)
class Score:
    """Metrics of one predicted motion; millimetres unless the name says otherwise.

    NaN where a method has no such metric, or it is undefined for the clip.
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
    w_mpjpe: float = math.nan  # segments of 100 frames, aligned by yaw of their first two
    wa_mpjpe: float = math.nan  # segments of 100 frames, aligned by yaw
    rte: float = math.nan  # per cent of the way, after alignment by yaw
    reprojection: float = math.nan  # per cent of the person's height, see ``reprojection``
    pfc: float = math.nan  # at 30 fps, times 10,000
    beat_alignment: float = math.nan  # 0..1, for every beat of the music
    residual_force: float = math.nan  # per cent of body weight, see ``physics.plausibility``
    implausibility: float = math.nan


@dataclass(frozen=True)
class Heading:
    """How a metric is shown: its column, unit, and digits."""

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
    "w_mpjpe": Heading("W-MPJPE-100", "mm"),
    "wa_mpjpe": Heading("WA-MPJPE-100", "mm"),
    "rte": Heading("RTE", "%"),
    "reprojection": Heading("2D reprojection", "%"),
    "pfc": Heading("PFC", "", 2),
    "beat_alignment": Heading("beat alignment", "", 3),
    "residual_force": Heading("residual force", "% of weight"),
    "implausibility": Heading("implausibility", "", 2),
}
assert tuple(HEADINGS) == tuple(field.name for field in dataclasses.fields(Score))


@dataclass(frozen=True)
class Posed:
    """A motion with its kinematics, computed once, float64.

    Attributes:
        R_parent_joint: local rotations.
        joints, coco: positions in metres.
    """

    motion: Motion
    R_parent_joint: Float[Tensor, "frames 24 3 3"]
    joints: Float[Tensor, "frames 24 3"]
    coco: Float[Tensor, "frames 17 3"]

    @classmethod
    def of(cls, motion: Motion) -> Posed:
        """Pose the skeleton."""
        R = torch.from_numpy(motion.local_rotations)
        R_world, joints = forward_kinematics(R, torch.from_numpy(motion.trans).double())
        return cls(motion, R, joints, coco_points(R_world, joints))


@dataclass(frozen=True)
class Measured:
    """What one motion scores.

    Attributes:
        limb_errors: of COCO points 5 to 16 after the best similarity of every frame, mm.
    """

    score: Score
    limb_errors: Float[np.ndarray, "12"]


def score(motion: Motion, case: Case) -> Score:
    """Compare one motion with the truth of its case; COCO points 5 to 16, as published.

    Raises:
        InputError: the motion is not finite or has another length than the truth.
    """
    return measure(Posed.of(motion), case, Posed.of(case.truth)).score


def measure(posed: Posed, case: Case, truth: Posed) -> Measured:
    """All metrics of one motion of a case, whose posed truth serves every method.

    Raises:
        InputError: the motion is not finite or has another length than the truth.
    """
    if len(posed.motion) != len(case.truth):
        raise InputError(
            f"{case.title}: {len(posed.motion)} frames were predicted where the truth has "
            f"{len(case.truth)}"
        )
    joints = posed.joints
    contacts = torch.from_numpy(case.truth.contacts).double()
    own = torch.from_numpy(posed.motion.contacts).double()
    feet = joints[:, [joint(name) for name in CONTACT_JOINTS]]
    contact = metrics.contact_scores(own, contacts)
    path, true_path = joints[:, 0], truth.joints[:, 0]
    limbs = measure_limbs(posed.coco[:, list(COCO_LIMBS)], case)
    values = dataclasses.replace(
        limbs.score,
        foot_slide=float(metrics.foot_slide(feet, contacts, MODEL_FPS)),
        jitter=float(metrics.jitter(joints, MODEL_FPS)),
        acceleration=float(metrics.acceleration(joints, MODEL_FPS)),
        mpjre=float(metrics.mpjre(posed.R_parent_joint, truth.R_parent_joint)),
        contact_precision=float(contact.precision),
        contact_recall=float(contact.recall),
        penetration=float(metrics.penetration(joints, _SOLE_M)),
        floating=float(metrics.floating(joints, contacts, _SOLE_M)),
        root_error=float(root_error(path, true_path)),
        w_mpjpe=float(w_mpjpe(joints, truth.joints)),
        wa_mpjpe=float(wa_mpjpe(joints, truth.joints)),
        rte=float(rte(path, true_path)),
        pfc=physical_foot_contact(joints.numpy(), MODEL_FPS),
        beat_alignment=_beat_alignment(joints.numpy(), case),
    )
    return Measured(values, limbs.limb_errors)


def measure_limbs(limbs: Float[Tensor, "frames 12 3"], case: Case) -> Measured:
    """Metrics of COCO points 5 to 16 alone, metres, in the frame of the case."""
    truth = torch.from_numpy(case.truth_coco).double()[:, list(COCO_LIMBS)]
    limbs = limbs.double()
    ours, theirs = (p - p[:, list(_HIPS)].mean(1, keepdim=True) for p in (limbs, truth))
    errors = metrics.pa_joint_errors(limbs, truth)
    values = Score(
        mpjpe=float(metrics.mpjpe(limbs, truth, root=_HIPS)),
        pa_mpjpe=float(errors.mean()),
        pa_mpjpe_clip=float(metrics.pa_mpjpe_clip(limbs, truth)),
        acceleration_error=float(metrics.acceleration_error(ours, theirs, MODEL_FPS)),
        reprojection=_reprojection(limbs, case),
    )
    return Measured(values, errors.numpy())


def _reprojection(limbs: Tensor, case: Case) -> float:
    """Distance to the case's own 2D, per cent of the person's height in the image."""
    points = case.points_px[:, list(COCO_LIMBS)]
    error = weak_perspective_error(
        limbs.numpy(), points[..., :2].astype(float), points[..., 2] > MIN_CONFIDENCE, MODEL_FPS
    )
    size = float(person_size_px(torch.from_numpy(case.points_px)[None]))
    return 100 * error / (STATURE_M * size)


def _beat_alignment(joints: Float[np.ndarray, "frames 24 3"], case: Case) -> float:
    """At every beat of the music while the clip lasts; NaN without music."""
    if case.music_beats_s is None:
        return math.nan
    last = (len(joints) - 1) / MODEL_FPS
    beats = case.music_beats_s[(case.music_beats_s >= 0) & (case.music_beats_s <= last)]
    return beat_alignment(beats, motion_beats(joints, MODEL_FPS)) if len(beats) else math.nan


def mean_score(scores: list[Score]) -> Score:
    """The mean of each metric over several scores; NaN where all are."""
    values = np.array([dataclasses.astuple(s) for s in scores])
    known = ~np.isnan(values)
    counts = known.sum(axis=0)
    sums = np.where(known, values, 0.0).sum(axis=0)
    means = np.where(counts > 0, sums / counts.clip(min=1), np.nan)
    return Score(*(float(mean) for mean in means))
