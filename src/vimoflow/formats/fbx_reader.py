"""FBX 7 binary (2011 and later): skeletons and their takes.

A node's transform is T Roff Rp Rpre R Rpost^-1 Rp^-1 Soff Sp S Sp^-1 of its parent's frame, as the
FBX SDK's documentation has it. No other file is opened and no script looked at.
"""

from __future__ import annotations

import functools
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float

from vimoflow.errors import InputError
from vimoflow.formats.bvh_reader import euler_to_matrix
from vimoflow.formats.fbx_animation import TICKS
from vimoflow.formats.fbx_nodes import Record, from_bytes
from vimoflow.formats.takes import (
    MAX_JOINTS,
    MAX_POSES,
    JointTracks,
    Take,
    damaged,
    matrices_of,
    parents_first,
    read_file,
)
from vimoflow.notes import note

_DENSE = 1.5  # frames between keys, up to which the keys are the frames
_RATES = (30, 120, 100, 60, 50, 48, 30, 30, 30 / 1.001, 30 / 1.001, 25, 24, 1000, 24 / 1.001, 0,
          96, 72, 60 / 1.001, 120 / 1.001)  # fmt: skip
_ORDERS = ("ZYX", "YZX", "XZY", "ZXY", "YXZ", "XYZ")  # as matrices are multiplied
BONES = ("LimbNode", "Limb", "Root")  # sorts of models that are joints
DAMAGE = (ValueError, IndexError, KeyError, TypeError, OverflowError, struct.error, zlib.error)
_PLACES = {"Lcl Translation": 0.0, "Lcl Rotation": 0.0, "Lcl Scaling": 1.0}


def read_fbx(path: str | Path) -> list[Take]:
    """All takes of a file's skeleton; nodes that are no joints, nor above one, are left out.

    The frames of a take are its keys where they are as dense as the file's frame rate, else the
    frames of that rate, between keys along straight lines.

    Raises:
        InputError: the file is damaged, text, older than FBX 7, or has no animated skeleton.
    """
    path = Path(path)
    scene = read_fbx_scene(path)
    with damaged(path, "FBX", *DAMAGE):
        takes = [take for stack in scene.of("AnimationStack") if (take := scene.take(stack))]
    if not takes:
        raise InputError(f"{path}: holds no animation of a skeleton")
    return takes


def read_fbx_scene(path: Path) -> FbxScene:
    """The parts of a file and how they hang together.

    Raises:
        InputError: the file is damaged, text or older than FBX 7.
    """
    with damaged(path, "FBX", *DAMAGE):
        return fbx_scene(path, from_bytes(read_file(path)))


def fbx_scene(path: Path, root: Record) -> FbxScene:
    """The scene of a file's records; errors as of a damaged one."""
    objects = {int(o.values[0]): o for part in root.all("Objects") for o in part.children}
    links = [
        (int(c.values[1]), int(c.values[2]), str((*c.values, "")[3]))
        for part in root.all("Connections") for c in part.all("C")
    ]  # fmt: skip
    settings = next((s.properties() for s in root.all("GlobalSettings")), {})
    return FbxScene(path, objects, tuple(links), settings)


