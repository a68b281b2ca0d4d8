"""Training batches: random windows of the shards, augmented, filmed and detected."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.data.augmentation import AugmentationSettings, Clips, augmented, mirrored
from vimoflow.data.filming import (
    Filming,
    ToldSettings,
    encoded,
    filmed_by,
    filmed_in_reality,
    mixed,
)
from vimoflow.data.shards import Shard
from vimoflow.data.virtual_cameras import CameraSettings, sample_cameras
from vimoflow.errors import ConfigError
from vimoflow.geometry.cameras import Camera
from vimoflow.geometry.rotations import (
    axis_angle_to_matrix,
    matrix_to_sixd,
    rotation_about,
    sixd_to_matrix,
)
from vimoflow.inference.conditioning.corruption import (
    CorruptionSettings,
    corrupt_keypoints,
    view_through,
)
from vimoflow.inference.conditioning.encoding import Condition
from vimoflow.motion.features import encode_features
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.proportions import PARTS, PROPORTION_SPREAD, proportioned
from vimoflow.motion.skeleton import MIRROR_COCO

# Shares of the windows by corpus, relative to their sum over the corpora trained on. Rare and
# precious motion (jumps, floor work, kicks, real 2D) comes more often than its length says, and
# idling less often.
CORPUS_SHARES = {
    "aistpp": 0.12, "aistpp-kp2d": 0.18, "tang2018": 0.206, "bandai-namco": 0.262,
    "cmu-dance": 0.112, "hdm05": 0.103, "unihsi": 0.112, "deepmimic": 0.037, "mass": 0.028,
    "lafan1": 0.25, "cmu-more": 0.14, "idle": 0.03, "climb": 0.03,
}  # fmt: skip


@dataclass(frozen=True)
class BatchSettings:
    """How windows become training examples.

    Attributes:
        augmentation: changes to the motions themselves.
        cameras: the virtual cameras through which they are seen.
        corruption: what a simulated detector does to the 2D points.
        real_2d: share of windows with real detections, where a recording has them, that use them.
        proportions: standard deviation of the logarithms of the filmed body's proportions, relative
            to the skeleton's, see ``motion.proportions``.
        told: what the examples are told of their cameras.
    """

    augmentation: AugmentationSettings = field(default_factory=AugmentationSettings)
    cameras: CameraSettings = field(default_factory=CameraSettings)
    corruption: CorruptionSettings = field(default_factory=CorruptionSettings)
    real_2d: float = 0.8
    proportions: float = PROPORTION_SPREAD
    told: ToldSettings = field(default_factory=ToldSettings)


@dataclass(frozen=True)
class Batch:
    """Training examples in the canonical frame of each window (DESIGN section 3).

    Attributes:
        features: clean motion, un-normalised.
        joints: joint positions of it, metres.
        condition: encoded 2D.
        valid: frames that exist.
    """

    features: Float[Tensor, "batch frames 151"]
    joints: Float[Tensor, "batch frames 24 3"]
    condition: Condition
    valid: Bool[Tensor, "batch frames"]

    def told(self, keep: Bool[Tensor, " batch"]) -> Float[Tensor, "batch frames c"]:
        """The condition; zeros in clips that do not keep it."""
        return self.condition.masked(keep).channels


def corpus_shares(
    corpora: Sequence[str], stated: Mapping[str, float]
) -> Float[np.ndarray, " corpora"]:
    """The share of the windows that comes from each corpus; they sum to 1.

    Corpora in ``stated`` get exactly that; the others divide the rest as :data:`CORPUS_SHARES` has
    it, 0.02 for names that are not in it.

    Raises:
        ConfigError: ``stated`` names a corpus that is not there, or shares that cannot be had.
    """
    for name, share in stated.items():
        if name not in corpora:
            raise ConfigError(f"--share {name}: no such corpus, only {', '.join(sorted(corpora))}")
        if not 0 <= share <= 1:
            raise ConfigError(f"--share {name}={share:g}: from 0 to 1")
    given = np.array([stated.get(name, 0.0) for name in corpora])
    rest = np.array([0.0 if n in stated else CORPUS_SHARES.get(n, 0.02) for n in corpora])
    left = 1 - given.sum()
    if left < -1e-9 or (rest.any() and left <= 0) or (not rest.any() and left > 1e-9):
        raise ConfigError(
            f"--share: {', '.join(stated)} take {given.sum():g} of the windows; less than 1 where "
            "other corpora are trained on, 1 where none are"
        )
    weights = given + max(left, 0.0) * rest / (rest.sum() or 1.0)
    return weights / weights.sum()


class WindowSource:
    """Random access to the windows of a list of shards."""

    def __init__(self, shards: Sequence[Shard], stated: Mapping[str, float] | None = None) -> None:
        """Corpora named in ``stated`` get that share, see :func:`corpus_shares`."""
        self.shards = list(shards)
        self.sixd = [
            matrix_to_sixd(axis_angle_to_matrix(torch.from_numpy(s.poses).unflatten(1, (24, 3))))
            for s in shards
        ]
        self.shard_weights = corpus_shares([s.entry.corpus for s in shards], stated or {})
        self.recording_weights = []
        for shard in shards:
            length = np.diff(shard.starts).astype(float)
            self.recording_weights.append(length / length.sum())

    def windows(
        self, batch: int, frames: int, generator: torch.Generator, settings: BatchSettings
    ) -> tuple[Clips, Float[Tensor, "batch frames 17 3"], Float[Tensor, "batch 7"]]:
        """Clips, real detections of a random view (zeros where none is used), and its camera.

        Of the camera: its heading, and its lens as in ``Recording.lens_of_view``.
        """
        rng = np.random.default_rng(int(torch.randint(2**31, (1,), generator=generator)))
        rows = [self._window(rng, frames, settings) for _ in range(batch)]
        sixd, root, contacts, valid, points, camera = (
            torch.stack(part) for part in zip(*rows, strict=True)
        )
        return Clips(sixd_to_matrix(sixd), root, contacts, valid), points, camera

    def _window(
        self, rng: np.random.Generator, frames: int, settings: BatchSettings
    ) -> tuple[Tensor, ...]:
        which = rng.choice(len(self.shards), p=self.shard_weights)
        shard, sixd = self.shards[which], self.sixd[which]
        weights = self.recording_weights[which]
        row = int(rng.choice(len(weights), p=weights))
        first, end = int(shard.starts[row]), int(shard.starts[row + 1])
        retimed = rng.random() < settings.augmentation.retime
        low, high = settings.augmentation.retime_range
        speed = math.exp(rng.uniform(math.log(low), math.log(high))) if retimed else 1.0
        span = (frames - 1) * speed
        start = first + rng.uniform(0, max(0.0, end - 1 - first - span))
        if not retimed:
            start = math.floor(start)
        at = start + speed * np.arange(frames)
        valid = torch.from_numpy(at <= end - 1 + 1e-6)
        at = np.minimum(at, end - 1)
        mix = Mix(at, end - 1)
        contacts = (mix(torch.from_numpy(shard.contacts)) > 0.5).float()
        points, camera = torch.zeros(frames, 17, 3), np.zeros(7, dtype=np.float32)
        views = np.flatnonzero(shard.view_of == row)
        if len(views) and rng.random() < settings.real_2d:
            view = int(rng.choice(views))
            offset = int(shard.view_starts[view]) - first
            points = mix.nearest(torch.from_numpy(shard.keypoints), offset)
            camera = np.concatenate((shard.view_headings[view : view + 1], shard.view_lenses[view]))
        root = mix(torch.from_numpy(shard.trans))
        return mix(sixd), root, contacts, valid, points, torch.from_numpy(camera).float()


class Mix:
    """Linear interpolation of rows of a long array at fractional positions."""

    def __init__(self, at: np.ndarray, last: int) -> None:
        left = np.floor(at).astype(np.int64)
        self.left = torch.from_numpy(left)
        self.right = torch.from_numpy(np.minimum(left + 1, last))
        self.weight = torch.from_numpy((at - left).astype(np.float32))

    def __call__(self, values: Tensor) -> Tensor:
        weight = self.weight.reshape(-1, *([1] * (values.ndim - 1)))
        return torch.lerp(values[self.left], values[self.right], weight)

    def nearest(self, values: Tensor, offset: int) -> Tensor:
        """Detections cannot be mixed across a missing one: the nearer frame's are taken."""
        return values[torch.where(self.weight < 0.5, self.left, self.right) + offset].clone()


