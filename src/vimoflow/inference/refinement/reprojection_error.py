"""How far a body's points are from what one camera saw of them.

The camera looks at the mid-hip of the frame that is nearest to the middle of its path in the image
(or follows the hips where that is not known). Each frame is scaled to fit: a limb must not be
turned because the path towards the camera, which the sample guesses, is wrong. Where the camera
stood still the figure's path in the image counts as well as its pose.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from vimoflow.motion.skeleton import coco

CAMERA_PARAMETERS = ("yaw", "pitch", "roll", "log_distance", "log_scale")
CAMERA_SPREADS = (0.5, 0.3, 0.3, 0.3, 0.2)  # how far from zero each usually is
USUAL_DISTANCE_M = 5.0  # what fills a picture with a person: a limb at arm's length looks larger
_NEAREST = 0.3  # of that distance: nothing is closer to a camera
_SCALES = (0.4, 2.5)  # of one frame
_START_SCALES = (0.5, 2.0)
HIPS = [coco("left_hip"), coco("right_hip")]


@dataclass(frozen=True)
class UsualCamera:
    """Where a camera is before it is fitted, as in ``CAMERA_PARAMETERS``, and how certain that is.

    The heading's mean means nothing: each fit says where it starts.
    """

    mean: Float[np.ndarray, "5"]
    spread: Float[np.ndarray, "5"]


UNKNOWN_CAMERA = UsualCamera(np.zeros(len(CAMERA_SPREADS)), np.array(CAMERA_SPREADS))


@dataclass(frozen=True)
class View:
    """Keypoints of one clip in metres of the person (see ``encode_condition``).

    Attributes:
        points: x (right) and y (down) relative to the mid-hip.
        weight: how much each point counts, zero where it was not seen.
        track: the mid-hip relative to where it was first seen.
        placed: frames of which ``track`` is known.
        camera: what is known of the camera beforehand.
    """

    points: Float[np.ndarray, "f 17 2"]
    weight: Float[np.ndarray, "f 17"]
    track: Float[np.ndarray, "f 2"]
    placed: Bool[np.ndarray, " f"]
    camera: UsualCamera = UNKNOWN_CAMERA

    def part(self, frames: slice) -> View:
        """What was seen in some of the frames."""
        names = ("points", "weight", "track", "placed")
        return dataclasses.replace(self, **{k: getattr(self, k)[frames] for k in names})

    @functools.cached_property
    def anchor(self) -> int:
        """The placed frame whose place is nearest to their mean, where cameras aim; 0 for none."""
        if not self.placed.any():
            return 0
        far = np.square(self.track - self.track[self.placed].mean(0)).sum(-1)
        return int(np.where(self.placed, far, np.inf).argmin())

    @functools.cached_property
    def share(self) -> Float[np.ndarray, "f 17"]:
        """Weights that sum to one in frames that saw anything."""
        return self.weight / np.maximum(self.weight.sum(-1, keepdims=True), 1e-6)

    @functools.cached_property
    def known(self) -> Bool[np.ndarray, " f"]:
        """Frames in which the figure's place counts."""
        return self.placed & (self.weight.sum(-1) > 0)

    @functools.cached_property
    def pose(self) -> Float[np.ndarray, "f 17 2"]:
        """Points relative to their weighted mean."""
        return self.points - self._mean[:, None]

    @functools.cached_property
    def place(self) -> Float[np.ndarray, "f 2"]:
        """Where the weighted mean is, from where the mid-hip was in the anchor frame."""
        path = (self.track - self.track[self.anchor]) * self.placed[:, None]
        return self._mean + path

    @functools.cached_property
    def _mean(self) -> Float[np.ndarray, "f 2"]:
        return (self.share[..., None] * self.points).sum(1)


@dataclass(frozen=True)
class Lens:
    """A camera made ready for use.

    Attributes:
        R: world to camera.
        R_by_angles: its derivatives by yaw, pitch and roll.
        distance_m: from the camera to what it looks at.
        axes: what the image's x and y (down) are of the camera's (y up) at that distance.
    """

    R: Float[np.ndarray, "3 3"]
    R_by_angles: Float[np.ndarray, "3 3 3"]
    distance_m: float
    axes: Float[np.ndarray, "2"]

    @classmethod
    def of(cls, camera: Float[np.ndarray, "5"]) -> Lens:
        """From ``CAMERA_PARAMETERS``."""
        yaw, pitch, roll, log_distance, log_scale = camera
        (z, dz), (x, dx), (y, dy) = _about("z", roll), _about("x", pitch), _about("y", -yaw)
        by_angles = np.stack((-(z @ x @ dy), z @ dx @ y, dz @ x @ y))
        distance = USUAL_DISTANCE_M * float(np.exp(log_distance))
        return cls(z @ x @ y, by_angles, distance, np.array([1.0, -1.0]) * np.exp(log_scale))


