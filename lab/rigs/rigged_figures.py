"""Twelve rigged figures made to the conventions of other programs, as GLB."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from lab.rigs.rig_conventions import CONVENTIONS, Convention
from lab.rigs.rig_examples import OFFSETS, rest_frames
from vimoflow.motion.skeleton import JOINT_NAMES, PARENTS, joint


@dataclass(frozen=True)
class Figure:
    """One rig.

    Attributes:
        convention: names, extra joints, how the arms hang.
        parts: how much longer than ours bones are, by part of the name.
        size: of the whole.
        rolled: whether the joints' axes are turned about at random.
        armature: scale of the node above, which is turned from Z up if it is not 1.
        sole: height of the ankle above the sole, metres, before ``size``.
        mesh: whether it has one.
    """

    convention: Convention
    parts: Mapping[str, float] = field(default_factory=dict)
    size: float = 1.0
    rolled: bool = False
    armature: float = 1.0
    sole: float = 0.08
    mesh: bool = True

    @property
    def offsets(self) -> np.ndarray:
        factors = [next((f for part, f in self.parts.items() if part in n), 1.0)
                   for n in JOINT_NAMES]  # fmt: skip
        return OFFSETS * np.array(factors)[:, None] * self.size

    def rest(self) -> tuple[np.ndarray, np.ndarray]:
        """World rotations and positions of our joints in the rig's rest pose, on the floor."""
        frames = rest_frames(self.convention.arms, np.eye(3))
        R = np.stack([frames[name].T for name in JOINT_NAMES])
        p = np.zeros((24, 3))
        for j, parent in enumerate(PARENTS):
            if parent >= 0:
                p[j] = p[parent] + R[parent] @ self.offsets[j]
        return R, p + np.array([0.0, self.sole * self.size - p[joint("left_ankle"), 1], 0.0])


FIGURES = {
    "Mixamo": Figure(CONVENTIONS["Mixamo"], armature=0.01),
    "VRM": Figure(CONVENTIONS["VRM"], {"knee": 0.8, "ankle": 0.8, "elbow": 0.9}, 0.85),
    "Unreal, rolled A-pose": Figure(CONVENTIONS["Unreal mannequin"], rolled=True, armature=0.01),
    "Unity, giant": Figure(CONVENTIONS["Unity humanoid"], {"knee": 1.1}, 2.4, rolled=True),
    "Rigify, twist bones": Figure(CONVENTIONS["Rigify, deforming bones"], {"elbow": 1.1}, 0.9),
    "DAZ, child": Figure(CONVENTIONS["DAZ Genesis 8"], {"knee": 0.85, "ankle": 0.8}, 0.6, True),
    "Character Creator, long arms": Figure(
        CONVENTIONS["Character Creator"], {"elbow": 1.5, "wrist": 1.4}, armature=0.01),
    "MakeHuman, short legs": Figure(
        CONVENTIONS["MakeHuman"], {"knee": 0.55, "ankle": 0.6}, 0.9, True, sole=0.11),
    "Rokoko, no mesh": Figure(CONVENTIONS["Rokoko Newton"], {"spine": 1.2}, mesh=False),
    "Xsens, arms down": Figure(CONVENTIONS["Xsens"], {"knee": 1.2, "ankle": 1.05}, rolled=True),
    "CMU": Figure(CONVENTIONS["CMU, cgspeed"], {"knee": 0.9, "ankle": 1.1}, 1.1),
    "nothing said": Figure(
        Convention("", ""), {"knee": 1.1}, 1.2, rolled=True),
}  # fmt: skip


def names_of(figure: Figure) -> dict[str, str]:
    """Joint names by ours; of a figure whose names say nothing, numbers."""
    if figure.convention.trunk:
        return figure.convention.names
    return {n: f"Bone.{7 * k % 24:03d}" for k, n in enumerate(JOINT_NAMES) if "hand" not in n}


def glb(figure: Figure, seed: int = 0) -> bytes:
    """A GLB of the figure, with a material, a morph target and an animation of its own."""
    return pack(*document_of(figure, seed))


