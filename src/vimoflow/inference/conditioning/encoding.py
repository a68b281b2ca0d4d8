"""2D keypoints as the denoiser sees them: root-centred, scaled by the person's size, masked.

A missing keypoint is zeros with confidence zero; "no condition" for guidance is the case in which
all are missing, so a fully occluded window needs no treatment of its own.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.conventions import COCO_NAMES
from vimoflow.inference.conditioning.viewpoint import VIEW_CHANNELS
from vimoflow.motion.kinematics import coco_points
from vimoflow.motion.skeleton import MIRROR_COCO, coco, load_skeleton

POSE_CHANNELS = 3 * len(COCO_NAMES)
TRACK_CHANNELS = 3
MIN_CONFIDENCE = 0.05  # below it a detector says "not there"; masked
_SIZE_BONES = tuple(
    (coco(a), coco(b))
    for a, b in (
        ("left_shoulder", "right_shoulder"), ("left_shoulder", "left_elbow"),
        ("left_elbow", "left_wrist"), ("right_shoulder", "right_elbow"),
        ("right_elbow", "right_wrist"), ("left_shoulder", "left_hip"),
        ("right_shoulder", "right_hip"), ("left_hip", "left_knee"), ("left_knee", "left_ankle"),
        ("right_hip", "right_knee"), ("right_knee", "right_ankle"),
    )
)  # fmt: skip
_TORSO_LENGTH = 0.5  # metres from mid-shoulder down to mid-hip, where the hips are not seen
_SIZE_FRAMES = 4096  # frames looked at for the size of a long shot, evenly spread


_PARTS = ("pose", "track", "view", "trust")


@dataclass(frozen=True)
class Condition:
    """What the denoiser is conditioned on.

    Attributes:
        pose: x (right), y (down) relative to the mid-hip in units of the person's metre, and
            confidence; zeros where missing.
        track: mid-hip relative to the shot's first seen frame in the person's metres, and 1 where
            it is known; zeros where it is not, or where the camera moves.
        view: what is told of the camera, see ``viewpoint.view_channels``; zeros where nothing was
            seen, and nothing is told unless given.
        trust: how much each point counts in a fit, beside its confidence; no channel of the
            denoiser, which knows by itself whom to believe. Everything is trusted unless given.
    """

    pose: Float[Tensor, "*batch frames 17 3"]
    track: Float[Tensor, "*batch frames 3"]
    view: Float[Tensor, "*batch frames 4"] = None  # type: ignore[assignment]
    trust: Float[Tensor, "*batch frames 17"] = None  # type: ignore[assignment]

    def __post_init__(self) -> None:
        if self.trust is None:
            object.__setattr__(self, "trust", torch.ones_like(self.pose[..., 0]))
        if self.view is None:
            nothing = self.track.new_zeros(*self.track.shape[:-1], VIEW_CHANNELS)
            object.__setattr__(self, "view", nothing)

    def map(self, change: Callable[[Tensor], Tensor]) -> Condition:
        """The same change of batch and frame axes, or of device, to every part."""
        return Condition(*(change(getattr(self, name)) for name in _PARTS))

    @classmethod
    def joined(
        cls, parts: Sequence[Condition], join: Callable[[list[Tensor]], Tensor]
    ) -> Condition:
        """Several as one, their tensors stacked or concatenated by ``join``."""
        return cls(*(join([getattr(p, name) for p in parts]) for name in _PARTS))

    @classmethod
    def nothing(cls, *batch_frames: int) -> Condition:
        """Nothing seen, of this batch shape and number of frames."""
        shapes = ((len(COCO_NAMES), 3), (TRACK_CHANNELS,), (VIEW_CHANNELS,))
        return cls(*(torch.zeros(*batch_frames, *shape) for shape in shapes))

    def to(self, device: torch.device | str) -> Condition:
        """The same on another device."""
        return self.map(lambda x: x.to(device))

    def repeated(self, count: int) -> Condition:
        """A batch of one, ``count`` times."""
        return self.map(lambda x: x.expand(count, *x.shape[1:]))

    def masked(self, keep: Bool[Tensor, " batch"]) -> Condition:
        """Zeros (no condition) in the rows of the batch where ``keep`` is false."""
        rows = keep.to(self.pose.dtype)
        frames = rows[:, None, None]
        return Condition(
            self.pose * frames[..., None], self.track * frames, self.view * frames, self.trust
        )

    def mirrored(self) -> Condition:
        """What the camera would have seen of the mirror image of the motion."""
        flip = self.pose.new_tensor((-1.0, 1.0, 1.0))
        pose, trust = self.pose[..., list(MIRROR_COCO), :], self.trust[..., list(MIRROR_COCO)]
        return Condition(pose * flip, self.track * flip, self.view, trust)

    def from_own_start(self) -> Condition:
        """The same with the track relative to its own first known frame, as windows are shown."""
        known = self.track[..., 2:]
        first = known.argmax(dim=-2, keepdim=True).expand(*known.shape[:-2], 1, 2)
        path = (self.track[..., :2] - self.track.gather(-2, first)) * known
        return Condition(self.pose, torch.cat((path, known), dim=-1), self.view, self.trust)

    @property
    def channels(self) -> Float[Tensor, "*batch frames c"]:
        """As the denoiser takes it: pose, track and view channels side by side."""
        return torch.cat((self.pose.flatten(-2), self.track, self.view), dim=-1)

    def empty(self) -> Condition:
        """No condition at all, of the same shape."""
        return self.map(torch.zeros_like)


def person_size_px(points_px: Float[Tensor, "*batch frames 17 3"]) -> Float[Tensor, "*batch"]:
    """Pixels per metre of the canonical skeleton, one robust value for a shot.

    Under weak perspective a bone's image is never longer than its length times the scale, so a high
    quantile over the frames of (length in pixels / length in metres), and the median over bones,
    estimates the scale whatever the pose. 1 where nothing is seen.
    """
    step = max(1, points_px.shape[-3] // _SIZE_FRAMES)
    points = points_px[..., ::step, :, :]
    first, second = (list(ends) for ends in zip(*_SIZE_BONES, strict=True))
    a, b = points[..., first, :], points[..., second, :]
    ratio = (a - b)[..., :2].norm(dim=-1) / _bone_lengths().to(points)
    seen = (a[..., 2] > MIN_CONFIDENCE) & (b[..., 2] > MIN_CONFIDENCE)
    ratio = torch.where(seen, ratio, torch.nan)
    per_bone = torch.nanquantile(ratio, 0.9, dim=-2)
    size = torch.nanmedian(per_bone, dim=-1).values
    return torch.where(torch.isfinite(size) & (size > 0), size, torch.ones_like(size))


def encode_condition(
    points_px: Float[Tensor, "*batch frames 17 3"],
    size_px: Float[Tensor, "*batch"],
    static_camera: bool | Bool[Tensor, "*batch"] = True,
    view: Float[Tensor, "*batch 4"] | None = None,
) -> Condition:
    """Keypoints in pixels (confidence 0 = missing) to the denoiser's condition.

    ``size_px`` comes from :func:`person_size_px` on the whole shot, never on a window of it; so
    does ``view`` (``viewpoint.view_channels``), or nothing is told of the camera.
    """
    seen = points_px[..., 2] > MIN_CONFIDENCE
    scale = size_px[..., None, None, None]
    center, known = _root(points_px[..., :2], seen, size_px)
    xy = (points_px[..., :2] - center[..., None, :]) / scale
    pose = torch.cat((xy, points_px[..., 2:]), dim=-1) * seen[..., None]
    still = torch.as_tensor(static_camera, device=points_px.device)
    usable = known & still[..., None] if still.ndim else known & still
    start = _at_first(center, usable)
    path = (center - start) / size_px[..., None, None]
    track = torch.cat((path, torch.ones_like(path[..., :1])), dim=-1) * usable[..., None]
    told = pose.new_zeros(*size_px.shape, VIEW_CHANNELS) if view is None else view
    told = told[..., None, :] * seen.any(-1)[..., None]
    return Condition(pose, track, told)


def mean_root_px(
    points_px: Float[Tensor, "*batch frames 17 3"], size_px: Float[Tensor, "*batch"]
) -> Float[Tensor, "*batch 2"]:
    """Mean of the mid-hip over the frames that tell it, pixels; the origin where none does."""
    root, known = _root(points_px[..., :2], points_px[..., 2] > MIN_CONFIDENCE, size_px)
    weight = known.to(root.dtype)[..., None]
    return (root * weight).sum(-2) / weight.sum(-2).clamp(min=1)


def _root(xy: Tensor, seen: Tensor, size_px: Tensor) -> tuple[Tensor, Tensor]:
    """The mid-hip in pixels and whether hips or shoulders tell it; else the mean of the seen."""
    hips, hips_seen = _middle(xy, seen, "left_hip", "right_hip")
    shoulders, shoulders_seen = _middle(xy, seen, "left_shoulder", "right_shoulder")
    drop = torch.zeros_like(shoulders)
    drop[..., 1] = _TORSO_LENGTH * size_px[..., None]
    weight = seen.to(xy.dtype)[..., None]
    mean = (xy * weight).sum(-2) / weight.sum(-2).clamp(min=1)
    center = torch.where(shoulders_seen[..., None], shoulders + drop, mean)
    center = torch.where(hips_seen[..., None], hips, center)
    return center, hips_seen | shoulders_seen


def _middle(xy: Tensor, seen: Tensor, left: str, right: str) -> tuple[Tensor, Tensor]:
    index = [coco(left), coco(right)]
    return xy[..., index, :].mean(-2), seen[..., index].all(-1)


def _at_first(values: Tensor, known: Tensor) -> Tensor:
    """``values`` (..., frames, 2) at the first known frame, kept as a frame axis of one."""
    first = known.to(torch.uint8).argmax(-1)[..., None, None].expand(*values.shape[:-2], 1, 2)
    return values.gather(-2, first)


@functools.cache
def _bone_lengths() -> Tensor:
    """Canonical lengths (metres) of the bones between COCO points, in the rest pose."""
    skeleton = load_skeleton()
    eye = torch.eye(3, dtype=torch.float64).expand(24, 3, 3)
    points = coco_points(eye, torch.from_numpy(skeleton.rest_positions()))
    first, second = (list(ends) for ends in zip(*_SIZE_BONES, strict=True))
    return (points[first] - points[second]).norm(dim=-1)
