"""A motion of the skeleton from COCO points: inverse kinematics over all frames at once.

COCO points show neither the split of the spine nor feet, hands and the twist of straight limbs.
Priors stand in for those: rest where nothing is seen, knees and elbows that are hinges and bend one
way only, little change from frame to frame, feet that lie flat and still where they stand.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from vimoflow.errors import InputError
from vimoflow.geometry.rotations import matrix_to_sixd, sixd_to_matrix
from vimoflow.motion.contacts import label_contacts, standing_heights
from vimoflow.motion.floor import fit_floor
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.limb_directions import initial_rotations
from vimoflow.motion.proportions import PARTS, proportioned
from vimoflow.motion.skeleton import CONTACT_JOINTS, JOINT_NAMES, coco, joint, load_skeleton

# Rigid bones: from shoulders over elbows to wrists and from hips over knees to ankles.
_LIMB_BONES = {
    "upper arms": ("shoulder", "elbow"), "forearms": ("elbow", "wrist"),
    "thighs": ("hip", "knee"), "shins": ("knee", "ankle"),
}  # fmt: skip
_SIDES = ("left", "right")
_KNEES = [joint("left_knee"), joint("right_knee")]
_ELBOWS = [joint("left_elbow"), joint("right_elbow")]
_FEET = [joint(name) for name in CONTACT_JOINTS]
# A trunk that bends and shoulders that are drawn up look short: the longest quarter is right.
_BENDING_QUANTILE = 0.75
_IN_THE_FLOOR_M = 0.15
# How firmly a joint keeps to rest, relative to ``PointFitSettings.prior``.
_REST = {
    "pelvis": 0.0, "spine1": 3.0, "spine2": 3.0, "spine3": 3.0, "neck": 3.0, "head": 3.0,
    "collar": 3.0, "shoulder": 0.1, "elbow": 0.1, "wrist": 10.0, "hand": 30.0,
    "hip": 0.3, "knee": 0.1, "ankle": 10.0, "foot": 30.0,
}  # fmt: skip
_REST_WEIGHTS = [_REST[name.rpartition("_")[2]] for name in JOINT_NAMES]


@dataclass(frozen=True)
class PointFitSettings:
    """Weights of the terms, against squared distances in metres averaged over points.

    Attributes:
        steps: of Adam, half of them before it is known which feet stand.
        learning_rate: on the 6D rotations.
        outlier_m: distance beyond which a point pulls linearly only.
        smoothness: squared change of rotations from frame to frame.
        acceleration: squared second difference of the joints' positions.
        prior: squared distance from rest, by joint.
        hinge: knees and elbows that twist, tilt or bend backwards.
        standing: feet that slide, or leave their height, where they stand; anything in the floor.
    """

    steps: int = 160
    learning_rate: float = 0.05
    outlier_m: float = 0.03
    smoothness: float = 4e-4
    acceleration: float = 0.4
    prior: float = 3e-4
    hinge: float = 3e-3
    standing: float = 0.3


@dataclass(frozen=True)
class PointFit:
    """The skeleton fitted to points.

    Attributes:
        R_parent_joint, root_world: the motion, metres, floor as in the points.
        metres_per_unit: what the points were multiplied by, so that their legs are the skeleton's.
        off_m: distance of each point from the skeleton's, after the points were brought to the
            skeleton's proportions; NaN where no point was given.
    """

    R_parent_joint: Float[Tensor, "frames 24 3 3"]
    root_world: Float[Tensor, "frames 3"]
    metres_per_unit: float
    off_m: Float[Tensor, "frames 17"]


def fit_points(
    points: Float[np.ndarray, "frames 17 3"],
    fps: float,
    weights: Float[np.ndarray, "frames 17"] | None = None,
    settings: PointFitSettings | None = None,
) -> PointFit:
    """The canonical skeleton's motion whose bones point as the given points say.

    The person is scaled by the length of the legs, and every part then brought to the skeleton's
    own length (``motion.proportions``), so that directions are kept where lengths differ.

    Args:
        points: any unit of length, +Y up, finite; doubtful ones may be interpolated.
        weights: how far each point is to be trusted, 0 for not at all; 1 if None.

    Raises:
        InputError: no frames, or values that are not finite.
    """
    settings = settings or PointFitSettings()
    if not len(points) or not np.isfinite(points).all():
        raise InputError("points to fit must be finite, and at least one frame")
    trust = torch.ones(points.shape[:2]) if weights is None else torch.from_numpy(weights).float()
    scale = leg_scale(points)
    target = _own_proportions(torch.from_numpy(points * scale)).float()
    start = initial_rotations(target)
    fit = _Fit(target, trust, matrix_to_sixd(start), fps, settings)
    sixd = fit.start.clone()
    root = target[:, [coco("left_hip"), coco("right_hip")]].mean(1)
    sixd, root = fit.minimise(sixd, root, None)
    ground = _ground(forward_kinematics(sixd_to_matrix(sixd), root)[1], fps)
    sixd, root = fit.minimise(sixd, root, ground)
    R = sixd_to_matrix(sixd).double()
    off = (coco_points(*forward_kinematics(R, root.double())) - target).norm(dim=-1)
    return PointFit(R, root.double(), scale, torch.where(trust > 0, off, torch.nan))


def leg_scale(points: Float[np.ndarray, "frames 17 3"]) -> float:
    """Metres of the skeleton per unit of the points: median over frames, by thighs and shins."""
    own = _rest_points().numpy()[None]
    return float(
        sum(_length(own, name) for name in ("thighs", "shins"))
        / max(sum(_length(points, name) for name in ("thighs", "shins")), 1e-6)
    )


@dataclass(frozen=True)
class _Ground:
    """The floor's height and, of the four foot joints, which stand on it."""

    height: Tensor
    standing: Tensor