def document_of(figure: Figure, seed: int = 0) -> tuple[dict[str, Any], bytes]:
    """The figure's JSON and bytes."""
    rng = np.random.default_rng(seed)
    R_ours, p = figure.rest()
    names, convention = names_of(figure), figure.convention
    above = (
        Rotation.from_euler("x", -90, degrees=True) if figure.armature != 1 else Rotation.identity()
    )
    nodes: list[dict[str, Any]] = [
        {"name": "Armature", "rotation": above.as_quat().tolist(), "scale": [figure.armature] * 3}
    ]
    worlds = [np.eye(4)]
    worlds[0][:3, :3] = above.as_matrix() * figure.armature
    place: dict[str, int] = {}

    def add(name: str, parent: int, at: np.ndarray, R: np.ndarray) -> int:
        world = np.eye(4)
        world[:3, :3], world[:3, 3] = R * figure.armature, at
        local = np.linalg.inv(worlds[parent]) @ world
        nodes.append({
            "name": name, "translation": local[:3, 3].tolist(),
            "rotation": Rotation.from_matrix(local[:3, :3]).as_quat().tolist(),
        })  # fmt: skip
        worlds.append(world)
        nodes[parent].setdefault("children", []).append(len(nodes) - 1)
        return len(nodes) - 1

    for j, ours in enumerate(JOINT_NAMES):
        over = PARENTS[j]
        while over >= 0 and JOINT_NAMES[over] not in place:
            over = PARENTS[over]
        parent = place[JOINT_NAMES[over]] if over >= 0 else 0
        if ours not in names:
            continue
        R = R_ours[j] @ (
            Rotation.random(random_state=rng).as_matrix() if figure.rolled else np.eye(3)
        )
        if ours in convention.above:
            # On the way: a split bone, or a joint where the next one is.
            way = 0.5 * (p[j] + p[PARENTS[j]]) if "Twist" in convention.above[ours] else p[j]
            parent = add(convention.prefix + convention.above[ours], parent, way, R)
        place[ours] = add(names[ours], parent, p[j], R)
        for k, extra in enumerate(convention.more.get(ours, ())):
            add(convention.prefix + extra, place[ours], p[j] + [0.02 * k, 0.0, 0.03], R)
    joints = list(range(1, len(nodes)))
    document: dict[str, Any] = {
        "asset": {"version": "2.0", "extras": {"author": "somebody"}}, "scene": 0,
        "scenes": [{"nodes": [0]}], "nodes": nodes,
    }  # fmt: skip
    packer = _Packer(document)
    binds = np.linalg.inv(np.stack([worlds[n] for n in joints])).transpose(0, 2, 1).reshape(-1, 16)
    document["skins"] = [{"joints": joints, "inverseBindMatrices": packer.add(binds, "MAT4")}]
    if figure.mesh:
        _add_mesh(document, packer, figure, p, place)
    turn = packer.add(np.tile([0.0, 0.0, 0.0, 1.0], (2, 1)), "VEC4")
    target = {"node": 2, "path": "rotation"}
    document["animations"] = [{
        "name": "their own", "channels": [{"sampler": 0, "target": target}],
        "samplers": [{"input": packer.add(np.array([[0.0], [1.0]]), "SCALAR"), "output": turn}],
    }]  # fmt: skip
    document["buffers"] = [{"byteLength": len(packer.data)}]
    return document, bytes(packer.data)


class _Packer:
    def __init__(self, document: dict[str, Any]) -> None:
        self.data = bytearray()
        self.views = document.setdefault("bufferViews", [])
        self.accessors = document.setdefault("accessors", [])

    def add(self, rows: np.ndarray, kind: str, dtype: str = "<f4") -> int:
        content = np.ascontiguousarray(rows.astype(dtype)).tobytes()
        self.views.append({"buffer": 0, "byteOffset": len(self.data), "byteLength": len(content)})
        self.data.extend(content + b"\0" * (-len(content) % 4))
        component = {"<f4": 5126, "<u2": 5123}[dtype]
        self.accessors.append({"bufferView": len(self.views) - 1, "componentType": component,
                               "count": len(rows), "type": kind, "min": rows.min(0).tolist(),
                               "max": rows.max(0).tolist()})  # fmt: skip
        return len(self.accessors) - 1


