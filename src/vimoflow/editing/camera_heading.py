"""From where a camera saw a motion of which a part is known."""

from __future__ import annotations

import torch
from torch import Tensor

from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.editing.constraints import Follow, Held
from vimoflow.editing.timeline import Timeline, condition_of
from vimoflow.geometry.rotations import heading_of
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.inference.sampling import SamplingOptions, sample_features
from vimoflow.motion.clip import Motion
from vimoflow.motion.features import decode_features


def camera_yaw(
    checkpoint: Checkpoint, motion: Motion, kept: Held, follow: Follow, seed: int
) -> Tensor:
    """Heading of the camera in the motion's world, radians.

    The model's own answer to the keypoints, whose camera is at zero, is compared with the held
    pelvis where both are known, else at the held frame nearest to what the camera saw.
    """
    timeline = Timeline.of(motion, kept)
    condition = condition_of(follow, timeline)
    sampling = SamplingOptions(steps=20, seed=seed, refine=False)
    drawn = decode_features(sample_features(checkpoint, alone(condition), sampling)[0])[0][:, 0]
    seen = (condition.pose[..., 2] > 0).any(-1)
    pelvis = timeline.nearest(kept.rotations[:, 0])
    if not bool(seen.any()) or not bool(pelvis.any()):
        return timeline.yaw
    rows = torch.nonzero(seen & pelvis).flatten()
    own = timeline.nearest(motion.local_rotations[:, 0])
    if not len(rows):
        between = torch.nonzero(seen).flatten()[:, None] - torch.nonzero(pelvis).flatten()
        s, p = divmod(int(between.abs().argmin()), between.shape[1])
        a, b = torch.nonzero(seen).flatten()[s], torch.nonzero(pelvis).flatten()[p]
        return heading_of(own[b]) - heading_of(drawn[a].double())
    turn = heading_of(own[rows]) - heading_of(drawn[rows].double())
    return torch.atan2(turn.sin().mean(), turn.cos().mean())


def alone(condition: Condition) -> Condition:
    """A batch of one."""
    return condition.map(lambda x: x[None])