@dataclass(frozen=True)
class Reprojection:
    """Points as a camera would see them, compared with what it saw.

    Attributes:
        view: what it saw.
        lens: the camera.
        seen: the points in the camera's frame, relative to what it looks at, metres.
        depth: of each point, relative to that of what is looked at.
        depth_counts: where that is not at its limit.
        image: their places in the image, metres at the person's distance.
        center: their weighted mean there.
        centred: the image relative to it.
        overlap, size: numerator and denominator of the scale of each frame that fits best.
    """

    view: View
    lens: Lens
    seen: Float[np.ndarray, "f 17 3"]
    depth: Float[np.ndarray, "f 17"]
    depth_counts: Bool[np.ndarray, "f 17"]
    image: Float[np.ndarray, "f 17 2"]
    center: Float[np.ndarray, "f 2"]
    centred: Float[np.ndarray, "f 17 2"]
    overlap: Float[np.ndarray, " f"]
    size: Float[np.ndarray, " f"]

    @functools.cached_property
    def pose(self) -> Float[np.ndarray, "f 17 2"]:
        """How far every point is off, after the figure's centre was taken away, metres."""
        return self.centred * self.frame_scale[:, None, None] - self.view.pose

    @functools.cached_property
    def place(self) -> Float[np.ndarray, "f 2"]:
        """How far the figure's centre is off, metres; zero where its place is not known."""
        off = self.center * self.scale - self.view.place
        return np.where(self.view.known[:, None], off, 0.0)

    @functools.cached_property
    def scale(self) -> float:
        """Of the image, so that it fits the whole clip best."""
        return float((self.overlap.sum() + 1) / (self.size.sum() + 1))

    @functools.cached_property
    def frame_scale(self) -> Float[np.ndarray, " f"]:
        """Of the image, so that it fits each frame best; near 1 where a frame tells it poorly."""
        return np.clip((self.overlap + 1) / (self.size + 1), *_SCALES)

    @functools.cached_property
    def scale_counts(self) -> Bool[np.ndarray, " f"]:
        """Where the frame's scale is not at its limits."""
        return (_SCALES[0] < self.frame_scale) & (self.frame_scale < _SCALES[1])


def reproject(
    points_world: Float[np.ndarray, "f 17 3"], camera: Float[np.ndarray, "5"], view: View
) -> Reprojection:
    """COCO points through a camera, compared with what it saw."""
    lens = Lens.of(camera)
    hips = points_world[:, HIPS].mean(1)
    looked_at = np.where(view.placed[:, None], hips[view.anchor], hips)
    seen = (points_world - looked_at[:, None]) @ lens.R.T
    free_depth = 1 - seen[..., 2] / lens.distance_m
    depth = np.maximum(free_depth, _NEAREST)
    image = seen[..., :2] * lens.axes / depth[..., None]
    center = (view.share[..., None] * image).sum(1)
    centred = image - center[:, None]
    weighted = view.weight[..., None] * centred
    overlap, size = (weighted * view.pose).sum((1, 2)), (weighted * centred).sum((1, 2))
    return Reprojection(
        view, lens, seen, depth, free_depth > _NEAREST, image, center, centred, overlap, size
    )


def level_camera(
    points_world: Float[np.ndarray, "f 17 3"], view: View, yaw: float
) -> Float[np.ndarray, "5"]:
    """The usual camera at this heading, at the scale that fits the points best."""
    camera = view.camera.mean.copy()
    camera[0] = yaw
    scale = reproject(points_world, camera, view).scale
    camera[4] = np.log(np.clip(scale, *_START_SCALES))
    return camera


def _about(axis: str, angle: float) -> tuple[np.ndarray, np.ndarray]:
    """The rotation about a coordinate axis, and its derivative by the angle."""
    j, k = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    R, dR = np.eye(3), np.zeros((3, 3))
    cos, sin = np.cos(angle), np.sin(angle)
    R[j, j] = R[k, k] = cos
    R[k, j], R[j, k] = sin, -sin
    dR[j, j] = dR[k, k] = -sin
    dR[k, j], dR[j, k] = cos, -cos
    return R, dR