@torch.no_grad()
def make_batch(
    source: WindowSource,
    batch: int,
    frames: int,
    generator: torch.Generator,
    settings: BatchSettings | None = None,
) -> Batch:
    """One batch; the same generator state gives the same batch."""
    settings = settings or BatchSettings()
    clips, points_px, real_camera = source.windows(batch, frames, generator, settings)
    real = (points_px[..., 2] > 0).flatten(1).any(-1)
    mirror = torch.rand(batch, generator=generator) < settings.augmentation.mirror
    clips = mirrored(clips, mirror)
    clips = augmented(clips, generator, settings.augmentation, real)
    R_world, joints = forward_kinematics(clips.R_parent_joint, clips.root_world)
    camera = sample_cameras(joints, generator, settings.cameras)
    lengths = torch.randn(batch, 1, len(PARTS), generator=generator) * settings.proportions
    body = proportioned(coco_points(R_world, joints), lengths)
    detected = corrupt_keypoints(view_through(camera, body), generator, None, settings.corruption)
    heading, lens = real_camera[:, 0], real_camera[:, 1:]
    filmed = filmed_in_reality(heading, lens, points_px)
    mirrored_px, mirrored_filming = _mirrored_2d(points_px, filmed)
    points_px = torch.where(mirror[:, None, None, None], mirrored_px, points_px)
    points_px = torch.where(real[:, None, None, None], points_px, detected)
    points_px = points_px * clips.valid[..., None, None]
    filming = mixed(
        real, mixed(mirror, mirrored_filming, filmed), filmed_by(camera, is_static(camera))
    )
    condition, yaw = encoded(points_px, filming, generator, settings.told)
    return _canonical(clips, joints, yaw, condition)