def _ground(positions: Tensor, fps: float) -> _Ground | None:
    """The floor under the feet; None where the body goes below it, so that it is no floor.

    Feet that rest in the air, as in a handstand, would else push the whole body up.
    """
    height = fit_floor(positions, fps)
    below = positions[..., 1].amin(dim=-1) < height - _IN_THE_FLOOR_M
    if below.float().mean() > 0.1:
        return None
    lifted = positions - torch.stack((height * 0, height, height * 0))
    return _Ground(height, label_contacts(lifted, fps))


@dataclass(frozen=True)
class _Fit:
    """What stays the same while the fit goes on."""

    target: Tensor
    trust: Tensor
    start: Tensor
    fps: float
    settings: PointFitSettings

    def minimise(self, sixd: Tensor, root: Tensor, ground: _Ground | None) -> tuple[Tensor, Tensor]:
        sixd, root = sixd.clone().requires_grad_(True), root.clone().requires_grad_(True)
        rates = [
            {"params": [sixd], "lr": self.settings.learning_rate},
            {"params": [root], "lr": self.settings.learning_rate / 5},
        ]
        optimizer = torch.optim.Adam(rates)
        steps = max(self.settings.steps // 2, 1)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
        with torch.enable_grad():
            for _ in range(steps):
                optimizer.zero_grad()
                loss = self.loss(sixd, root)
                if ground is not None:
                    positions = forward_kinematics(sixd_to_matrix(sixd), root)[1]
                    loss = loss + self.settings.standing * _standing_loss(positions, ground)
                loss.backward()
                optimizer.step()
                schedule.step()
        return sixd.detach(), root.detach()

    def loss(self, sixd: Tensor, root: Tensor) -> Tensor:
        options = self.settings
        R = sixd_to_matrix(sixd)
        R_world, positions = forward_kinematics(R, root)
        off = (coco_points(R_world, positions) - self.target).square().sum(-1).add(1e-10).sqrt()
        near = options.outlier_m
        robust = torch.where(off < near, off.square(), near * (2 * off - near))
        loss = (self.trust * robust).mean()
        rest = sixd.new_tensor(_REST_WEIGHTS)
        away = (R - torch.eye(3)).square().sum((-1, -2))
        loss = loss + options.prior * (rest * away).mean()
        loss = loss + options.hinge * _hinge_loss(R)
        if len(sixd) > 1:
            loss = loss + options.smoothness * R.diff(dim=0).square().sum((-1, -2)).mean()
        if len(sixd) > 2:
            bend = positions.diff(n=2, dim=0).square().sum(-1).mean()
            loss = loss + options.acceleration * bend
        return loss


def _hinge_loss(R: Tensor) -> Tensor:
    """Twisted, tilted or bent the wrong way: knees turn about +X, elbows about Y (left: -Y)."""
    knees, elbows = R[:, _KNEES], R[:, _ELBOWS]
    sign = R.new_tensor([-1.0, 1.0])
    backward = F.relu(-knees[..., 2, 1]).square() + F.relu(-sign * elbows[..., 0, 2]).square()
    # A forearm turns about its own axis too, so elbows are looser than knees.
    loose = (1 - knees[..., 0, 0]) + 0.3 * (1 - elbows[..., 1, 1])
    return (loose + 10 * backward).mean()


def _standing_loss(positions: Tensor, ground: _Ground) -> Tensor:
    """Metres squared: steps of standing feet, their height, and all that is under the floor."""
    floor, standing = ground.height, ground.standing
    feet = positions[:, _FEET]
    heights = feet[..., 1] - floor - standing_heights().to(feet)
    loss = (standing * heights.square()).mean()
    loss = loss + F.relu(floor - positions[..., 1]).square().mean()
    if len(feet) > 1:
        both = standing[1:] * standing[:-1]
        loss = loss + 10 * (both * feet.diff(dim=0).square().sum(-1)).mean()
    return loss


def _rest_points() -> Tensor:
    skeleton = load_skeleton()
    eye = torch.eye(3, dtype=torch.float64).expand(24, 3, 3)
    return coco_points(eye, torch.from_numpy(skeleton.rest_positions()))


def _length(points: np.ndarray, part: str) -> float:
    """Length of a limb's bone, both sides alike: median over the frames."""
    above, below = _LIMB_BONES[part]
    ends = [(coco(f"{side}_{above}"), coco(f"{side}_{below}")) for side in _SIDES]
    return float(np.median([np.linalg.norm(points[:, a] - points[:, b], axis=-1) for a, b in ends]))


def _part_length(points: np.ndarray, part: str) -> float:
    if part in _LIMB_BONES:
        return _length(points, part)
    left, right = ({n: points[:, coco(f"{s}_{n}")] for n in ("hip", "shoulder")} for s in _SIDES)
    if part == "hips":
        return float(np.median(np.linalg.norm(left["hip"] - right["hip"], axis=-1)))
    if part == "shoulders":
        width = np.linalg.norm(left["shoulder"] - right["shoulder"], axis=-1)
        return float(np.quantile(width, _BENDING_QUANTILE))
    trunk = (left["shoulder"] + right["shoulder"] - left["hip"] - right["hip"]) / 2
    return float(np.quantile(np.linalg.norm(trunk, axis=-1), _BENDING_QUANTILE))


def _own_proportions(points: Tensor) -> Tensor:
    """The points' pose on a body of the skeleton's proportions; the head keeps its size."""
    given, own = points.numpy(), _rest_points().numpy()[None]
    factors = [
        1.0 if part == "head" else _part_length(own, part) / max(_part_length(given, part), 1e-6)
        for part in PARTS
    ]
    return proportioned(points, torch.tensor(factors, dtype=points.dtype).log())
