"""Errors that a real detector made, laid on other motions in like poses.

A simulated detector errs as a formula says. What a real one found in pictures of a known motion is
kept here, found less exact; a virtual clip borrows, a piece after the other, the errors and the
confidences of a moment in which somebody was seen in nearly the same pose from the same side.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from vimoflow.data.shards import Shard
from vimoflow.geometry.rotations import axis_angle_to_matrix
from vimoflow.inference.conditioning.corruption import ClearView
from vimoflow.inference.conditioning.encoding import MIN_CONFIDENCE, person_size_px
from vimoflow.inference.conditioning.random_processes import rand
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import MIRROR_COCO, coco

_ROUNDS = 20
_USUAL_PX = 4.0  # of 400: beyond, an error counts less and less
_LEAST_SEEN = 40  # points of a clip from which a camera's place is found
_BODY = slice(5, 17)
_HIPS = [coco("left_hip"), coco("right_hip")]
_PIECE = 20  # frames that are borrowed together,
_MIXED = 5  # of which so many at its end fade into the next
_CANDIDATES = 600  # moments that are compared with each piece
_LOOKS = (0, 12, 24)  # frames of a piece at which poses are compared


def turned_camera(heading: float, down: Float[np.ndarray, "3"]) -> Float[np.ndarray, "3 3"]:
    """World to camera, from the camera's heading and the direction of gravity in its frame."""
    up = -down / np.linalg.norm(down)
    forward = -np.array([np.sin(heading), 0.0, np.cos(heading)])
    world = np.stack((np.array([0.0, 1.0, 0.0]), forward, np.cross([0.0, 1.0, 0.0], forward)), 1)
    level = np.array([0.0, 0.0, 1.0]) - up[2] * up
    level /= np.linalg.norm(level)
    return np.stack((up, level, np.cross(up, level)), axis=1) @ world.T


def exact_points(
    found: Float[np.ndarray, "frames 17 3"],
    world: Float[np.ndarray, "frames 17 3"],
    heading: float,
    lens: Float[np.ndarray, "6"],
) -> Float[np.ndarray, "frames 17 2"] | None:
    """Pixels of points (metres) through the camera that stands where it fits the found ones best.

    It is known how the camera was turned, not where it stood: that is the place from which most
    points are seen where they were found (iteratively weighted least squares). None where too
    little was found to tell.
    """
    if (found[..., 2] > MIN_CONFIDENCE).sum() < _LEAST_SEEN:
        return None
    focal, center = float(lens[0]), lens[1:3]
    turned = world @ turned_camera(heading, lens[3:]).T
    xy = found[..., :2] - center
    seen = found[..., 2] > MIN_CONFIDENCE
    seen[:, : _BODY.start] = False
    # focal (X + t) = xy (Z + tz) for both axes, linear in t
    zero, ones = np.zeros_like(xy[..., 0]), np.full_like(xy[..., 0], focal)
    rows = np.stack(
        (np.stack((ones, zero, -xy[..., 0]), -1), np.stack((zero, ones, -xy[..., 1]), -1)), -2
    )
    aim = xy * turned[..., 2:] - focal * turned[..., :2]
    weight = seen.astype(float)
    for _ in range(_ROUNDS):
        A, b = (weight[..., None, None] * rows)[seen], (weight[..., None] * aim)[seen]
        t = np.linalg.lstsq(A.reshape(-1, 3), b.reshape(-1), rcond=None)[0]
        depth = np.maximum(turned[..., 2:] + t[2], 0.1)
        image = focal * (turned[..., :2] + t[:2]) / depth
        far = np.linalg.norm(image - xy, axis=-1)
        usual = max(_USUAL_PX * focal / 500, float(np.median(far[seen])))
        weight = seen / (1 + np.square(far / usual)) / depth[..., 0]
    return image + center


