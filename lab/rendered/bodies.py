"""A synthetic person on the canonical skeleton: Anny's mesh (Apache-2.0), joints exactly ours.

Every bone of the Anny rig follows one of the 24 joints. Its part of the rest mesh is first moved
into our T-pose by an affine map: limbs are swung onto our bones and stretched along them, the torso
is scaled and moved as one piece, the head so that its eyes and nose are where ours are. Posing is
then plain linear blend skinning with our own forward kinematics, so the joints of the figure in the
video are those of the truth, to rounding.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import sparse

from vimoflow.conventions import COCO_NAMES
from vimoflow.errors import ConfigError, InputError
from vimoflow.files import replacing
from vimoflow.geometry.rotations import rotation_between
from vimoflow.installation import install_command
from vimoflow.motion.kinematics import coco_points
from vimoflow.motion.skeleton import JOINT_NAMES, coco, joint, load_skeleton

# Which joint a bone of the rig follows; bones not named here follow their parent.
_SIDED = {
    "clavicle": "collar", "upperarm01": "shoulder", "lowerarm01": "elbow", "wrist": "wrist",
    "upperleg01": "hip", "lowerleg01": "knee", "foot": "ankle",
    **{f"toe{n}-1": "foot" for n in range(1, 6)},
}  # fmt: skip
_FOLLOWS = {
    "root": "pelvis", "spine05": "spine1", "spine04": "spine2", "spine02": "spine3",
    "neck01": "neck", "head": "head",
} | {f"{bone}.{s}": f"{side}_{ours}" for bone, ours in _SIDED.items()
     for s, side in (("L", "left"), ("R", "right"))}  # fmt: skip
_LIMB_ENDS = {"collar": "shoulder", "shoulder": "elbow", "elbow": "wrist", "hip": "knee",
              "knee": "ankle"}  # fmt: skip
Shapes = tuple[dict[str, float], ...]  # Anny's phenotypes, 0 to 1 (gender 0 is male)
_SHAPES: Shapes = (  # of the four people of the benchmark
    {"gender": 0.0, "muscle": 0.6, "weight": 0.45, "age": 0.7},
    {"gender": 1.0, "muscle": 0.5, "weight": 0.4, "age": 0.7},
    {"gender": 0.0, "muscle": 0.45, "weight": 0.75, "age": 0.75},
    {"gender": 1.0, "muscle": 0.55, "weight": 0.65, "age": 0.75},
)
# Of those whom training sees: nobody of the benchmark.
OTHERS: Shapes = tuple(
    {"gender": gender, "muscle": muscle, "weight": weight, "age": age}
    for gender in (0.15, 0.85)
    for muscle, weight, age in (
        (0.5, 0.5, 0.67), (0.75, 0.5, 0.7), (0.35, 0.3, 0.68), (0.5, 0.85, 0.8), (0.4, 0.6, 0.9)
    )
)  # fmt: skip
_SOLE_M = 0.015  # from the foot joint down to the floor
CACHE = "people.npz"


@dataclass(frozen=True)
class RawPeople:
    """What is taken from Anny, in its own rest pose turned to +Y up, +Z forward, metres."""

    vertices: Float[np.ndarray, "people vertices 3"]
    heads: Float[np.ndarray, "people bones 3"]
    triangles: Int[np.ndarray, "triangles 3"]
    weights: Float[np.ndarray, "vertices influences"]
    indices: Int[np.ndarray, "vertices influences"]
    annotation: Float[np.ndarray, "17 vertices"]
    bones: tuple[str, ...]
    parents: tuple[int, ...]


@dataclass(frozen=True)
class Body:
    """A figure ready to be posed.

    Attributes:
        rest: its vertices in the T-pose, pelvis at the origin, metres.
        triangles: corners, counter-clockwise from outside.
        part: the joint that each vertex follows most.
        skin: maps the joints' stacked rotations and positions to vertices.
        annotation: maps vertices to Anny's own 17 COCO points (as annotators place them).
    """

    rest: Float[np.ndarray, "vertices 3"]
    triangles: Int[np.ndarray, "triangles 3"]
    part: Int[np.ndarray, " vertices"]
    skin: sparse.csr_matrix
    annotation: sparse.csr_matrix

    def posed(
        self, R_world_joint: Float[np.ndarray, "24 3 3"], p_world_joint: Float[np.ndarray, "24 3"]
    ) -> Float[np.ndarray, "vertices 3"]:
        """Vertices in the world, metres."""
        blocks = np.concatenate((R_world_joint.transpose(0, 2, 1), p_world_joint[:, None]), axis=1)
        return self.skin @ blocks.reshape(-1, 3)


def load_people(cache: Path, shapes: Shapes = _SHAPES) -> list[Body]:
    """The people of the benchmark, or others. Anny takes minutes to load: they are kept in a file.

    Raises:
        ConfigError: Anny is not installed.
        InputError: the cache is damaged.
    """
    path = cache / CACHE
    if not path.is_file():
        _write_raw(path, _from_anny(shapes))
    raw = _read_raw(path)
    return [_on_our_skeleton(raw, person) for person in range(len(raw.vertices))]


def _from_anny(shapes: Shapes) -> RawPeople:
    try:
        import anny
        from anny.keypoints import KeypointsRegressor
    except ImportError as error:
        raise ConfigError(
            f"the rendered benchmark needs a body ({error}); run: {install_command('render')}"
        ) from error
    model: Any = anny.Anny(skinning_method="lbs", phenotype_blendshapes="original")
    people = [model(phenotype_kwargs=shape) for shape in shapes]
    regressor = KeypointsRegressor.coco(model, list(COCO_NAMES))

    def turned(points: torch.Tensor) -> np.ndarray:
        x, y, z = points.numpy().astype(np.float32).swapaxes(0, -1)  # Anny is +Z up, facing -Y
        return np.stack((x, z, -y)).swapaxes(0, -1)

    return RawPeople(
        np.stack([turned(person["rest_vertices"][0]) for person in people]),
        np.stack([turned(person["rest_bone_heads"][0]) for person in people]),
        model.get_triangular_faces().numpy().astype(np.int32),
        model.vertex_bone_weights.numpy().astype(np.float32),
        model.vertex_bone_indices.numpy().astype(np.int32),
        regressor.regression_weights.numpy().astype(np.float32),
        tuple(model.bone_labels),
        tuple(int(p) for p in model.bone_parents),
    )


def _write_raw(path: Path, raw: RawPeople) -> None:
    arrays = {name: np.asarray(getattr(raw, name)) for name in RawPeople.__dataclass_fields__}
    with replacing(path) as partial:
        np.savez_compressed(partial, **arrays)


def _read_raw(path: Path) -> RawPeople:
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in RawPeople.__dataclass_fields__}
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path}: not readable ({error}); delete it and run again") from error
    bones = tuple(str(name) for name in arrays.pop("bones"))
    parents = tuple(int(p) for p in arrays.pop("parents"))
    return RawPeople(**arrays, bones=bones, parents=parents)


def _on_our_skeleton(raw: RawPeople, person: int) -> Body:
    vertices, heads = raw.vertices[person].astype(float), raw.heads[person].astype(float)
    at = {name: heads[raw.bones.index(name)] for name in _FOLLOWS if name in raw.bones}
    maps = _rest_maps(at, raw.annotation @ vertices, vertices)
    owner = np.array(_owners(raw.bones, raw.parents))[raw.indices]  # (vertices, influences)
    rest = load_skeleton().rest_positions()
    weight = np.zeros((len(vertices), len(JOINT_NAMES)))
    np.add.at(weight, (np.arange(len(vertices))[:, None], owner), raw.weights)
    weight /= weight.sum(axis=1, keepdims=True)
    local = np.zeros((len(vertices), len(JOINT_NAMES), 4))
    for j, (A, b) in maps.items():
        local[:, j, :3] = vertices @ A.T + b - rest[j]
    local[..., 3] = 1
    skin = sparse.csr_matrix((local * weight[..., None]).reshape(len(vertices), -1))
    identity = np.concatenate((np.tile(np.eye(3), (24, 1, 1)), rest[:, None]), axis=1)
    return Body(
        skin @ identity.reshape(-1, 3),
        raw.triangles,
        weight.argmax(axis=1),
        skin,
        sparse.csr_matrix(raw.annotation.astype(float)),
    )


def _owners(bones: tuple[str, ...], parents: tuple[int, ...]) -> list[int]:
    """The joint that each bone of the rig follows; parents come before children."""
    owner: list[int] = []
    for name, parent in zip(bones, parents, strict=True):
        if name in _FOLLOWS:
            owner.append(joint(_FOLLOWS[name]))
        else:
            owner.append(owner[parent] if parent >= 0 else joint("pelvis"))
    return owner


_Affine = tuple[np.ndarray, np.ndarray]


def _rest_maps(
    at: dict[str, np.ndarray], annotated: np.ndarray, vertices: np.ndarray
) -> dict[int, _Affine]:
    """For each joint the map (A, b) that brings its part of the rest mesh into our T-pose."""
    rest = load_skeleton().rest_positions()
    landmarks = ("upperleg01.L", "upperleg01.R", "upperarm01.L", "upperarm01.R", "neck01")
    theirs = np.stack([at[name] for name in landmarks])
    ours = np.stack([rest[joint(_FOLLOWS[name])] for name in landmarks])
    torso = _scaled(theirs, ours)
    scale = float(torso[0][0, 0])
    maps = {joint(name): torso for name in ("pelvis", "spine1", "spine2", "spine3", "neck")}
    face = [coco(name) for name in ("nose", "left_eye", "right_eye")]
    head = scale * np.eye(3)
    maps[joint("head")] = (head, (_rest_coco()[face] - annotated[face] @ head.T).mean(axis=0))
    for s, side in (("L", "left"), ("R", "right")):
        names = {ours: f"{theirs}.{s}" for theirs, ours in _SIDED.items()}
        for start, end in _LIMB_ENDS.items():
            bone = at[names[end]] - at[names[start]]
            target = rest[joint(f"{side}_{end}")] - rest[joint(f"{side}_{start}")]
            A = _stretched_swing(bone, target, scale)
            maps[joint(f"{side}_{start}")] = _pinned(A, at[names[start]], rest, f"{side}_{start}")
        forearm = at[names["wrist"]] - at[names["elbow"]]
        hand = rest[joint(f"{side}_hand")] - rest[joint(f"{side}_wrist")]
        A = scale * _swing(forearm, hand)
        maps[joint(f"{side}_wrist")] = _pinned(A, at[names["wrist"]], rest, f"{side}_wrist")
        A = _foot_map(at[names["ankle"]], at[f"toe2-1.{s}"], side, vertices[:, 1].min())
        for name in ("ankle", "foot"):
            maps[joint(f"{side}_{name}")] = _pinned(A, at[names["ankle"]], rest, f"{side}_ankle")
    return maps


def _pinned(A: np.ndarray, theirs: np.ndarray, rest: np.ndarray, name: str) -> _Affine:
    """The map with linear part A that takes their joint onto ours."""
    return A, rest[joint(name)] - A @ theirs


def _scaled(theirs: np.ndarray, ours: np.ndarray) -> _Affine:
    """The scale and shift from points to points; both figures are upright and face +Z."""
    scale = np.linalg.norm(ours - ours.mean(0)) / np.linalg.norm(theirs - theirs.mean(0))
    return scale * np.eye(3), ours.mean(0) - scale * theirs.mean(0)


def _stretched_swing(bone: np.ndarray, target: np.ndarray, scale: float) -> np.ndarray:
    """Swing a bone onto ours; along it to our length, across it by the body's scale."""
    along = np.linalg.norm(target) / np.linalg.norm(bone)
    d = target / np.linalg.norm(target)
    stretch = scale * np.eye(3) + (along - scale) * np.outer(d, d)
    return stretch @ _swing(bone, target)


def _swing(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The smallest rotation of direction ``a`` onto direction ``b``."""
    unit_a, unit_b = (torch.from_numpy(v / np.linalg.norm(v)) for v in (a, b))
    return rotation_between(unit_a, unit_b).numpy()


def _foot_map(ankle: np.ndarray, toe: np.ndarray, side: str, floor: float) -> np.ndarray:
    """Flat on the floor, pointing where ours points, sole at our sole's height."""
    offset = load_skeleton().offsets[joint(f"{side}_foot")]
    theirs = toe - ankle
    yaw = np.arctan2(offset[0], offset[2]) - np.arctan2(theirs[0], theirs[2])
    forward = np.hypot(offset[0], offset[2]) / np.hypot(theirs[0], theirs[2])
    up = (_SOLE_M - offset[1]) / (ankle[1] - floor)
    c, s = np.cos(yaw), np.sin(yaw)
    return np.diag([forward, up, forward]) @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])


@functools.cache
def _rest_coco() -> np.ndarray:
    eye = torch.eye(3, dtype=torch.float64).expand(24, 3, 3)
    return coco_points(eye, torch.from_numpy(load_skeleton().rest_positions())).numpy()
