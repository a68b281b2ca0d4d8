"""Motions as FBX 7.4 binary: the skeleton, its animation, and the mannequin as a skin.

Joints are ``LimbNode`` models whose frames lie along the file's axes in the T-pose; rotations are
Euler curves in degrees with a key a frame, in the orders that the BVH has, so that they do not
lock where people bend. FBX names an order by what turns first: its XYZ is Rz Ry Rx.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from vimoflow.files import output_errors, write_bytes
from vimoflow.formats.body import COLORS_SRGB, MATERIALS, load_body
from vimoflow.formats.bvh_writer import joint_angles, rotation_order
from vimoflow.formats.fbx_animation import TICKS, FbxAnimation, FbxObjects
from vimoflow.formats.fbx_nodes import Record, Value, properties, record, to_bytes
from vimoflow.formats.file_space import METRES, FileSpace, standing_m
from vimoflow.motion.clip import Motion
from vimoflow.motion.clip_resampling import at_even_times
from vimoflow.motion.skeleton import JOINT_NAMES, PARENTS

_ORDERS = ("XYZ", "XZY", "YZX", "YXZ", "ZXY", "ZYX")
_CUSTOM_RATE = 14
_MESH, _GEOMETRY, _SKIN, _POSE, _INFO = range(1, 6)
_MATERIAL, _MODEL, _BONE, _CLUSTER, _STACK = (1000 * k for k in range(1, 6))
_CENTIMETRES = FileSpace(unit="cm")


def write_fbx(
    motion: Motion,
    path: str | Path,
    space: FileSpace = _CENTIMETRES,
    names: Mapping[str, str] | None = None,
) -> None:
    """Write a motion on the mannequin; equal motions give equal bytes.

    A motion of an uneven clock is resampled evenly, as in BVH.

    Args:
        motion: what to write.
        path: the file.
        space: axis that is up and unit; programs read both out of the file.
        names: what the joints are called there.

    Raises:
        OutputError: the file cannot be written.
    """
    motion = at_even_times(motion)
    scene = _Scene(motion=motion, space=space, names=names or {})
    content = to_bytes(scene.records())
    with output_errors(Path(path)):
        write_bytes(Path(path), content)


def _id(number: int | np.integer) -> np.int64:
    return np.int64(number)


def _vector(name: str, kind: str, values: np.ndarray) -> tuple[Value, ...]:
    return (name, kind, "", "A", *(float(v) for v in values))


@dataclass
class _Scene(FbxObjects):
    """The parts of a file and how they hang together."""

    motion: Motion = field(kw_only=True)
    space: FileSpace = field(kw_only=True)
    names: Mapping[str, str] = field(kw_only=True)

    def records(self) -> tuple[Record, ...]:
        self._joints()
        self._body()
        self._animation()
        counts: dict[str, int] = {"GlobalSettings": 1}
        for one in self.objects:
            counts[one.name] = counts.get(one.name, 0) + 1
        kinds = [record("ObjectType", k, record("Count", n)) for k, n in counts.items()]
        return (
            record("FBXHeaderExtension", record("FBXHeaderVersion", 1003),
                   record("FBXVersion", 7400), record("Creator", "ViMo-Flow")),
            record("Creator", "ViMo-Flow"),
            self._settings(),
            record("Documents", record("Count", 1), record(
                "Document", _id(_INFO), "Scene", "Scene", record("RootNode", _id(0)))),
            record("References"),
            record("Definitions", record("Version", 100),
                   record("Count", sum(counts.values())), *kinds),
            record("Objects", *self.objects),
            record("Connections", *self.connections),
            record("Takes", record("Current", "motion")),
        )  # fmt: skip

    def _settings(self) -> Record:
        z_up, metres = self.space.up == "z", METRES[self.space.unit]
        axes = {
            "UpAxis": 2 if z_up else 1, "UpAxisSign": 1, "FrontAxis": 1 if z_up else 2,
            "FrontAxisSign": -1 if z_up else 1, "CoordAxis": 0, "CoordAxisSign": 1,
            "OriginalUpAxis": -1, "OriginalUpAxisSign": 1,
        }  # fmt: skip
        rows: list[tuple[Value, ...]] = [(k, "int", "Integer", "", v) for k, v in axes.items()]
        rows += [(k, "double", "Number", "", 100 * metres)
                 for k in ("UnitScaleFactor", "OriginalUnitScaleFactor")]  # fmt: skip
        rows += [
            ("TimeMode", "enum", "", "", _CUSTOM_RATE),
            ("CustomFrameRate", "double", "Number", "", float(self.motion.fps)),
            ("TimeSpanStart", "KTime", "Time", "", _id(0)),
            ("TimeSpanStop", "KTime", "Time", "", _id(self._ticks()[-1])),
        ]
        return record("GlobalSettings", record("Version", 1000), properties(*rows))

    def _ticks(self) -> np.ndarray:
        return np.round(np.arange(len(self.motion)) * (TICKS / self.motion.fps)).astype("<i8")

    def _rest(self) -> np.ndarray:
        """Joints of the standing T-pose in the file's unit and axes."""
        skeleton = self.motion.skeleton
        return self.space.points(skeleton.rest_positions() + standing_m(self.motion))

    def _joints(self) -> None:
        offsets = self.space.points(self.motion.skeleton.offsets)
        offsets[0] = self._rest()[0]
        for j, parent in enumerate(PARENTS):
            name = self.names.get(JOINT_NAMES[j], JOINT_NAMES[j])
            order = _ORDERS.index(rotation_order(JOINT_NAMES[j], self.space.up)[::-1])
            self.add("Model", _MODEL + j, f"{name}\0\1Model", "LimbNode",
                record("Version", 232),
                properties(
                    ("RotationActive", "bool", "", "", 1), ("RotationOrder", "enum", "", "", order),
                    ("InheritType", "enum", "", "", 1),
                    _vector("Lcl Translation", "Lcl Translation", offsets[j]),
                ),
                record("Shading", True), record("Culling", "CullingOff"))  # fmt: skip
            self.add("NodeAttribute", _BONE + j, f"{name}\0\1NodeAttribute", "LimbNode",
                properties(("Size", "double", "Number", "", 1.0)),
                record("TypeFlags", "Skeleton"))  # fmt: skip
            self.connect(_MODEL + j, 0 if parent < 0 else _MODEL + parent)
            self.connect(_BONE + j, _MODEL + j)
        poses = [record("PoseNode", record("Node", _id(_MODEL + j)), record("Matrix", matrix))
                 for j, matrix in enumerate(self._bind_matrices())]  # fmt: skip
        poses.append(record("PoseNode", record("Node", _id(_MESH)), record("Matrix", _flat())))
        self.add("Pose", _POSE, "bind\0\1Pose", "BindPose", record("Type", "BindPose"),
                  record("Version", 100), record("NbPoseNodes", len(poses)), *poses)  # fmt: skip

    def _bind_matrices(self) -> list[np.ndarray]:
        return [_flat(place) for place in self._rest()]

    def _body(self) -> None:
        body = load_body().scaled(self.motion.skeleton.scale)
        vertices = self.space.points(body.vertices + standing_m(self.motion))
        triangles = body.triangles.astype("<i4")
        corners = triangles.copy()
        corners[:, 2] = ~corners[:, 2]  # the last corner of a polygon is told by its sign
        normals = (body.normals @ self.space.R_file_world.T)[triangles.reshape(-1)]
        self.add("Geometry", _GEOMETRY, "mannequin\0\1Geometry", "Mesh",
            record("GeometryVersion", 124),
            record("Vertices", vertices.reshape(-1)),
            record("PolygonVertexIndex", corners.reshape(-1)),
            _layer("Normal", "ByPolygonVertex", "Direct", "Normals", normals.reshape(-1)),
            _layer("Material", "ByPolygon", "IndexToDirect", "Materials",
                   body.material[triangles[:, 0]].astype("<i4")),
            record("Layer", 0, record("Version", 100), *(
                record("LayerElement", record("Type", f"LayerElement{kind}"),
                       record("TypedIndex", 0)) for kind in ("Normal", "Material"))))  # fmt: skip
        self.add("Model", _MESH, "mannequin\0\1Model", "Mesh", record("Version", 232),
                  properties(), record("Shading", True),
                  record("Culling", "CullingOff"))  # fmt: skip
        self.connect(_MESH, 0)
        self.connect(_GEOMETRY, _MESH)
        for k, (name, color) in enumerate(zip(MATERIALS, COLORS_SRGB, strict=True)):
            diffuse: tuple[Value, ...] = ("DiffuseColor", "Color", "", "A", *map(float, color))
            self.add("Material", _MATERIAL + k, f"{name}\0\1Material", "",
                      record("ShadingModel", "lambert"), properties(diffuse))  # fmt: skip
            self.connect(_MATERIAL + k, _MESH)
        self.add("Deformer", _SKIN, "skin\0\1Deformer", "Skin", record("Version", 101))
        self.connect(_SKIN, _GEOMETRY)
        for j, link in enumerate(self._bind_matrices()):
            weights = body.weight_matrix[:, j]
            moved = np.flatnonzero(weights)
            if len(moved):
                self._cluster(j, moved, weights[moved], link)

    def _cluster(self, j: int, moved: np.ndarray, weights: np.ndarray, link: np.ndarray) -> None:
        inverse = link.copy()
        inverse[12:15] *= -1
        self.add("Deformer", _CLUSTER + j, f"{JOINT_NAMES[j]}\0\1SubDeformer", "Cluster",
                  record("Version", 100), record("Indexes", moved.astype("<i4")),
                  record("Weights", weights), record("Transform", inverse),
                  record("TransformLink", link))  # fmt: skip
        self.connect(_CLUSTER + j, _SKIN)
        self.connect(_MODEL + j, _CLUSTER + j)

    def _animation(self) -> None:
        animation = FbxAnimation(self, _STACK, self._ticks())
        animation.begin("motion")
        R = self.space.rotations(self.motion.local_rotations)
        orders = [rotation_order(name, self.space.up) for name in JOINT_NAMES]
        for j, angles in enumerate(joint_angles(R, orders)):
            by_axis = angles[:, [orders[j].index(axis) for axis in "XYZ"]]
            animation.move(_MODEL + j, "Lcl Rotation", np.degrees(by_axis))
        animation.move(_MODEL, "Lcl Translation", self.space.points(self.motion.trans))


def _flat(place: np.ndarray | None = None) -> np.ndarray:
    """A translation as FBX has matrices: rows of a matrix that acts on rows."""
    matrix = np.eye(4)
    matrix[3, :3] = 0 if place is None else place
    return matrix.reshape(-1)


def _layer(kind: str, mapping: str, reference: str, name: str, values: np.ndarray) -> Record:
    return record(f"LayerElement{kind}", 0, record("Version", 101), record("Name", ""),
                  record("MappingInformationType", mapping),
                  record("ReferenceInformationType", reference), record(name, values))  # fmt: skip
