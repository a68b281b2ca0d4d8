"""What an edited motion must satisfy: small objects that compose.

Frames are those of the edited motion at its own rate, from ``first`` to before ``end``; places are
in its world (metres, +Y up, floor at y = 0). What no constraint holds is generated.

Constraints that contradict each other, name no frame or joint there is, or ask for nothing, raise
one line (:func:`require_consistent`). A pin that cannot be reached from the generated pose does
not: the nearest feasible pose comes out, and the miss is reported (``completion.Miss``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float

from vimoflow.editing.joint_groups import named_joints, require_point
from vimoflow.errors import ConfigError
from vimoflow.keypoints.sequence import Keypoints2D
from vimoflow.motion.skeleton import JOINT_NAMES, joint


@dataclass(frozen=True)
class KeepFrames:
    """Frames that come out bit for bit as they went in."""

    first: int
    end: int


@dataclass(frozen=True)
class KeepJoints:
    """Rotations of named joints or groups that stay exactly; with the pelvis its position, too."""

    joints: tuple[str, ...]
    first: int
    end: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "joints", named_joints(self.joints))


@dataclass(frozen=True)
class PinJoint:
    """A joint or COCO point that is at a place in the world, to the millimetre.

    The root is moved by 0.3 m at most to get there; beyond, the miss is reported.
    """

    point: str
    first: int
    end: int
    place_world: tuple[float, float, float]

    def __post_init__(self) -> None:
        require_point(self.point)
        if not all(math.isfinite(x) for x in self.place_world):
            raise ConfigError(f"pin of {self.point}: {self.place_world} is not a place")


@dataclass(frozen=True, eq=False)
class RootPath:
    """Where the root is over the floor, x and z in metres, one row a frame from ``first`` on."""

    first: int
    path_world: Float[np.ndarray, "frames 2"]

    def __post_init__(self) -> None:
        if not np.isfinite(self.path_world).all():
            raise ConfigError("a root path holds values that are not finite")

    @property
    def end(self) -> int:
        """The frame after the last one."""
        return self.first + len(self.path_world)


@dataclass(frozen=True, eq=False)
class Follow:
    """2D keypoints of one camera that the generated part follows; softly, as evidence is.

    Attributes:
        keypoints: what was seen; frames without any leave the model free.
        first: the edited motion's frame at which their clock starts.
        static_camera: whether the camera stood still, so that the path in the image counts.
    """

    keypoints: Keypoints2D
    first: int = 0
    static_camera: bool = True


Constraint = KeepFrames | KeepJoints | PinJoint | RootPath | Follow


@dataclass(frozen=True)
class Held:
    """What is held exactly, frame by frame.

    Attributes:
        rotations: local rotations.
        root: x, y and z of the root.
        frames: whole frames.
    """

    rotations: Bool[np.ndarray, "frames 24"]
    root: Bool[np.ndarray, "frames 3"]
    frames: Bool[np.ndarray, " frames"]


def held(constraints: Sequence[Constraint], frames: int) -> Held:
    """What constraints hold exactly in a motion of so many frames."""
    rotations = np.zeros((frames, len(JOINT_NAMES)), bool)
    root = np.zeros((frames, 3), bool)
    for c in constraints:
        if isinstance(c, KeepFrames):
            rotations[c.first : c.end], root[c.first : c.end] = True, True
        elif isinstance(c, KeepJoints):
            rotations[c.first : c.end, [joint(name) for name in c.joints]] = True
            if "pelvis" in c.joints:
                root[c.first : c.end] = True
        elif isinstance(c, RootPath):
            root[c.first : c.end, [0, 2]] = True
    return Held(rotations, root, rotations.all(-1) & root.all(-1))


def require_consistent(constraints: Sequence[Constraint], frames: int) -> None:
    """Raise ``ConfigError`` unless all constraints can hold together in so many frames."""
    for c in constraints:
        if isinstance(c, Follow):
            if c.first >= frames:
                raise ConfigError(f"keypoints from frame {c.first}: the motion has {frames} frames")
        elif not 0 <= c.first < c.end <= frames:
            raise ConfigError(
                f"{_name(c)}: frames {c.first}:{c.end} are not within the motion's {frames} "
                f"(0:{frames})"
            )
    for message in _contradictions(constraints):
        raise ConfigError(message)
    if held(constraints, frames).frames.all():
        raise ConfigError("every frame is kept: there is nothing to generate")
    if not any(isinstance(c, KeepFrames) for c in constraints) and not any(
        isinstance(c, KeepJoints | Follow) for c in constraints
    ):
        raise ConfigError("nothing of the motion is kept: name frames or joints to keep")


def _contradictions(constraints: Sequence[Constraint]) -> Iterator[str]:
    for a, b in combinations(constraints, 2):
        if isinstance(a, Follow) or isinstance(b, Follow):
            continue
        first, end = max(a.first, b.first), min(a.end, b.end)
        if first >= end:
            continue
        where = f"at frames {first}:{end}"
        if isinstance(a, PinJoint) and isinstance(b, PinJoint):
            if a.point == b.point and a.place_world != b.place_world:
                yield f"two pins hold {a.point} at different places {where}"
        elif isinstance(a, RootPath) and isinstance(b, RootPath):
            yield f"two root paths overlap {where}"
        elif any(isinstance(c, PinJoint | RootPath) for c in (a, b)):
            keep = next((c for c in (a, b) if isinstance(c, KeepFrames)), None)
            other = b if keep is a else a
            if keep is not None:
                yield f"{_name(other)} contradicts the frames kept as they are {where}"
        joints = next((c for c in (a, b) if isinstance(c, KeepJoints)), None)
        if joints is not None and "pelvis" in joints.joints:
            path = next((c for c in (a, b) if isinstance(c, RootPath)), None)
            if path is not None:
                yield f"a root path contradicts the pelvis kept as it is {where}"


def _name(c: Constraint) -> str:
    return {
        KeepFrames: "kept frames", KeepJoints: "kept joints", RootPath: "root path",
        Follow: "keypoints",
    }.get(type(c), f"pin of {getattr(c, 'point', '')}")  # fmt: skip
