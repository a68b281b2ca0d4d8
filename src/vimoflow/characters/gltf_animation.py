"""An animation added to the user's own glTF file; everything else in it stays as it is.

What comes out is a GLB (a ``.vrm`` is one): the file's buffers byte by byte, one behind the other,
then the new arrays. Of the nodes only those change that are animated and have a matrix, which the
format wants taken apart. Pictures beside a ``.gltf`` are taken in.
"""

from __future__ import annotations

import copy
import mimetypes
from typing import Any

import numpy as np
import torch

from vimoflow.characters.gltf_character import node_order
from vimoflow.characters.gltf_file import GltfFile, linked_bytes, write_glb
from vimoflow.geometry.rotations import matrix_to_quaternion, nearest_rotation
from vimoflow.motion.character import CharacterMotion

_FLOAT = 5126


def with_animation(file: GltfFile, motion: CharacterMotion) -> bytes:
    """The file with the motion as one more animation, as GLB.

    Raises:
        InputError: a picture that the file names is not there.
    """
    for key in ("accessors", "animations", "bufferViews", "buffers", "images"):
        file.items(key)
    document = copy.deepcopy(file.document)
    binary = _one_buffer(file, document)
    nodes = node_order(file)
    targets = [(nodes[n], "rotation", q) for n, q in motion.rotations.items()]
    targets += [(nodes[n], "translation", t) for n, t in motion.translations.items()]
    for node in {node for node, _, _ in targets}:
        _take_apart(document["nodes"][node])
    _align(binary)
    view = {"buffer": 0, "byteOffset": len(binary)}
    accessors = document.setdefault("accessors", [])
    views = document.setdefault("bufferViews", [])
    times = motion.times.astype("<f4")[:, None]
    first = len(accessors)
    for values in (times, *(values.astype("<f4") for _, _, values in targets)):
        accessor: dict[str, Any] = {
            "bufferView": len(views), "byteOffset": len(binary) - view["byteOffset"],
            "componentType": _FLOAT, "count": len(values),
            "type": "SCALAR" if values.shape[1] == 1 else f"VEC{values.shape[1]}",
        }  # fmt: skip
        if values is times:
            accessor |= {"min": [float(times.min())], "max": [float(times.max())]}
        accessors.append(accessor)
        binary.extend(np.ascontiguousarray(values).tobytes())
    views.append(view | {"byteLength": len(binary) - view["byteOffset"]})
    document.setdefault("animations", []).append({
        "name": _free_name(document, motion.name),
        "samplers": [
            {"input": first, "output": first + 1 + n, "interpolation": "LINEAR"}
            for n in range(len(targets))
        ],
        "channels": [
            {"sampler": n, "target": {"node": node, "path": path}}
            for n, (node, path, _) in enumerate(targets)
        ],
    })  # fmt: skip
    document["buffers"] = [(document["buffers"][0] if document.get("buffers") else {})
                           | {"byteLength": len(binary)}]  # fmt: skip
    document["buffers"][0].pop("uri", None)
    return write_glb(document, bytes(binary))


def _one_buffer(file: GltfFile, document: dict[str, Any]) -> bytearray:
    """All bytes of a file in a row, to which its views are made to point."""
    binary, starts = bytearray(), []
    for content in file.buffers:
        _align(binary)
        starts.append(len(binary))
        binary.extend(content)
    for view in document.get("bufferViews", []):
        start = starts[file.index(view.get("buffer"), len(starts), "the buffers")]
        if start:
            own = view.get("byteOffset", 0)
            view["byteOffset"] = start + (own if isinstance(own, int) else 0)
        view["buffer"] = 0
    for image in document.get("images", []):
        uri = image.get("uri")
        if isinstance(uri, str) and not uri.startswith("data:"):
            content = linked_bytes(file, uri)
            _align(binary)
            views = document.setdefault("bufferViews", [])
            views.append({"buffer": 0, "byteOffset": len(binary), "byteLength": len(content)})
            image.pop("uri")
            kind = mimetypes.guess_type(uri)[0] or "image/png"
            image.update(bufferView=len(views) - 1, mimeType=image.get("mimeType", kind))
            binary.extend(content)
    return binary


def _align(binary: bytearray) -> None:
    binary.extend(b"\0" * (-len(binary) % 4))


def _take_apart(node: dict[str, Any]) -> None:
    """A matrix as translation, rotation and scale."""
    if "matrix" not in node:
        return
    matrix = np.array(node.pop("matrix"), np.float64).reshape(4, 4).T
    scale = np.linalg.norm(matrix[:3, :3], axis=0)
    scale *= -1.0 if np.linalg.det(matrix[:3, :3]) < 0 else 1.0
    R = nearest_rotation(torch.from_numpy(matrix[:3, :3] / np.where(scale == 0, 1.0, scale)))
    node["translation"] = matrix[:3, 3].tolist()
    node["rotation"] = matrix_to_quaternion(R).tolist()
    node["scale"] = scale.tolist()


def _free_name(document: dict[str, Any], name: str) -> str:
    taken = [one.get("name") for one in document["animations"]]
    number, free = 2, name
    while free in taken:
        free, number = f"{name} {number}", number + 1
    return free
