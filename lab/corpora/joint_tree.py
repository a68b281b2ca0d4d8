"""A tree of joints posed in the world: shared by the readers of foreign skeletons."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from vimoflow.motion.source import SourceMotion


@dataclass(frozen=True)
class JointTree:
    """A skeleton whose joint frames are aligned with the world in the rest pose.

    Attributes:
        names: joint names; points that ride rigidly on a joint (a toe tip) are joints as well.
        parents: index of each joint's parent, -1 for the root alone; parents come before children.
        offsets: position in the parent's frame, metres, +Y up; the root's is zero.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Float[np.ndarray, "joints 3"]

    def with_points(self, points: dict[str, tuple[str, tuple[float, float, float]]]) -> JointTree:
        """The tree with rigid points added: name -> (joint it rides on, position in its frame)."""
        return JointTree(
            (*self.names, *points),
            (*self.parents, *(self.names.index(joint) for joint, _ in points.values())),
            np.concatenate((self.offsets, np.array([offset for _, offset in points.values()]))),
        )

    def pose(
        self,
        R_parent_joint: Float[np.ndarray, "frames posed 3 3"],
        root_world: Float[np.ndarray, "frames 3"],
        fps: float,
    ) -> SourceMotion:
        """Forward kinematics of all frames at once.

        Args:
            R_parent_joint: local rotations of the first ``posed`` joints; the rest do not turn.
            root_world: position of the root joint, metres, +Y up.
            fps: frames per second.
        """
        frames, posed = R_parent_joint.shape[:2]
        R_world = np.empty((frames, len(self.names), 3, 3))
        p_world = np.empty((frames, len(self.names), 3))
        rest = np.zeros((len(self.names), 3))
        for j, parent in enumerate(self.parents):
            R_local = R_parent_joint[:, j] if j < posed else np.eye(3)
            if parent < 0:
                R_world[:, j], p_world[:, j] = R_local, root_world
                continue
            R_world[:, j] = R_world[:, parent] @ R_local
            p_world[:, j] = p_world[:, parent] + R_world[:, parent] @ self.offsets[j]
            rest[j] = rest[parent] + self.offsets[j]
        return SourceMotion(self.names, self.parents, R_world, p_world, rest, fps)
