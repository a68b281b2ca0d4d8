"""A motion completed under constraints: denoised, made to rest on its feet, joined, pinned."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from vimoflow.conventions import MODEL_FPS
from vimoflow.diffusion.checkpoint import Checkpoint
from vimoflow.editing.camera_heading import alone, camera_yaw
from vimoflow.editing.completion_options import CompletionOptions
from vimoflow.editing.constraints import (
    Constraint,
    Follow,
    Held,
    PinJoint,
    RootPath,
    held,
    require_consistent,
)  # fmt: skip
from vimoflow.editing.joins import REACH_S, joined_root, joined_rotations
from vimoflow.editing.masked_denoising import Known, denoise_unknown
from vimoflow.editing.pins import Pins, meet_pins, point_on_body
from vimoflow.editing.timeline import (
    Pose,
    Timeline,
    known_features,
    own_pose,
    replaced_pose,
)  # fmt: skip
from vimoflow.errors import ConfigError
from vimoflow.geometry.rotations import matrix_to_axis_angle, slerp_resample
from vimoflow.geometry.signals import linear_resample
from vimoflow.inference.refinement import Evidence, refine
from vimoflow.inference.refinement.foot_locking import FootLockSettings, lock_feet
from vimoflow.inference.sampling import features_to_motion
from vimoflow.motion.clip import Motion
from vimoflow.motion.features import decode_features, encode_features
from vimoflow.motion.kinematics import forward_kinematics

MISS_M = 1e-3  # a pin that is farther off is reported
# Between known frames a contact that would move the foot far is not one (docs/editing).
_LOCK = FootLockSettings(most_m=0.05)
_GUIDED_ITERATIONS = 3  # of the inverse kinematics in every denoising step


@dataclass(frozen=True)
class Miss:
    """A pin that could not be met.

    Attributes:
        point: what was pinned.
        first, end: the frames.
        distance_m: how far off it is at worst.
    """

    point: str
    first: int
    end: int
    distance_m: float

    def __str__(self) -> str:
        return (
            f"{self.point} does not reach its pin at frames {self.first}:{self.end}; "
            f"it stays {self.distance_m:.3f} m away"
        )


@dataclass(frozen=True)
class Completion:
    """A completed motion, and the pins that it does not meet."""

    motion: Motion
    misses: tuple[Miss, ...] = ()


def complete(
    checkpoint: Checkpoint,
    motion: Motion,
    constraints: Sequence[Constraint],
    options: CompletionOptions | None = None,
    prior: Motion | None = None,
) -> Completion:
    """Generate what the constraints leave open.

    Held frames and joints come out bit for bit. The rest joins them in position, velocity and
    acceleration. Keypoints of the input are dropped.

    Args:
        checkpoint: the model.
        motion: what is held is taken from here; other values do not count.
        constraints: see :mod:`vimoflow.editing.constraints`.
        options: how.
        prior: what the unknown part is drawn to, on the same clock; an interpolation by default.

    Raises:
        ConfigError: constraints that contradict each other or name what there is not.
    """
    options = options or CompletionOptions()
    require_consistent(constraints, len(motion))
    kept = held(constraints, len(motion))
    motion = _with_root_paths(motion, constraints)
    follow = next((c for c in constraints if isinstance(c, Follow)), None)
    if sum(isinstance(c, Follow) for c in constraints) > 1:
        raise ConfigError("several keypoint files are followed; name one")
    timeline = Timeline.of(motion, kept)
    if follow is not None:
        timeline = Timeline.of(
            motion, kept, camera_yaw(checkpoint, motion, kept, follow, options.denoising.seed)
        )
    between = None if prior is None else _on_model_clock(prior, timeline)
    known = known_features(motion, kept, timeline, follow, between)
    pins = [c for c in constraints if isinstance(c, PinJoint)]
    features = _denoised(checkpoint, known, options, _model_pins(pins, timeline, len(motion)))
    if follow is not None and options.refine:
        refined = refine(features[None], Evidence.of(alone(known.condition))).features[0]
        features = torch.where(known.channels, known.features, _aligned(refined, known))
    pose, contacts = _rested(features, options)
    return _finished(motion, kept, timeline, pose, contacts, pins)


def _denoised(
    checkpoint: Checkpoint, known: Known, options: CompletionOptions, pins: Pins | None
) -> Float[Tensor, "frames 151"]:
    """The smoothest of the samples: pops show as jerk."""
    free_R = ~known.channels[:, :144:6]
    free_root = ~known.channels[:, -3:]

    def constrain(features: Tensor, t: int) -> Tensor:
        assert pins is not None
        rows = []
        for row in features:
            R, contacts, root = decode_features(row)
            R, root = meet_pins(
                R, root, pins, free_R, free_root, MODEL_FPS * REACH_S, _GUIDED_ITERATIONS
            )
            rows.append(encode_features(R, contacts, root))
        return torch.stack(rows)

    samples = denoise_unknown(
        checkpoint, known, options.denoising, None if pins is None else constrain
    )
    return samples[int(_jerk(samples).argmin())]


def _jerk(features: Float[Tensor, "samples frames 151"]) -> Float[Tensor, " samples"]:
    R, _, root = decode_features(features)
    return forward_kinematics(R, root)[1].diff(n=3, dim=1).norm(dim=-1).mean((1, 2))


def _rested(
    features: Float[Tensor, "frames 151"], options: CompletionOptions
) -> tuple[Pose, Float[Tensor, "frames 4"]]:
    """Pose and contacts, feet at rest where the model says they touch the floor."""
    motion = features_to_motion(features)
    locked = lock_feet(motion, _LOCK) if options.lock_feet and len(motion) > 1 else motion
    contacts = torch.from_numpy(np.asarray(motion.contacts)).double()
    return own_pose(locked), contacts


def _finished(
    motion: Motion, kept: Held, timeline: Timeline, pose: Pose, contacts: Tensor,
    constraints: Sequence[PinJoint],
) -> Completion:  # fmt: skip
    """On the motion's clock and in its world, joined to what is held, pins met."""
    world = timeline.from_model(timeline.on_own_clock(pose))
    own = own_pose(motion)
    reach = REACH_S * motion.fps
    R_kept, root_kept = torch.from_numpy(kept.rotations), torch.from_numpy(kept.root)
    R = joined_rotations(world.R, own.R, R_kept, reach)
    root = joined_root(world.root, own.root, root_kept, reach)
    pins = _pins(constraints, len(motion), motion)
    if pins is not None:
        R, root = meet_pins(R, root, pins, ~R_kept, ~root_kept, reach)
    poses = matrix_to_axis_angle(R).numpy()
    done = replaced_pose(motion, Pose(R, root), poses)
    done.poses[kept.rotations] = motion.poses[kept.rotations]
    done.trans[kept.root] = motion.trans[kept.root]
    drawn = linear_resample(contacts, timeline.model_times, timeline.times).clamp(0, 1).numpy()
    done.contacts[:] = np.where(kept.frames[:, None], motion.contacts, drawn)
    return Completion(done, _misses(constraints, pins, R, root))


