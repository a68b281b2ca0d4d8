"""Characters in glTF, GLB and VRM: their skeleton, skin, and VRM's own table of joints."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.characters.gltf_file import GltfFile
from vimoflow.errors import InputError
from vimoflow.geometry.rotations import quaternion_to_matrix
from vimoflow.motion.character import Character, SkinnedMesh

_MAX_NODES = 20_000
_MAX_VERTICES = 5_000_000
_LARGEST = 1e6  # of any number in a transform
# VRM's humanoid bones by our parts (VRMC_vrm 1.0, VRM 0.x: the same names but for thumbs).
_VRM_PARTS = {
    "hips": "pelvis", "head": "head",
    **{f"{s}{bone}": f"{s}_{part}" for s in ("left", "right") for bone, part in (
        ("UpperLeg", "hip"), ("LowerLeg", "knee"), ("Foot", "ankle"), ("Toes", "toe"),
        ("Shoulder", "collar"), ("UpperArm", "shoulder"), ("LowerArm", "elbow"), ("Hand", "wrist"),
    )},
}  # fmt: skip
_VRM_CHEST = ("upperChest", "chest", "spine")


def gltf_character(file: GltfFile) -> Character:
    """The skinned figure of a glTF file; its nodes come in the order of :func:`node_order`.

    Raises:
        InputError: no skin, nodes in a circle, numbers that make no sense.
    """
    parents = _parents(file)
    order = node_order(file)
    place = {node: index for index, node in enumerate(order)}
    skins = [_joints(file, skin) for skin in file.items("skins")]
    bones = np.zeros(len(order), bool)
    for joint in (j for skin in skins for j in skin):
        bones[place[joint]] = True
    if not bones.any():
        raise InputError(f"{file.path}: it has no skeleton (no skin); name a rigged character")
    nodes = file.items("nodes")
    character = Character(
        names=_unique([nodes[n].get("name") for n in order]),
        parents=tuple(place.get(parents[n], -1) for n in order),
        rest_local=np.stack([node_transform(file, nodes[n]) for n in order]),
        to_world=np.eye(4),
        bones=bones,
        humanoid={part: place[node] for part, node in _humanoid(file).items()},
        source=str(file.path),
    )
    if not np.isfinite(character.rest_world).all():
        raise file.error("a node's transform makes no sense")
    mesh = _mesh(file, character, place, skins)
    return dataclasses.replace(character, mesh=mesh)


def node_order(file: GltfFile) -> list[int]:
    """The file's nodes, parents before children.

    Raises:
        InputError: nodes hang on each other in a circle.
    """
    parents = _parents(file)
    below: dict[int, list[int]] = {}
    for node, parent in enumerate(parents):
        below.setdefault(parent, []).append(node)
    order = list(below.get(-1, []))
    for node in order:  # grows on the way
        order += below.get(node, [])
    if len(order) != len(parents):
        raise file.error("nodes hang on each other in a circle")
    return order


def _parents(file: GltfFile) -> list[int]:
    """Of each node; -1 for roots."""
    nodes = file.items("nodes")
    if len(nodes) > _MAX_NODES:
        raise InputError(f"{file.path}: over {_MAX_NODES} nodes")
    parents = [-1] * len(nodes)
    for number, node in enumerate(nodes):
        children = node.get("children", [])
        for child in children if isinstance(children, list) else []:
            child = file.index(child, len(nodes), "the nodes")
            if parents[child] >= 0:
                raise file.error("a node hangs on two others")
            parents[child] = number
    return parents


def _joints(file: GltfFile, skin: dict[str, Any]) -> list[int]:
    joints = skin.get("joints", [])
    if not isinstance(joints, list) or not joints:
        raise file.error("a skin has no joints")
    return [file.index(j, len(file.items("nodes")), "the nodes") for j in joints]


def _unique(names: list[object]) -> tuple[str, ...]:
    """Names of one line each; what has none or another's name is numbered."""
    found: dict[str, None] = {}
    for number, name in enumerate(names):
        plain = " ".join(name.split())[:200] if isinstance(name, str) else ""
        plain = plain or f"node{number}"
        found[plain if plain not in found else f"{plain}#{number}"] = None
    return tuple(found)


def node_transform(file: GltfFile, node: dict[str, Any]) -> Float[np.ndarray, "4 4"]:
    """Of a node in the one above it."""
    if "matrix" in node:
        return _numbers(file, node["matrix"], 16).reshape(4, 4).T
    matrix = np.eye(4)
    turn = torch.from_numpy(_numbers(file, node.get("rotation", (0, 0, 0, 1)), 4))
    matrix[:3, :3] = quaternion_to_matrix(turn).numpy() * _numbers(
        file, node.get("scale", (1, 1, 1)), 3
    )
    matrix[:3, 3] = _numbers(file, node.get("translation", (0, 0, 0)), 3)
    return matrix


def _numbers(file: GltfFile, values: object, count: int) -> Float[np.ndarray, " count"]:
    try:
        numbers = np.array(values, dtype=np.float64)
    except (TypeError, ValueError, OverflowError):
        numbers = np.zeros(0)
    if numbers.shape != (count,) or not (np.abs(numbers) < _LARGEST).all():
        raise file.error("a node's transform makes no sense")
    return numbers


