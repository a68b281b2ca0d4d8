"""A motion: the value that travels from the model to every file format."""

from __future__ import annotations

import dataclasses
import functools
import html
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Bool, Float

from vimoflow.errors import ConfigError
from vimoflow.geometry.rotations import axis_angle_to_matrix, matrix_to_quaternion
from vimoflow.motion.kinematics import forward_kinematics
from vimoflow.motion.skeleton import Skeleton, load_skeleton
from vimoflow.registry import FORMATS


@dataclass(frozen=True)
class Motion:
    """A motion of the canonical skeleton in the world frame (metres, +Y up, floor at y = 0).

    Attributes:
        poses: local rotations as axis-angle vectors, radians, SMPL joint order.
        trans: position of the pelvis joint, metres.
        fps: frames per second (the mean, where ``timestamps`` are uneven).
        contacts: in [0, 1]: left ankle, left foot, right ankle, right foot.
        timestamps: seconds; ``arange(frames) / fps`` unless given.
        joints2d: the 2D keypoints the motion was made from, pixels and confidence, if any.
        skeleton: the canonical one, or a scaled copy of it.
        observed: which of those keypoints were seen rather than filled in, if any.
    """

    poses: Float[np.ndarray, "frames 24 3"]
    trans: Float[np.ndarray, "frames 3"]
    fps: float
    contacts: Float[np.ndarray, "frames 4"]
    timestamps: Float[np.ndarray, " frames"] = field(default=None)  # type: ignore[arg-type]
    joints2d: Float[np.ndarray, "frames 17 3"] | None = None
    observed: Bool[np.ndarray, "frames 17"] | None = None
    skeleton: Skeleton = field(default_factory=load_skeleton)

    def __post_init__(self) -> None:
        if self.timestamps is None:
            object.__setattr__(self, "timestamps", np.arange(len(self.poses)) / self.fps)

    def __len__(self) -> int:
        return len(self.poses)

    def scaled(self, factor: float) -> Motion:
        """The same motion of a figure ``factor`` times as large."""
        return dataclasses.replace(
            self, trans=self.trans * factor, skeleton=self.skeleton.scaled(factor)
        )

    def in_place(self) -> Motion:
        """The same motion over one spot of the floor; the pelvis still rises and falls."""
        up = np.array([0, 1, 0], self.trans.dtype)
        return dataclasses.replace(self, trans=self.trans * up)

    def save(self, path: str | Path) -> None:
        """Write a file in the format its ending tells, one of ``registry.FORMATS``.

        The file appears complete or not at all.

        Raises:
            ConfigError: an ending that no format has.
            OutputError: the file cannot be written.
        """
        writer_of(Path(path))(self, path)

    def _repr_html_(self) -> str:
        """The motion playing in a frame, which is how notebooks show it."""
        with tempfile.TemporaryDirectory() as folder:
            page = Path(folder) / "motion.html"
            self.save(page)
            text = html.escape(page.read_text("utf-8"))
        return f'<iframe srcdoc="{text}" width="100%" height="480" frameborder="0"></iframe>'

    @functools.cached_property
    def local_rotations(self) -> Float[np.ndarray, "frames 24 3 3"]:
        """Local rotation matrices, float64."""
        rotations = np.empty((*self.poses.shape, 3))
        for part in _parts(len(self)):
            rotations[part] = self._rotations(part).numpy()
        return rotations

    def _rotations(self, part: slice) -> Float[torch.Tensor, "part 24 3 3"]:
        """Of some frames; those of all are kept as long as the motion, and eight times as large."""
        return axis_angle_to_matrix(torch.as_tensor(self.poses[part], dtype=torch.float64))

    def local_quaternions(self) -> Float[np.ndarray, "frames 24 4"]:
        """Local rotations as quaternions (x, y, z, w), float64."""
        quaternions = np.empty((*self.poses.shape[:2], 4))
        for part in _parts(len(self)):
            quaternions[part] = matrix_to_quaternion(self._rotations(part)).numpy()
        return quaternions

    @functools.cached_property
    def joint_positions(self) -> Float[np.ndarray, "frames 24 3"]:
        """World positions of the joints, metres, float64."""
        positions = np.empty(self.poses.shape)
        for part in _parts(len(self)):
            root = torch.as_tensor(self.trans[part], dtype=torch.float64)
            posed = forward_kinematics(self._rotations(part), root, self.skeleton)
            positions[part] = posed[1].numpy()
        return positions


def _parts(frames: int, size: int = 1024) -> Iterator[slice]:
    """Frames in parts: what is in between takes several times the memory of the result."""
    return (slice(first, first + size) for first in range(0, frames, size))


def writer_of(path: Path) -> Callable[..., None]:
    """What writes files of the path's ending, called with a motion and the path.

    Raises:
        ConfigError: an ending that no format has.
    """
    fitting = [name for name in FORMATS.names if path.name.lower().endswith(f".{name}")]
    if not fitting:
        endings = ", ".join(f".{name}" for name in FORMATS.names)
        raise ConfigError(f"{path}: no format writes '{path.suffix}' files; one of {endings}")
    # Where two endings fit, the longer one counts: .amass.npz is .npz too.
    return FORMATS.find(max(fitting, key=len))