def _add_mesh(
    document: dict[str, Any], packer: _Packer, figure: Figure, p: np.ndarray, place: dict[str, int]
) -> None:
    """A box around every foot and toe, and something at the other joints."""
    corners = np.array([[x, y, z] for x in (-1, 1) for y in (0, 1) for z in (0, 1)], float)
    points, owners = [], []
    for side in ("left", "right"):
        ankle, ball = p[joint(f"{side}_ankle")], p[joint(f"{side}_foot")]
        toe = place.get(f"{side}_foot", place[f"{side}_ankle"])
        for at, back, front, owner in ((ankle, -0.06, ball[2] - ankle[2], place[f"{side}_ankle"]),
                                       (ball, 0.0, 0.08, toe)):  # fmt: skip
            scale = figure.size if at is ball else 1.0
            z = at[2] + np.where(corners[:, 2] > 0, front * scale, back * figure.size)
            x = at[0] + 0.04 * figure.size * corners[:, 0]
            points.append(np.stack((x, corners[:, 1] * ankle[1] * 0.8, z), axis=1))
            owners += [owner] * 8
    for ours, node in place.items():
        if not ours.endswith(("ankle", "foot")):
            points.append(p[joint(ours)] + 0.03 * figure.size * (corners - 0.5))
            owners += [node] * 8
    vertices = np.concatenate(points)
    which = np.zeros((len(vertices), 4))
    which[:, 0] = np.array(owners) - 1
    weights = np.tile([1.0, 0, 0, 0], (len(vertices), 1))
    faces = np.array([[0, 1, 2], [5, 6, 7]])
    faces = np.concatenate([faces + 8 * k for k in range(len(vertices) // 8)])
    document["meshes"] = [{"name": "skin", "primitives": [{
        "attributes": {
            "POSITION": packer.add(vertices, "VEC3"),
            "JOINTS_0": packer.add(which, "VEC4", "<u2"),
            "WEIGHTS_0": packer.add(weights, "VEC4"),
        },
        "indices": packer.add(faces.reshape(-1, 1), "SCALAR", "<u2"),
        "targets": [{"POSITION": packer.add(0.01 * vertices, "VEC3")}],
        "material": 0,
    }], "extras": {"targetNames": ["smile"]}}]  # fmt: skip
    document["materials"] = [{"name": "cloth", "extensions": {"MADE_up": {"deep": [1.5, None]}}}]
    document["nodes"].append({"name": "body", "mesh": 0, "skin": 0})
    document["scenes"][0]["nodes"].append(len(document["nodes"]) - 1)


def as_vrm(version: int, document: dict[str, Any]) -> dict[str, Any]:
    """The document of the figure "VRM" with VRM's table (0.x or 1.0); names in it say nothing."""
    words = {"pelvis": "hips", "spine1": "spine", "spine2": "chest", "spine3": "upperChest",
             "neck": "neck", "head": "head", "hip": "UpperLeg", "knee": "LowerLeg",
             "ankle": "Foot", "foot": "Toes", "collar": "Shoulder", "shoulder": "UpperArm",
             "elbow": "LowerArm", "wrist": "Hand"}  # fmt: skip
    rows = {}
    for ours, name in names_of(FIGURES["VRM"]).items():
        node = next(n for n, one in enumerate(document["nodes"]) if one["name"] == name)
        document["nodes"][node]["name"] = f"j{node}"
        side, _, part = ours.rpartition("_")
        rows[side + words[part]] = node
    if version == 1:
        meta = {"name": "figure", "version": "1", "authors": ["somebody"],
                "licenseUrl": "https://vrm.dev/licenses/1.0/"}  # fmt: skip
        table: Any = {bone: {"node": node} for bone, node in rows.items()}
        extension = {"specVersion": "1.0", "meta": meta, "humanoid": {"humanBones": table}}
    else:
        table = [{"bone": bone, "node": node} for bone, node in rows.items()]
        extension = {"specVersion": "0.0", "meta": {"title": "figure"},
                     "humanoid": {"humanBones": table}}  # fmt: skip
    key = "VRMC_vrm" if version == 1 else "VRM"
    document["extensions"], document["extensionsUsed"] = {key: extension}, [key]
    return document


def pack(document: dict[str, Any], binary: bytes) -> bytes:
    """A GLB, written here so that it does not rest on the writer that is tested."""
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    binary += b"\0" * (-len(binary) % 4)
    body = struct.pack("<II", len(text), 0x4E4F534A) + text
    body += struct.pack("<II", len(binary), 0x004E4942) + binary
    return struct.pack("<III", 0x46546C67, 2, 12 + len(body)) + body