def _misses(
    constraints: Sequence[PinJoint], pins: Pins | None, R: Tensor, root: Tensor
) -> tuple[Miss, ...]:
    if pins is None:
        return ()
    worst = pins.misses(R, root).amax(0).tolist()
    return tuple(
        Miss(pin.point, pin.first, pin.end, distance)
        for pin, distance in zip(constraints, worst, strict=True)
        if distance > MISS_M
    )


def _pins(pins: Sequence[PinJoint], frames: int, motion: Motion) -> Pins | None:
    """Pins in the motion's own world and on its clock."""
    if not pins:
        return None
    bodies = [point_on_body(pin.point, motion.skeleton) for pin in pins]
    places = torch.tensor([pin.place_world for pin in pins], dtype=torch.float64)
    active = torch.zeros(frames, len(pins), dtype=torch.bool)
    for number, pin in enumerate(pins):
        active[pin.first : pin.end, number] = True
    return Pins(
        tuple(joint for joint, _ in bodies),
        torch.stack([offset for _, offset in bodies]),
        places.expand(frames, -1, -1),
        active,
        motion.skeleton,
    )


def _model_pins(pins: Sequence[PinJoint], timeline: Timeline, frames: int) -> Pins | None:
    """The same as the model sees them."""
    if not pins:
        return None
    bodies = [point_on_body(pin.point) for pin in pins]
    identity = torch.eye(3, dtype=torch.float64).expand(len(pins), 24, 3, 3)
    places = torch.tensor([pin.place_world for pin in pins], dtype=torch.float64)
    seen = timeline.into_model(Pose(identity, places)).root
    active = np.zeros((frames, len(pins)), bool)
    for number, pin in enumerate(pins):
        active[pin.first : pin.end, number] = True
    on_clock = timeline.nearest(active)
    return Pins(
        tuple(joint for joint, _ in bodies),
        torch.stack([offset for _, offset in bodies]),
        seen.expand(len(on_clock), -1, -1),
        on_clock,
    )


def _with_root_paths(motion: Motion, constraints: Sequence[Constraint]) -> Motion:
    """The motion with root paths in place: from here on they are held like anything else."""
    trans = np.array(motion.trans)
    for c in constraints:
        if isinstance(c, RootPath):
            trans[c.first : c.end, [0, 2]] = c.path_world
    return dataclasses.replace(motion, trans=trans)


def _aligned(refined: Tensor, known: Known) -> Tensor:
    """Refinement puts the first root over the origin: back to where the known ones are."""
    ground = known.channels[:, [-3, -1]].all(-1)
    if not bool(ground.any()):
        return refined
    moved = refined.clone()
    difference = (known.features - refined)[ground].mean(0)
    moved[:, -3] += difference[-3]
    moved[:, -1] += difference[-1]
    return moved


def _on_model_clock(prior: Motion, timeline: Timeline) -> Pose:
    """A prior at the model's times, in the motion's world."""
    pose = own_pose(prior)
    return Pose(
        slerp_resample(pose.R, timeline.times, timeline.model_times),
        linear_resample(pose.root, timeline.times, timeline.model_times),
    )
