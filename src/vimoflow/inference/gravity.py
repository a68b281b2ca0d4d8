"""Where down is, told by the person: an answer that stands upright, against the image.

A shot is first shown as a level camera would have seen it, with nothing told of gravity; the
answer's world is upright all the same, because people are. The camera turn that best explains the
keypoints by that answer is the camera's own.
"""

from __future__ import annotations

import dataclasses
import math

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.diffusion.windows import WindowPlan
from vimoflow.geometry.rotations import axis_angle_to_matrix
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.conditioning.shot import SeenShot, see_shot
from vimoflow.inference.conditioning.viewpoint import Lens
from vimoflow.inference.refinement.evidence import keypoint_weight
from vimoflow.inference.refinement.reprojection_error import USUAL_DISTANCE_M
from vimoflow.inference.sampling import SamplingOptions, sample_features
from vimoflow.motion.features import decode_features
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import coco

_HIPS = [coco("left_hip"), coco("right_hip")]
_STEPS = 12
_OUTLIER_M = 0.1
_ROUNDS = 2  # what is found is more exact the less the picture is turned
_LEAST_ROLL = math.radians(8)
_LOOKED_AT = 1800  # frames of a shot, spread over it: more tell no more


@torch.no_grad()
def found_gravity(
    checkpoint: Checkpoint,
    points_px: Float[Tensor, "batch frames 17 3"],
    lens: Lens,
    static_camera: bool | Tensor = True,
    valid: Bool[Tensor, "batch frames"] | None = None,
) -> Float[Tensor, "batch 3"]:
    """Unit vectors down in each shot's camera, looked for from where the lens has them."""
    asked = dataclasses.replace(lens, down_known=torch.zeros_like(lens.down_known))
    shot = see_shot(points_px, asked, static_camera)
    few = WindowPlan.cover(points_px.shape[1])  # where the root goes does not matter
    raw = SamplingOptions(refine=False)
    features = sample_features(checkpoint, shot.condition, raw, valid, plan=few)
    R_image_world, _ = camera_turn(features, shot.condition)
    down_virtual = -R_image_world[..., 1] * _IMAGE_FLIP
    down = (shot.R_virtual_camera.transpose(-1, -2) @ down_virtual[..., None])[..., 0]
    return F.normalize(down, dim=-1)


def upright_shot(
    checkpoint: Checkpoint,
    points_px: Float[Tensor, "batch frames 17 3"],
    lens: Lens,
    static_camera: bool | Tensor = True,
    valid: Bool[Tensor, "batch frames"] | None = None,
) -> SeenShot:
    """The shot through its virtual camera, a roll of the true one that is found undone.

    Smaller rolls than what is found by mistake stay, and so does the pitch: told as if known they
    cost more than they gain (docs/experiments/0013).
    """
    if lens.down_known.all() or not told_of_views(checkpoint):
        return see_shot(points_px, lens, static_camera)
    for _ in range(_ROUNDS):
        down = found_gravity(checkpoint, points_px, lens, static_camera, valid)
        roll = torch.atan2(down[:, 0], down[:, 1])
        rolled = (roll.abs() > _LEAST_ROLL) & ~lens.down_known
        if not bool(rolled.any()):
            break
        level = torch.stack((roll.sin(), roll.cos(), 0 * roll), dim=-1)
        lens = dataclasses.replace(lens, down=torch.where(rolled[:, None], level, lens.down))
    return see_shot(points_px, lens, static_camera)


def told_of_views(checkpoint: Checkpoint) -> bool:
    """Whether the network can be asked at once, and was trained to be told of cameras."""
    channels = Condition.nothing(1).channels.shape[-1]
    return checkpoint.one_pass and checkpoint.denoiser.config.condition_channels == channels


# From the answer's axes seen by a level camera in front of it (x right, y up, z to the camera).
_IMAGE_FLIP = torch.tensor([1.0, -1.0, -1.0])


def camera_turn(
    features: Float[Tensor, "batch frames 151"], condition: Condition
) -> tuple[Float[Tensor, "batch 3 3"], Float[Tensor, " batch"]]:
    """The turn of the world under which the motion looks most like the keypoints, and the misfit.

    Gauss-Newton on a turn and the logarithm of a scale, for the points relative to the mid-hip,
    with the perspective of the usual distance, robustly weighted.
    """
    every = -(-features.shape[1] // _LOOKED_AT)
    R, _, root = decode_features(features[:, ::every])
    points = coco_points(*forward_kinematics(R, root))
    points = points - points[..., _HIPS, :].mean(-2, keepdim=True)
    pose = condition.pose[:, ::every]
    target, weight = pose[..., :2], keypoint_weight(pose)
    turn = torch.eye(3).expand(len(points), 3, 3).clone()
    log_scale = torch.zeros(len(points))
    for _ in range(_STEPS):
        error, jacobian = _linearised(points, turn, log_scale, target)
        robust = weight / (1 + error.square().sum(-1) / _OUTLIER_M**2).square()
        w = robust[..., None].expand_as(error).flatten(1)
        J, r = jacobian.flatten(1, 3), error.flatten(1)
        normal = (J * w[..., None]).transpose(1, 2) @ J
        damping = 1e-3 * normal.diagonal(dim1=1, dim2=2).mean(-1)[:, None, None]
        normal = normal + damping * torch.eye(4)
        step = torch.linalg.solve(normal + 1e-6 * torch.eye(4), (J * (w * r)[..., None]).sum(1))
        turn = axis_angle_to_matrix(step[:, :3]) @ turn
        log_scale = log_scale + step[:, 3]
    seen = torch.where(weight > 0, error.norm(dim=-1), torch.nan)
    return turn, seen.flatten(1).nanmedian(dim=1).values


def _linearised(
    points: Tensor, turn: Tensor, log_scale: Tensor, target: Tensor
) -> tuple[Tensor, Tensor]:
    """Keypoints less projections (batch, frames, 17, 2) and its derivative by turn and scale."""
    p = points @ turn[:, None].transpose(-1, -2)
    depth = (1 - p[..., 2] / USUAL_DISTANCE_M).clamp(min=0.3)
    scale = log_scale.exp()[:, None, None] / depth
    image = torch.stack((p[..., 0] * scale, -p[..., 1] * scale), dim=-1)
    x, y, z = p.unbind(-1)
    zero = torch.zeros_like(x)
    # d(turned p) = step x p; the depth's change is small beside the turn's and is left out.
    du = torch.stack((zero, z, -y), dim=-1) * scale[..., None]
    dv = -torch.stack((-z, zero, x), dim=-1) * scale[..., None]
    jacobian = torch.stack((du, dv), dim=-2)
    return target - image, torch.cat((jacobian, image[..., None]), dim=-1)
