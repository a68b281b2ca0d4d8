"""A user's rigged figure and its animation: what readers and writers of character files share.

A reader (glTF and VRM, BVH in ``characters/``; others in ``formats/``) makes a :class:`Character`
of a file; ``characters.retargeting`` makes a :class:`CharacterMotion` for it; the writer of the
same kind adds that to the user's file, in the file's own units.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float, Int


@dataclass(frozen=True)
class SkinnedMesh:
    """All skinned vertices of a figure, standing in the rest pose.

    Attributes:
        vertices: world positions at rest, metres, +Y up (skinned by the rest pose already).
        triangles: indices into ``vertices``.
        joints: the joints that carry each vertex, indices into ``Character.names``.
        weights: their shares, not negative, summing to one.
        colors: linear RGB of each vertex for pictures, if known.
    """

    vertices: Float[np.ndarray, "vertices 3"]
    triangles: Int[np.ndarray, "triangles 3"]
    joints: Int[np.ndarray, "vertices 4"]
    weights: Float[np.ndarray, "vertices 4"]
    colors: Float[np.ndarray, "vertices 3"] | None = None


@dataclass(frozen=True)
class Character:
    """A rigged figure as its file has it, and how the file's space lies in ours.

    All nodes that move with the skeleton are listed: joints, and what is above them (armatures,
    with their scales and turns). Transforms are 4 x 4 and act on column vectors.

    Attributes:
        names: of the nodes; unique and not empty (readers number repeated names); end sites end in
            ``_end``.
        parents: index of each node's parent, -1 for roots; parents come before children.
        rest_local: each node's transform in its parent, at rest, in the file's own units.
        to_world: from the file's space to metres, +Y up, right-handed; the identity for glTF, a
            turn and a uniform scale for files in centimetres or Z-up.
        bones: which nodes are joints, rather than armatures, meshes, cameras.
        mesh: the skinned vertices, if the file has any.
        humanoid: joints of our parts ("left_knee", ``characters.joint_map.PARTS``), where the
            file itself says which they are (VRM); by index.
        source: file name, for messages.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    rest_local: Float[np.ndarray, "nodes 4 4"]
    to_world: Float[np.ndarray, "4 4"]
    bones: Bool[np.ndarray, " nodes"]
    mesh: SkinnedMesh | None = None
    humanoid: Mapping[str, int] = field(default_factory=dict)
    source: str = ""

    @functools.cached_property
    def rest_world(self) -> Float[np.ndarray, "nodes 4 4"]:
        """Each node's transform in the world at rest, metres, +Y up; scales included."""
        world = np.empty_like(self.rest_local)
        for node, parent in enumerate(self.parents):
            above = self.to_world if parent < 0 else world[parent]
            world[node] = above @ self.rest_local[node]
        return world


@dataclass(frozen=True)
class CharacterMotion:
    """What moves of a character, ready to be written into its file.

    Attributes:
        character: whose nodes these are.
        name: of the animation.
        times: seconds from zero, increasing.
        rotations: by node index, the local rotation as quaternions (x, y, z, w) that do not jump
            from sign to sign; they replace the rotation of ``rest_local``.
        translations: by node index, the local translation in the file's own units, replacing that
            of ``rest_local``. Nodes in neither stay at rest; scales never change.
    """

    character: Character
    name: str
    times: Float[np.ndarray, " frames"]
    rotations: Mapping[int, Float[np.ndarray, "frames 4"]]
    translations: Mapping[int, Float[np.ndarray, "frames 3"]]
