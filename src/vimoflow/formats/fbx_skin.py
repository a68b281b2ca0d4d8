"""The skin of an FBX: its meshes' vertices and the joints that carry them."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from vimoflow.formats.fbx_reader import FbxScene, euler, matrix_of
from vimoflow.formats.takes import matrices_of
from vimoflow.motion.character import SkinnedMesh

_MOST = 20_000_000  # vertices, and shares in them
_SHARES = 4  # joints a vertex, the strongest


def skinned_mesh(
    scene: FbxScene, rest_world: Float[np.ndarray, "joints 4 4"]
) -> SkinnedMesh | None:
    """All skinned vertices as they stand at rest; None where there are none.

    Raises:
        ValueError: numbers that make no sense.
    """
    parts = [part for geometry in scene.of("Geometry")
             if (part := _skinned(scene, geometry, rest_world))]  # fmt: skip
    if not parts:
        return None
    before = np.cumsum([0, *(len(part.vertices) for part in parts)])
    return SkinnedMesh(
        np.concatenate([part.vertices for part in parts]),
        np.concatenate([p.triangles + n for p, n in zip(parts, before, strict=False)]),
        np.concatenate([part.joints for part in parts]),
        np.concatenate([part.weights for part in parts]),
    )


def _skinned(scene: FbxScene, geometry: int, rest_world: np.ndarray) -> SkinnedMesh | None:
    flat, corners = (scene.objects[geometry].numbers(k) for k in ("Vertices", "PolygonVertexIndex"))
    joint_of = {model: j for j, model in enumerate(scene.joints)}
    carriers = [(cluster, joint_of[model])
                for skin, _ in scene.below(geometry, "Deformer")
                for cluster, _ in scene.below(skin, "Deformer")
                for model, _ in scene.below(cluster, "Model") if model in joint_of]  # fmt: skip
    if flat is None or corners is None or not carriers:
        return None
    points = np.c_[flat.reshape(-1, 3), np.ones(len(flat) // 3)] @ _placed(scene, geometry).T
    vertex, joint, share, place = _shares(scene, carriers, points, rest_world)
    if not len(vertex):
        return None
    total = np.bincount(vertex, share, len(points))
    kept = total > 0
    sums = [np.bincount(vertex, share * place[:, k], len(points)) for k in range(3)]
    vertices = np.stack(sums, axis=1)[kept] / total[kept, None]
    if not (np.abs(vertices) < 1e9).all():
        raise ValueError("a mesh has numbers that make no sense")
    joints, weights = _strongest(vertex, joint, share, len(points))
    weights = weights[kept] / weights[kept].sum(1, keepdims=True)
    triangles = _triangles(corners, len(points))
    triangles = triangles[kept[triangles].all(1)]
    return SkinnedMesh(vertices, (np.cumsum(kept) - 1)[triangles], joints[kept], weights)


def _placed(scene: FbxScene, geometry: int) -> Float[np.ndarray, "4 4"]:
    """Where a mesh lies in the node that it hangs on."""
    models = set(scene.of("Model"))
    on = next((p for c, p, _ in scene.links if c == geometry and p in models), None)
    own = scene.objects[on].properties() if on is not None else {}
    shift, turn, scale = (
        np.array((*own.get(f"Geometric{name}", ()), usual, usual, usual)[:3], float)
        for name, usual in (("Translation", 0.0), ("Rotation", 0.0), ("Scaling", 1.0))
    )
    return matrices_of(euler(turn[None])[0], shift, scale)


def _shares(
    scene: FbxScene, carriers: list[tuple[int, int]], points: np.ndarray, rest_world: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Vertices that a joint carries: their numbers, the joint, its share, where it puts them."""
    found = []
    for cluster, joint in carriers:
        own = scene.objects[cluster]
        index, share = own.numbers("Indexes"), own.numbers("Weights")
        if index is None or share is None:
            continue
        if len(index) != len(share) or not ((index >= 0) & (index < len(points))).all():
            raise ValueError("a skin's vertices do not fit its mesh")
        if not ((share >= 0) & (share < 1e3)).all():
            raise ValueError("a skin's weights make no sense")
        bind = rest_world[joint] @ matrix_of(own.numbers("Transform"))
        found.append((index, np.full(len(index), joint), share, points[index] @ bind[:3].T))
        if sum(len(one[0]) for one in found) > _MOST:
            raise ValueError("a skin is too large")
    if not found:
        return np.zeros(0, int), np.zeros(0, int), np.zeros(0), np.zeros((0, 3))
    vertex, joints, share, place = (np.concatenate(part) for part in zip(*found, strict=True))
    return vertex, joints, share, place


def _strongest(
    vertex: np.ndarray, joint: np.ndarray, share: np.ndarray, count: int
) -> tuple[np.ndarray, np.ndarray]:
    """Each vertex' strongest joints and their shares, (vertices, 4)."""
    order = np.lexsort((-share, vertex))
    vertex, joint, share = vertex[order], joint[order], share[order]
    first = np.searchsorted(vertex, vertex)
    rank = np.arange(len(vertex)) - first
    kept = rank < _SHARES
    joints, weights = np.zeros((count, _SHARES), np.int64), np.zeros((count, _SHARES))
    joints[vertex[kept], rank[kept]] = joint[kept]
    weights[vertex[kept], rank[kept]] = share[kept]
    return joints, weights


def _triangles(corners: np.ndarray, vertices: int) -> np.ndarray:
    """Polygons, whose last corner is negative, as fans."""
    last = corners < 0
    index = np.where(last, ~corners, corners)
    if len(index) and not index.max() < vertices:
        raise ValueError("a polygon's corner is no vertex")
    start = np.concatenate(([0], np.flatnonzero(last)[:-1] + 1)) if last.any() else np.zeros(1, int)
    polygon: np.ndarray = np.cumsum(last) - last
    at = np.arange(len(index))
    if not len(index):
        return np.zeros((0, 3), np.int64)
    first = start[np.minimum(polygon, len(start) - 1)]
    third = at[(at - first >= 2) & (polygon < last.sum())]
    return np.stack((index[first[third]], index[third - 1], index[third]), axis=1)