@dataclass(frozen=True)
class SeenErrors:
    """What a detector found and what it should have found, view after view, with mirror images.

    Attributes:
        exact: points about the middle of the hips, metres at the person's distance.
        error: found less exact in the same unit, and the confidence (0 where not found).
        moments: frames that a whole piece follows in the same view.
    """

    exact: Float[Tensor, "frames 17 2"]
    error: Float[Tensor, "frames 17 3"]
    moments: Int[Tensor, " moments"]

    @staticmethod
    def of(shards: Sequence[Shard]) -> SeenErrors | None:
        """Of all views whose cameras are known; None where there are none."""
        views = [view for shard in shards for view in _views(shard)]
        if not views:
            return None
        views += [(_mirrored(exact), _mirrored(error)) for exact, error in views]
        ends = np.cumsum([len(exact) for exact, _ in views])
        moments = np.concatenate([
            np.arange(end - len(exact), end - _PIECE - _MIXED)
            for end, (exact, _) in zip(ends, views, strict=True)
        ])  # fmt: skip
        exact, error = (torch.cat(part) for part in zip(*views, strict=True))
        return SeenErrors(exact, error, torch.from_numpy(moments))

    def on(self, view: ClearView, generator: torch.Generator) -> Float[Tensor, "batch frames 17 3"]:
        """The points of a view (pixels, confidence) with the errors of moments in like poses.

        The same generator state gives the same result.
        """
        scale = view.scale_px[..., None, None]
        exact = (view.points_px - view.points_px[..., _HIPS, :].mean(-2, keepdim=True)) / scale
        frames = exact.shape[1]
        error = exact.new_zeros(*exact.shape[:-1], 3)
        for start in range(0, frames, _PIECE):
            frame = start + torch.arange(_PIECE + _MIXED)
            frame = frame[frame < frames]
            borrowed = self._like(exact, start, generator)[:, : len(frame)]
            if start == 0:
                error[:, frame] = borrowed
                continue
            fade = ((torch.arange(len(frame)) + 1.0) / (_MIXED + 1)).clamp(max=1)[:, None, None]
            before = error[:, frame]
            mixed = torch.lerp(before, borrowed, fade)
            lost = torch.where(fade < 0.5, before[..., 2:], borrowed[..., 2:]) == 0
            error[:, frame] = mixed.masked_fill(lost, 0.0)
        found = view.points_px + error[..., :2] * scale
        return torch.cat((found, error[..., 2:]), -1).masked_fill(error[..., 2:] <= 0, 0.0)

    def _like(self, exact: Tensor, start: int, generator: torch.Generator) -> Tensor:
        """Errors (batch, piece, 17, 3) of the candidates nearest to a piece's poses."""
        at = (start + torch.tensor(_LOOKS)).clamp(max=exact.shape[1] - 1)
        drawn = rand((len(exact), _CANDIDATES), generator, exact) * len(self.moments)
        first = self.moments[drawn.long()]
        seen = self.exact[first[..., None] + torch.tensor(_LOOKS)][..., _BODY, :]
        distance = (seen - exact[:, None, at, _BODY]).square().flatten(2).sum(-1)
        chosen = first.gather(1, distance.argmin(1, keepdim=True))
        return self.error[chosen + torch.arange(_PIECE + _MIXED)]


def _views(shard: Shard) -> list[tuple[Tensor, Tensor]]:
    views: list[tuple[Tensor, Tensor]] = []
    for view, row in enumerate(shard.view_of):
        if shard.view_lenses[view, 0] <= 0:
            continue
        span = slice(int(shard.starts[row]), int(shard.starts[row + 1]))
        first, frames = int(shard.view_starts[view]), span.stop - span.start
        found = np.array(shard.keypoints[first : first + frames], dtype=np.float64)
        R = axis_angle_to_matrix(torch.tensor(shard.poses[span]).double().unflatten(1, (24, 3)))
        joints = forward_kinematics(R, torch.tensor(shard.trans[span]).double())
        world = coco_points(*joints).numpy()
        exact = exact_points(
            found, world, float(shard.view_headings[view]), shard.view_lenses[view]
        )
        if exact is None or frames <= _PIECE + _MIXED:
            continue
        size = float(person_size_px(torch.from_numpy(np.dstack((exact, np.ones(exact.shape[:2]))))))
        known = found[..., 2:] > 0
        error = np.where(known, np.dstack(((found[..., :2] - exact) / size, found[..., 2])), 0.0)
        middle = exact[:, _HIPS].mean(1, keepdims=True)
        relative = torch.from_numpy((exact - middle) / size).float()
        views.append((relative, torch.from_numpy(error).float()))
    return views


def _mirrored(points: Tensor) -> Tensor:
    flipped = points[:, list(MIRROR_COCO)].clone()
    flipped[..., 0] *= -1
    return flipped
