"""Scenes out of files: JSON of ours, MJCF, and GLB, each thing of which counts as its box."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vimoflow.characters.gltf_character import node_order, node_transform
from vimoflow.characters.gltf_file import GltfFile, read_gltf
from vimoflow.documents import build, read_document
from vimoflow.errors import InputError
from vimoflow.notes import note
from vimoflow.physics.scene import Box, Scene, chair, stairs, turned
from vimoflow.physics.simulator import mujoco
from vimoflow.physics.states import UP

_LARGEST_M = 1000.0
_MOST = 200  # boxes


@dataclass(frozen=True)
class BoxEntry:
    """A box of a scene's JSON: metres, y up, turned about the vertical."""

    centre: tuple[float, float, float]
    size: tuple[float, float, float]
    turn: float = 0.0


@dataclass(frozen=True)
class StairsEntry:
    """Stairs: where the first edge's middle is on the floor; they rise along x, turned."""

    at: tuple[float, float, float]
    turn: float = 0.0
    steps: int = 4
    rise: float = 0.17
    run: float = 0.28
    width: float = 1.0


@dataclass(frozen=True)
class ChairEntry:
    """A chair: where its middle is on the floor; it faces along x, turned."""

    at: tuple[float, float, float]
    turn: float = 0.0
    seat: float = 0.45
    back: float = 0.9
    width: float = 0.45


@dataclass(frozen=True)
class SceneFile:
    """What a scene's JSON may hold."""

    boxes: tuple[BoxEntry, ...] = ()
    stairs: tuple[StairsEntry, ...] = ()
    chairs: tuple[ChairEntry, ...] = ()


def read_scene(path: Path) -> Scene:
    """The boxes of a ``.json``, ``.xml`` (MJCF) or ``.glb`` file.

    Raises:
        InputError: it cannot be read, is of another kind, or holds no boxes of sensible size.
        ConfigError: a field of the JSON that is unknown or of another kind; MuJoCo is missing.
    """
    kinds = {".json": _json, ".xml": _mjcf, ".glb": _glb, ".gltf": _glb}
    if path.suffix.lower() not in kinds:
        raise InputError(f"{path}: a scene is .json, .xml (MJCF) or .glb; or say fit")
    boxes = tuple(kinds[path.suffix.lower()](path))
    numbers = [np.concatenate((box.centre, 2 * box.half)) for box in boxes]
    if not 0 < len(boxes) <= _MOST:
        raise InputError(f"{path}: holds {len(boxes)} boxes; a scene has 1 to {_MOST}")
    if not all((np.abs(row) < _LARGEST_M).all() and (row[3:] > 1e-4).all() for row in numbers):
        raise InputError(f"{path}: a box has no sensible place or size; is it in metres?")
    return Scene(boxes)


def _json(path: Path) -> Iterator[Box]:
    found = build(SceneFile, read_document(path), str(path))
    for entry in found.boxes:
        half = np.array(entry.size)[[0, 2, 1]] / 2
        yield Box(UP @ np.array(entry.centre), half, turned(entry.turn))
    for make, entries in ((stairs, found.stairs), (chair, found.chairs)):
        for one in entries:
            values = dataclasses.asdict(one)
            at, degrees = values.pop("at"), values.pop("turn")
            if values.get("steps", 1) > _MOST:
                raise InputError(f"{path}: {values['steps']} steps are too many; at most {_MOST}")
            yield from make(UP @ np.array(at), degrees, **values)


def _mjcf(path: Path) -> Iterator[Box]:
    engine = mujoco()
    try:
        model = engine.MjModel.from_xml_path(str(path))
    except ValueError as error:
        raise InputError(f"{path}: not MJCF ({' '.join(str(error).split())[:200]})") from error
    data = engine.MjData(model)
    engine.mj_kinematics(model, data)
    others = 0
    for geom in range(model.ngeom):
        if model.geom_type[geom] == engine.mjtGeom.mjGEOM_BOX:
            R = data.geom_xmat[geom].reshape(3, 3).copy()
            yield Box(data.geom_xpos[geom].copy(), model.geom_size[geom].copy(), R)
        else:
            others += int(model.geom_type[geom] != engine.mjtGeom.mjGEOM_PLANE)
    if others:
        note(f"{path}: {others} things that are no boxes were left out of the scene")


def _glb(path: Path) -> Iterator[Box]:
    file = read_gltf(path)
    nodes = file.items("nodes")
    worlds: dict[int, np.ndarray] = {}
    parents = {child: at for at, node in enumerate(nodes) for child in node.get("children", [])}
    for at in node_order(file):
        above = worlds[parents[at]] if at in parents else np.eye(4)
        worlds[at] = above @ node_transform(file, nodes[at])
        if "mesh" in nodes[at]:
            yield _bounding(_corners(file, nodes[at]["mesh"]), worlds[at])


def _corners(file: GltfFile, mesh: object) -> np.ndarray:
    """The least and the greatest corner of a mesh."""
    primitives = file.item("meshes", mesh).get("primitives")
    if not isinstance(primitives, list) or not primitives:
        raise file.error("a mesh has no primitives")
    rows = np.concatenate([file.array(one["attributes"]["POSITION"]) for one in primitives])
    return np.stack((rows.min(0), rows.max(0)))


def _bounding(corners: np.ndarray, world: np.ndarray) -> Box:
    scale = np.linalg.norm(world[:3, :3], axis=0)
    if not (scale > 0).all():
        raise InputError("a thing of the scene has no size")
    middle = world[:3, :3] @ corners.mean(0) + world[:3, 3]
    return Box(UP @ middle, (corners[1] - corners[0]) / 2 * scale, UP @ world[:3, :3] / scale)
