"""Builds ``formats/mannequin.safetensors``: ``python -m lab.mannequin.building``.

Every part is a loft: rings of points around a line of stations, closed by rounded ends. The shapes
are in ``shapes.py``; after a refit of the skeleton's offsets the mannequin is to be built again.
"""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int
from safetensors.numpy import save
from scipy.interpolate import PchipInterpolator

import vimoflow.formats.body as body
from lab.mannequin.shapes import Part, Station, left_parts, middle_parts
from vimoflow.files import write_bytes
from vimoflow.formats.body import MATERIALS, BodyMesh
from vimoflow.motion.skeleton import MIRROR_JOINTS, joint

_INFLUENCES = 4  # joints a vertex, as glTF has them
_NARROW = {"joints": np.uint8, "material": np.uint8, "faces": np.uint16}


def main() -> None:
    """Write both meshes beside the module that loads them."""
    arrays = {
        f"{kind}.{field.name}": getattr(mesh, field.name).astype(_NARROW.get(field.name, float))
        for kind, mesh in (("fine", build_body()), ("coarse", build_body(coarse=True)))
        for field in fields(mesh)
        if field.name != "colors"
    }
    path = Path(body.__file__).with_name("mannequin.safetensors")
    write_bytes(path, save({name: np.ascontiguousarray(array) for name, array in arrays.items()}))


def build_body(coarse: bool = False) -> BodyMesh:
    """The mannequin of the canonical skeleton; ``coarse``: in two fifths of the faces."""
    middle, side = middle_parts(), left_parts()
    if coarse:
        middle, side = (tuple(part.coarser() for part in parts) for parts in (middle, side))
    left = [_loft(part) for part in side]
    meshes = [*(_loft(part) for part in middle), *left, *(_mirror(mesh) for mesh in left)]
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes[:-1]])
    return BodyMesh(
        vertices=np.concatenate([mesh.vertices for mesh in meshes]),
        normals=np.concatenate([mesh.normals for mesh in meshes]),
        joints=np.concatenate([mesh.joints for mesh in meshes]),
        weights=np.concatenate([mesh.weights for mesh in meshes]),
        material=np.concatenate([mesh.material for mesh in meshes]),
        faces=np.concatenate(
            [mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]
        ),
    )


def _mirror(mesh: BodyMesh) -> BodyMesh:
    """A left part on the right: the sagittal plane is x = 0."""
    flip = np.array([-1.0, 1.0, 1.0])
    left, right = MATERIALS.index("left"), MATERIALS.index("right")
    quad = mesh.faces[:, 2:3] != mesh.faces[:, 3:4]
    return replace(
        mesh,
        vertices=mesh.vertices * flip,
        normals=mesh.normals * flip,
        joints=np.array(MIRROR_JOINTS)[mesh.joints],
        material=np.where(mesh.material == left, right, mesh.material),
        faces=np.where(quad, mesh.faces[:, ::-1], mesh.faces[:, [1, 0, 2, 2]]),
    )


def _loft(part: Part) -> BodyMesh:
    """Rings around the part's stations, closed by a vertex at either end."""
    along = part.end - part.start
    axis = along / np.linalg.norm(along)
    front = np.array(part.front) - axis * (axis @ part.front)
    front = front / np.linalg.norm(front)
    side = np.cross(front, axis)
    profile = _profile(part, float(np.linalg.norm(along)))
    angle = np.arange(part.segments) / part.segments * 2 * np.pi
    x, z = (np.sign(f) * np.abs(f) ** (2 / part.squareness) for f in (np.cos(angle), np.sin(angle)))
    centre = part.start + profile[:, :1] * axis + profile[:, 3:4] * front + profile[:, 4:5] * side
    rings = (
        centre[:, None]
        + profile[:, 1, None, None] * x[:, None] * side
        + profile[:, 2, None, None] * z[:, None] * front
    )
    vertices = np.concatenate((rings[0, :1], rings[1:-1].reshape(-1, 3), rings[-1, :1]))
    faces = _ring_faces(len(rings) - 2, part.segments)
    joints, weights = _weights(part, vertices)
    material = np.full(len(vertices), MATERIALS.index(part.material))
    return BodyMesh(vertices, normals_of(vertices, faces), joints, weights, material, faces)