def is_static(camera: Camera) -> Bool[Tensor, " batch"]:
    """Clips whose camera stays where it is, up to the shake of a hand."""
    turned = camera.R_camera_world[:, :, 2] - camera.R_camera_world[:, :1, 2]
    position = -(
        camera.R_camera_world.transpose(-1, -2) @ camera.t_camera_world[..., None]
    ).squeeze(-1)
    moved = (position - position[:, :1]).norm(dim=-1)
    zoomed = (camera.focal_px / camera.focal_px[:, :1]).log().abs()
    return (
        (turned.norm(dim=-1).amax(-1) < 0.04) & (moved.amax(-1) < 0.15) & (zoomed.amax(-1) < 0.03)
    )


def _mirrored_2d(points_px: Tensor, filming: Filming) -> tuple[Tensor, Filming]:
    """Points and camera of the mirror image about the principal point."""
    flipped = points_px[..., list(MIRROR_COCO), :].clone()
    center = filming.lens.center_px[:, None, None, 0]
    flipped[..., 0] = (2 * center - flipped[..., 0]) * (flipped[..., 2] > 0)
    down = filming.lens.down * filming.lens.down.new_tensor((-1.0, 1.0, 1.0))
    lens = dataclasses.replace(filming.lens, down=down)
    return flipped, dataclasses.replace(filming, lens=lens, heading=-filming.heading)


def placed(
    clips: Clips, joints: Float[Tensor, "batch frames 24 3"], yaw: Float[Tensor, " batch"]
) -> tuple[Float[Tensor, "batch frames 151"], Float[Tensor, "batch frames 24 3"]]:
    """Features and joints of clips turned about the vertical, origin under the first root."""
    turn = rotation_about("y", yaw)
    origin = clips.root_world[:, :1] * torch.tensor([1.0, 0.0, 1.0])
    root = (clips.root_world - origin) @ turn.transpose(-1, -2)
    R = clips.R_parent_joint.clone()
    R[:, :, 0] = turn[:, None] @ R[:, :, 0]
    joints = (joints - origin[:, :, None]) @ turn[:, None].transpose(-1, -2)
    return encode_features(R, clips.contacts, root), joints


def _canonical(clips: Clips, joints: Tensor, yaw: Tensor, condition: Condition) -> Batch:
    """Turn the world so that the camera's heading is zero."""
    features, joints = placed(clips, joints, -yaw)
    condition = dataclasses.replace(
        condition,
        pose=condition.pose * clips.valid[..., None, None],
        track=condition.track * clips.valid[..., None],
        view=condition.view * clips.valid[..., None],
    )
    return Batch(features, joints, condition, clips.valid)
