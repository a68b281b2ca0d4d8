"""Characters in FBX 7 binary: their skeleton and skin, and the user's own file with an animation.

The character stands as in its bind pose, where the file has one. What is written is the user's file
with objects, connections and a take more; everything else in it is kept record by record.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float

from vimoflow.formats.bvh_writer import joint_angles
from vimoflow.formats.fbx_animation import TICKS, FbxAnimation, FbxObjects
from vimoflow.formats.fbx_nodes import Record, from_bytes, record, to_bytes
from vimoflow.formats.fbx_reader import BONES, DAMAGE, FbxScene, fbx_scene, read_fbx_scene
from vimoflow.formats.fbx_skin import skinned_mesh
from vimoflow.formats.takes import damaged, read_file, unique_names
from vimoflow.geometry.rotations import nearest_rotation, quaternion_to_matrix
from vimoflow.motion.character import Character, CharacterMotion

_SAME = 1e-5
_LARGEST = 1e9


def read_fbx_character(path: str | Path) -> Character:
    """The skeleton of a file and, where it has one, its skin.

    Raises:
        InputError: the file is damaged, text, older than FBX 7, or has no skeleton.
    """
    path = Path(path)
    scene = read_fbx_scene(path)
    with damaged(path, "FBX", *DAMAGE), np.errstate(all="ignore"):
        character = Character(
            names=unique_names([scene.name(model) for model in scene.joints]),
            parents=tuple(scene.joint_parents),
            rest_local=_rest(scene),
            to_world=scene.world_file,
            bones=_bones(scene),
            source=str(path),
        )
        if not (np.abs(character.rest_world) < _LARGEST).all():
            raise ValueError("joints lie at places that are not sensible numbers")
        return dataclasses.replace(character, mesh=skinned_mesh(scene, character.rest_world))


def _bones(scene: FbxScene) -> Bool[np.ndarray, " joints"]:
    """Which are joints; in a file that marks none, all."""
    marked = np.isin(scene.joints, scene.of("Model", BONES))
    return marked if marked.any() else ~marked


def _rest(scene: FbxScene) -> Float[np.ndarray, "joints 4 4"]:
    bind, parents = scene.bind, scene.joint_parents
    if not np.isfinite(bind).all():
        raise ValueError("the bind pose is not of numbers")
    above = np.stack([bind[p] if p >= 0 else np.eye(4) for p in parents])
    return np.linalg.solve(above, bind)


def with_take(path: str | Path, motion: CharacterMotion) -> bytes:
    """The file with the motion, which is of its character, as one take more.

    Raises:
        InputError: the file is no longer readable.
    """
    path = Path(path)
    with damaged(path, "FBX", *DAMAGE):
        root = from_bytes(read_file(path))
        added = _animation(fbx_scene(path, root), motion)
        return to_bytes(tuple(_grown(one, added) for one in root.children), *root.values)


def _animation(scene: FbxScene, motion: CharacterMotion) -> FbxObjects:
    """Curves of what moves, and of what stands otherwise in the file than at rest."""
    added = FbxObjects()
    names = {scene.name(stack) for stack in scene.of("AnimationStack")}
    name = next(n for k in range(1, len(names) + 2)
                if (n := motion.name if k == 1 else f"{motion.name} {k}") not in names)  # fmt: skip
    ticks = np.round(motion.times * TICKS).astype("<i8")
    animation = FbxAnimation(added, _free_number(scene), ticks)
    animation.begin(name)
    rest, frames = motion.character.rest_local, len(ticks)
    for j, model in enumerate(scene.joints):
        own = scene.local(model, {}, 1)[0]
        turned = motion.rotations.get(j)
        R = _turned(rest[j])[None].repeat(frames, 0)
        if turned is not None:
            R = quaternion_to_matrix(torch.from_numpy(turned)).numpy()
        moved: dict[str, Any] = {"Lcl Translation": np.zeros((frames, 3))}
        if turned is not None or np.abs(R[0] - _turned(own)).max() > _SAME:
            moved["Lcl Rotation"] = _degrees(scene, model, R)
            animation.move(model, "Lcl Rotation", moved["Lcl Rotation"])
        places = motion.translations.get(j, rest[j, None, :3, 3])
        lcl = places - scene.local(model, moved, frames)[:, :3, 3]
        now = own[:3, 3] - scene.local(model, {"Lcl Translation": np.zeros((1, 3))}, 1)[0, :3, 3]
        if np.abs(lcl - now).max() > _SAME * (1 + np.abs(now).max()):
            animation.move(model, "Lcl Translation", lcl)
    return added


def _free_number(scene: FbxScene) -> int:
    """A number above all of the file's, or one with a gap above it."""
    taken = sorted({0, *scene.objects})
    gap = 8 * len(scene.joints) + 2
    for below, above in zip(taken, [*taken[1:], (1 << 63) - 1], strict=True):
        if below >= 0 and above - below > gap:
            free = below + 1
    return free


def _turned(matrix: Float[np.ndarray, "4 4"]) -> Float[np.ndarray, "3 3"]:
    sizes = np.linalg.norm(matrix[:3, :3], axis=0)
    return nearest_rotation(torch.from_numpy(matrix[:3, :3] / np.maximum(sizes, 1e-12))).numpy()


def _degrees(
    scene: FbxScene, model: int, R: Float[np.ndarray, "frames 3 3"]
) -> Float[np.ndarray, "frames 3"]:
    before, order, after = scene.turns(model)
    angles = joint_angles((before.T @ R @ after.T)[:, None], [order])[0]
    return np.degrees(angles[:, [order.index(axis) for axis in "XYZ"]])


def _grown(part: Record, added: FbxObjects) -> Record:
    """A part of the file with what belongs there."""
    more = {"Objects": added.objects, "Connections": added.connections}.get(part.name)
    if more:
        return dataclasses.replace(part, children=(*part.children, *more))
    return _counted(part, added.objects) if part.name == "Definitions" else part


def _counted(definitions: Record, objects: list[Record]) -> Record:
    """``Definitions``, which say how many objects of each kind there are."""
    left: dict[str, int] = {}
    for one in objects:
        left[one.name] = left.get(one.name, 0) + 1
    children = []
    for child in definitions.children:
        if child.name == "Count" and child.values:
            child = record("Count", int(child.values[0]) + len(objects))
        elif child.name == "ObjectType" and child.values and child.values[0] in left:
            more = left.pop(child.values[0])
            inner = tuple(
                record("Count", int(c.values[0]) + more) if c.name == "Count" and c.values else c
                for c in child.children
            )
            child = dataclasses.replace(child, children=inner)
        children.append(child)
    new = [record("ObjectType", kind, record("Count", n)) for kind, n in left.items()]
    return dataclasses.replace(definitions, children=(*children, *new))