def _humanoid(file: GltfFile) -> Mapping[str, int]:
    """VRM's table: the node of each of our parts."""
    extensions = file.document.get("extensions", {})
    extensions = extensions if isinstance(extensions, dict) else {}
    bones: dict[str, object] = {}
    for key in ("VRMC_vrm", "VRM"):
        table = extensions.get(key, {})
        human = table.get("humanoid", {}) if isinstance(table, dict) else {}
        rows = human.get("humanBones", {}) if isinstance(human, dict) else {}
        if isinstance(rows, dict):
            bones |= {b: row.get("node") for b, row in rows.items() if isinstance(row, dict)}
        elif isinstance(rows, list):
            bones |= {
                str(row.get("bone")): row.get("node") for row in rows if isinstance(row, dict)
            }
    bones = {bone: node for bone, node in bones.items() if node not in (None, -1)}
    nodes = len(file.items("nodes"))
    found = {
        part: file.index(bones[bone], nodes, "the nodes")
        for bone, part in _VRM_PARTS.items()
        if bone in bones
    }
    chest = next((bones[bone] for bone in _VRM_CHEST if bone in bones), None)
    return found if chest is None else found | {"chest": file.index(chest, nodes, "the nodes")}


def _mesh(
    file: GltfFile, character: Character, place: dict[int, int], skins: list[list[int]]
) -> SkinnedMesh | None:
    """All skinned primitives, standing at rest."""
    parts: list[SkinnedMesh] = []
    total = 0
    for node in file.items("nodes"):
        if "mesh" not in node or "skin" not in node:
            continue
        skin = file.index(node["skin"], len(skins), "the skins")
        joints = np.array([place[j] for j in skins[skin]])
        pose = character.rest_world[joints] @ _inverse_binds(file, skin, len(joints))
        primitives = file.item("meshes", node["mesh"]).get("primitives", [])
        for primitive in primitives if isinstance(primitives, list) else []:
            part = _primitive(file, primitive, joints, pose)
            total += len(part.vertices) if part else 0
            if total > _MAX_VERTICES:
                raise InputError(f"{file.path}: over {_MAX_VERTICES} vertices")
            parts += [part] if part else []
    return _joined(parts) if parts else None


def _inverse_binds(file: GltfFile, skin: int, joints: int) -> Float[np.ndarray, "joints 4 4"]:
    accessor = file.item("skins", skin).get("inverseBindMatrices")
    if accessor is None:
        return np.broadcast_to(np.eye(4), (joints, 4, 4))
    rows = file.array(accessor).astype(np.float64)
    if rows.shape[1] != 16 or len(rows) < joints or not (np.abs(rows) < _LARGEST).all():
        raise file.error("a skin's bind matrices make no sense")
    return rows[:joints].reshape(-1, 4, 4).transpose(0, 2, 1)


def _primitive(
    file: GltfFile, primitive: object, joints: np.ndarray, pose: Float[np.ndarray, "joints 4 4"]
) -> SkinnedMesh | None:
    """One primitive of triangles; None for lines, points and what is not skinned."""
    attributes = primitive.get("attributes") if isinstance(primitive, dict) else None
    if not isinstance(primitive, dict) or not isinstance(attributes, dict):
        raise file.error("a mesh has no attributes")
    if not {"POSITION", "JOINTS_0", "WEIGHTS_0"} <= attributes.keys():
        return None
    names = ("POSITION", "JOINTS_0", "WEIGHTS_0")
    points, which, weights = (file.array(attributes[name]) for name in names)
    if (points.shape[1], which.shape[1], weights.shape[1]) != (3, 4, 4) or (
        not len(points) == len(which) == len(weights)
    ):
        raise file.error("a mesh's vertices do not fit its skin")
    which, weights = which.astype(np.int64), weights.astype(np.float64)
    if which.min() < 0 or which.max() >= len(joints):
        raise file.error("a vertex hangs on a joint that its skin lacks")
    if not (np.abs(points) < _LARGEST).all() or not ((weights >= 0) & (weights < 1e3)).all():
        raise file.error("a mesh has numbers that make no sense")
    weights /= np.maximum(weights.sum(1, keepdims=True), 1e-9)
    blend = np.einsum("vk,vkij->vij", weights, pose[which][..., :3, :])
    vertices = np.einsum("vij,vj->vi", blend[..., :3], points) + blend[..., 3]
    return SkinnedMesh(
        vertices, _triangles(file, primitive, len(vertices)), joints[which], weights,
        _color(file, primitive, len(vertices)),
    )  # fmt: skip


def _triangles(file: GltfFile, primitive: dict[str, Any], vertices: int) -> np.ndarray:
    if primitive.get("mode", 4) != 4:
        return np.zeros((0, 3), np.int64)
    index = np.arange(vertices)
    if "indices" in primitive:
        index = file.array(primitive["indices"]).astype(np.int64).reshape(-1)
    index = index[: len(index) // 3 * 3].reshape(-1, 3)
    if len(index) and (index.max() >= vertices or index.min() < 0):
        raise file.error("a triangle's corner is no vertex")
    return index


def _color(file: GltfFile, primitive: dict[str, Any], vertices: int) -> np.ndarray | None:
    """The material's plain colour; textures are not looked at."""
    if "material" not in primitive:
        return None
    surface = file.item("materials", primitive["material"]).get("pbrMetallicRoughness", {})
    factor = surface.get("baseColorFactor", (1, 1, 1, 1)) if isinstance(surface, dict) else None
    return np.tile(_numbers(file, factor, 4)[:3].clip(0, 1), (vertices, 1))


def _joined(parts: list[SkinnedMesh]) -> SkinnedMesh:
    before = np.cumsum([0, *(len(p.vertices) for p in parts)])
    colors = [np.ones_like(p.vertices) if p.colors is None else p.colors for p in parts]
    return SkinnedMesh(
        np.concatenate([p.vertices for p in parts]),
        np.concatenate([p.triangles + n for p, n in zip(parts, before, strict=False)]),
        np.concatenate([p.joints for p in parts]),
        np.concatenate([p.weights for p in parts]),
        np.concatenate(colors),
    )