def _profile(part: Part, length: float) -> Float[np.ndarray, "rings 5"]:
    """Distance along the axis, side and front radius, shift to the front and to the side, metres.

    The first and the last ring have no size: they are the tips of the rounded ends.
    """
    stations = np.array([_row(station, length) for station in part.stations])
    along = np.linspace(stations[0, 0], stations[-1, 0], part.rings)
    middle = np.column_stack((along, PchipInterpolator(stations[:, 0], stations[:, 1:])(along)))
    start = _cap(middle[0], part.start_cap, part.cap_rings, -1)
    end = _cap(middle[-1], part.end_cap, part.cap_rings, 1)
    return np.concatenate((start, middle, end[::-1]))


def _row(station: Station, length: float) -> tuple[float, float, float, float, float]:
    return (
        station.at * length,
        station.side,
        station.front,
        station.shift_front,
        station.shift_side,
    )


def _cap(
    ring: Float[np.ndarray, "5"], depth: float | None, count: int, sign: int
) -> Float[np.ndarray, "count 5"]:
    """An elliptic end from its tip to (not including) ``ring``; half a ball by default."""
    angle = np.linspace(0, np.pi / 2, count, endpoint=False)
    rings = np.repeat(ring[None], count, axis=0)
    rings[:, 0] += sign * (float(ring[1:3].mean()) if depth is None else depth) * np.cos(angle)
    rings[:, 1:3] *= np.sin(angle)[:, None]
    return rings


def _ring_faces(rings: int, segments: int) -> Int[np.ndarray, "faces 4"]:
    """Faces of a closed loft: vertex 0 is one end, then come the rings, then the other end."""
    here = np.arange(segments)
    beside = np.roll(here, -1)
    ring = 1 + segments * np.arange(rings - 1)[:, None]
    quads = np.stack(
        (ring + here, ring + beside, ring + segments + beside, ring + segments + here), axis=-1
    ).reshape(-1, 4)
    top = 1 + segments * (rings - 1)
    tip = np.full(segments, top + segments)
    start = np.stack((np.zeros_like(here), 1 + beside, 1 + here, 1 + here), axis=-1)
    end = np.stack((tip, top + here, top + beside, top + beside), axis=-1)
    return np.concatenate((start, quads, end))


def normals_of(
    vertices: Float[np.ndarray, "vertices 3"], faces: Int[np.ndarray, "faces 4"]
) -> Float[np.ndarray, "vertices 3"]:
    """Unit vertex normals, faces weighted by area."""
    a, b, c, d = (vertices[faces[:, k]] for k in range(4))
    face_normal = np.cross(c - a, d - b)  # of the diagonals; for a triangle, of two edges
    normals = np.zeros_like(vertices)
    quad = faces[:, 2] != faces[:, 3]
    for corner in range(4):
        chosen = quad if corner == 3 else slice(None)
        np.add.at(normals, faces[chosen, corner], face_normal[chosen])
    return normals / np.linalg.norm(normals, axis=-1, keepdims=True)


def _weights(
    part: Part, vertices: Float[np.ndarray, "vertices 3"]
) -> tuple[Int[np.ndarray, "vertices 4"], Float[np.ndarray, "vertices 4"]]:
    """Rigid parts follow one joint; the others blend along the height, between ``part.blend``."""
    count = len(part.joints)
    joints = np.zeros((len(vertices), _INFLUENCES), dtype=np.int64)
    joints[:, :count] = [joint(name) for name in part.joints]
    weights = np.zeros((len(vertices), _INFLUENCES))
    if count == 1:
        weights[:, 0] = 1.0
        return joints, weights
    position = np.interp(vertices[:, 1], part.blend, np.arange(count))
    weights[:, :count] = np.clip(1 - np.abs(position[:, None] - np.arange(count)), 0, 1)
    joints[weights == 0] = 0
    return joints, weights


if __name__ == "__main__":
    main()