@dataclass(frozen=True)
class FbxScene:
    """The objects of a file by number, what hangs on what and where, and the scene's settings."""

    path: Path
    objects: dict[int, Record]
    links: tuple[tuple[int, int, str], ...]
    settings: dict[str, tuple[Any, ...]]

    def of(self, kind: str, sorts: tuple[str, ...] = ()) -> list[int]:
        """Numbers of the objects of a kind."""
        return [n for n, o in self.objects.items()
                if o.name == kind and (not sorts or str(o.values[2]) in sorts)]  # fmt: skip

    @functools.cached_property
    def _below(self) -> dict[int, list[tuple[int, str]]]:
        below: dict[int, list[tuple[int, str]]] = {}
        for child, parent, place in self.links:
            if child in self.objects:
                below.setdefault(parent, []).append((child, place))
        return below

    def below(self, number: int, kind: str) -> list[tuple[int, str]]:
        """What of a kind hangs on an object, and at which place."""
        found = self._below.get(number, [])
        return [(child, place) for child, place in found if self.objects[child].name == kind]

    def name(self, number: int) -> str:
        """What an object is called."""
        name = str(self.objects[number].values[1]).partition("\0")[0]
        return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")

    @functools.cached_property
    def parents(self) -> dict[int, int]:
        """The model above each model; 0 for the scene."""
        models = {0, *self.of("Model")}
        return {c: p for c, p, place in self.links if c in models and p in models and not place}

    @functools.cached_property
    def joints(self) -> list[int]:
        """Models that are bones, and what they hang on, parents first.

        A file that marks no bones has its joints as plain nodes.
        """
        bones = self.of("Model", BONES) or self.of("Model", ("Null",))
        if not 1 < len(bones) <= MAX_JOINTS:
            raise InputError(f"{self.path}: holds a skeleton of {len(bones)} joints")
        wanted: dict[int, None] = {}
        for bone in bones:
            while bone and bone not in wanted:
                wanted[bone] = None
                bone = self.parents.get(bone, 0)
        found = list(wanted)
        above = [found.index(p) if (p := self.parents.get(m, 0)) else -1 for m in found]
        return [found[k] for k in parents_first(above, self.path)]

    @functools.cached_property
    def world_file(self) -> Float[np.ndarray, "4 4"]:
        """From the file's world to ours: metres, +Y up."""
        rows = np.zeros((3, 3))
        for row, (axis, usual) in enumerate((("Coord", 0.0), ("Up", 1.0), ("Front", 2.0))):
            index = int(self._setting(f"{axis}Axis", usual))
            rows[row, index % 3] = np.sign(self._setting(f"{axis}AxisSign", 1.0)) or 1.0
        sign = np.linalg.det(rows)
        rows = np.eye(3) if sign == 0 else rows * np.array([[sign], [1.0], [1.0]])
        world = np.eye(4)
        world[:3, :3] = rows * self._setting("UnitScaleFactor", 1.0) * 0.01
        return world

    @property
    def rate(self) -> float:
        """Frames per second."""
        mode = int(self._setting("TimeMode", 0.0))
        rate = float(_RATES[mode]) if 0 <= mode < len(_RATES) else 0.0
        rate = rate or self._setting("CustomFrameRate", 30.0)
        return rate if 1 <= rate <= 1000 else 30.0

    def _setting(self, name: str, usual: float) -> float:
        return float((*self.settings.get(name, ()), usual)[0])

    def local(
        self, model: int, moved: dict[str, Float[np.ndarray, "frames 3"]], frames: int
    ) -> Float[np.ndarray, "frames 4 4"]:
        """A model's matrices in its parent's frame, ``moved`` in the places of its own values."""
        own = self.objects[model].properties()

        def vector(name: str, usual: float = 0.0) -> np.ndarray:
            values = moved.get(name, np.array((*own.get(name, ()), usual, usual, usual)[:3], float))
            return np.broadcast_to(values, (frames, 3))

        def shift(*names: str, sign: float = 1.0) -> np.ndarray:
            total = sum((vector(name) for name in names), np.zeros((frames, 3)))
            return matrices_of(np.eye(3), sign * total)

        before, order, after = self.turns(model)
        R = before @ euler(vector("Lcl Rotation"), order) @ after
        scale = matrices_of(np.eye(3), np.zeros((frames, 3)), vector("Lcl Scaling", 1.0))
        return (
            shift("Lcl Translation", "RotationOffset", "RotationPivot")
            @ matrices_of(R, np.zeros((frames, 3)))
            @ shift("RotationPivot", sign=-1.0) @ shift("ScalingOffset", "ScalingPivot")
            @ scale @ shift("ScalingPivot", sign=-1.0)
        )  # fmt: skip

    def turns(self, model: int) -> tuple[np.ndarray, str, np.ndarray]:
        """What a model's own angles stand between: R = before @ R(angles, in order) @ after."""
        own = self.objects[model].properties()
        if not (*own.get("RotationActive", ()), 0)[0]:
            return np.eye(3), _ORDERS[0], np.eye(3)
        before, after = (
            euler(np.array((*own.get(name, ()), 0, 0, 0)[:3], float)[None])[0]
            for name in ("PreRotation", "PostRotation")
        )
        order = int((*own.get("RotationOrder", ()), 0)[0])
        return before, _ORDERS[order if 0 <= order < 6 else 0], after.T

    def take(self, stack: int) -> Take | None:
        """An animation; None where it moves no joint."""
        layers = [layer for layer, _ in self.below(stack, "AnimationLayer")]
        found = [curves for layer in layers if (curves := self._curves(layer))]
        if not found:
            return None
        if len(found) > 1:
            note(f"{self.path}: of {self.name(stack)!r} the first layer is read, not those on it")
        ticks = self._frames(found[0])
        moved = {model: {place: self._sampled(model, place, axes, ticks)
                         for place, axes in places.items()}
                 for model, places in found[0].items()}  # fmt: skip
        local = [self.local(model, moved.get(model, {}), len(ticks)) for model in self.joints]
        tracks = JointTracks(
            [self.name(model) for model in self.joints],
            self.joint_parents, self.bind, np.stack(local, axis=1), self.world_file,
        )  # fmt: skip
        return tracks.take(self.name(stack), (ticks - ticks[0]) / TICKS, self.path)

    @property
    def joint_parents(self) -> list[int]:
        """The joint above each joint, -1 for none."""
        return [self.joints.index(p) if (p := self.parents.get(m, 0)) else -1 for m in self.joints]

    def _curves(self, layer: int) -> dict[int, dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]]:
        """Keys (ticks and values) by model, property and axis."""
        joints, found = set(self.joints), {}  # type: set[int], dict[int, Any]
        nodes = {node for node, _ in self.below(layer, "AnimationCurveNode")}
        for node, model, place in self.links:
            if node in nodes and model in joints and place in _PLACES:
                axes = {axis[-1:]: self._keys(curve)
                        for curve, axis in self.below(node, "AnimationCurve")}  # fmt: skip
                found.setdefault(model, {})[place] = axes
        return found if any(a for m in found.values() for a in m.values()) else {}

    def _keys(self, curve: int) -> tuple[np.ndarray, np.ndarray]:
        ticks, values = (self.objects[curve].numbers(k) for k in ("KeyTime", "KeyValueFloat"))
        if ticks is None or values is None or not 0 < len(ticks) == len(values):
            raise ValueError("a curve has no keys")
        if not (np.diff(ticks) > 0).all() or np.abs(ticks).max() > 1 << 60:
            raise ValueError("the keys of a curve do not follow each other")
        return ticks, values

    def _frames(self, curves: dict[int, Any]) -> np.ndarray:
        """Ticks of the frames."""
        keys = [
            axis[0] for places in curves.values() for p in places.values() for axis in p.values()
        ]
        ticks = np.unique(np.concatenate(keys))
        step = TICKS / self.rate
        if len(ticks) > 1 and np.diff(ticks).max() > _DENSE * step:
            count = int((ticks[-1] - ticks[0]) / step + 1e-3) + 1
            if count * len(self.joints) > MAX_POSES:
                raise ValueError(f"a take of {(ticks[-1] - ticks[0]) / TICKS:.3g} s")
            ticks = ticks[0] + np.round(np.arange(count) * step).astype(np.int64)
        if len(ticks) * len(self.joints) > MAX_POSES:
            raise ValueError(f"{len(ticks)} frames")
        return ticks

    def _sampled(self, model: int, place: str, axes: Any, ticks: np.ndarray) -> np.ndarray:
        own = (*self.objects[model].properties().get(place, ()), *(_PLACES[place],) * 3)
        start = ticks[0]
        columns = [
            np.interp(ticks - start, axes[axis][0] - start, axes[axis][1]) if axis in axes
            else np.full(len(ticks), float(own[k]))
            for k, axis in enumerate("XYZ")
        ]  # fmt: skip
        return np.stack(columns, axis=1)

    @functools.cached_property
    def bind(self) -> Float[np.ndarray, "joints 4 4"]:
        """From each joint's frame to the file's world: the bind pose, the skin's, else as it is."""
        posed: dict[int, np.ndarray] = {}
        for cluster in self.of("Deformer", ("Cluster",)):
            link = self.objects[cluster].numbers("TransformLink")
            posed.update((m, matrix_of(link)) for m, _ in self.below(cluster, "Model"))
        for pose in self.of("Pose", ("BindPose",)):
            for one in self.objects[pose].all("PoseNode"):
                number = next((int(n.values[0]) for n in one.all("Node")), 0)
                posed[number] = matrix_of(one.numbers("Matrix"))
        found = {0: np.eye(4)}
        for model in self.joints:
            above = found[self.parents.get(model, 0)]
            found[model] = posed[model] if model in posed else above @ self.local(model, {}, 1)[0]
        return np.stack([found[model] for model in self.joints])


def matrix_of(values: np.ndarray | None) -> np.ndarray:
    """A matrix that acts on columns, of one that acts on rows."""
    if values is None:
        raise ValueError("a pose has no matrix")
    return values.reshape(4, 4).T


def euler(degrees: np.ndarray, order: str = _ORDERS[0]) -> np.ndarray:
    """Rotations of degrees about X, Y and Z, which are multiplied in ``order``."""
    angles = np.radians(degrees[:, ["XYZ".index(axis) for axis in order]])
    return euler_to_matrix(order, torch.from_numpy(angles)).numpy()
