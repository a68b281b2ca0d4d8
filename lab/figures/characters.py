"""Animated characters out of their GLB files, above them the motion on the mannequin.

What is drawn is read from the file alone (its nodes, skin, bind matrices and last animation), by
the rules of glTF, so a picture shows what other programs make of it.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from vimoflow import retarget
from vimoflow.characters.gltf_file import GltfFile, read_gltf
from vimoflow.data.motion_files import load_motion
from vimoflow.motion.clip import Motion
from vimoflow.viewer.mannequin import MannequinRenderer, View, world_rotations
from vimoflow.viewer.rasterizer import paint

_LIGHT = np.array([-0.42, 0.76, 0.50])
_GREY = 0.72


@dataclass(frozen=True)
class AnimatedMesh:
    """A skinned mesh frame by frame.

    Attributes:
        vertices: world positions, (frames, vertices, 3), metres.
        triangles: (triangles, 3).
        colors: sRGB of the vertices, 0 to 1.
    """

    vertices: np.ndarray
    triangles: np.ndarray
    colors: np.ndarray


def animated_mesh(path: Path, frames: Sequence[int]) -> AnimatedMesh:
    """The skinned triangles of a GLB at some keys of its last animation."""
    file = read_gltf(path)
    worlds = node_worlds(file, frames)
    vertices, triangles, colors, before = [], [], [], 0
    for node in file.items("nodes"):
        if "skin" not in node:
            continue
        skin = file.item("skins", node["skin"])
        binds = file.array(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
        pose = worlds[:, skin["joints"]] @ binds
        for primitive in file.item("meshes", node["mesh"])["primitives"]:
            names = ("POSITION", "JOINTS_0", "WEIGHTS_0")
            points, joints, weights = (file.array(primitive["attributes"][n]) for n in names)
            blend = np.einsum("vk,fvkij->fvij", weights, pose[:, joints.astype(int)])
            vertices.append(np.einsum("fvij,vj->fvi", blend[..., :3, :3], points)
                            + blend[..., :3, 3])  # fmt: skip
            triangles.append(file.array(primitive["indices"]).astype(int).reshape(-1, 3) + before)
            colors.append(_colors(file, primitive, len(points)))
            before += len(points)
    return AnimatedMesh(
        np.concatenate(vertices, 1), np.concatenate(triangles), np.concatenate(colors)
    )


def node_worlds(file: GltfFile, frames: Sequence[int]) -> np.ndarray:
    """World transforms of a file's nodes at some keys of its last animation, as glTF has it."""
    nodes = file.items("nodes")
    local = {
        (n, path): np.tile(np.array(node.get(path, default), float), (len(frames), 1))
        for n, node in enumerate(nodes)
        for path, default in (("translation", (0, 0, 0)), ("rotation", (0, 0, 0, 1)),
                              ("scale", (1, 1, 1)))
    }  # fmt: skip
    animation = file.items("animations")[-1]
    for channel in animation["channels"]:
        values = file.array(animation["samplers"][channel["sampler"]]["output"])
        target = channel["target"]
        local[target["node"], target["path"]] = values[list(frames)].astype(float)
    worlds = np.tile(np.eye(4), (len(frames), len(nodes), 1, 1))
    parents = {child: n for n, node in enumerate(nodes) for child in node.get("children", ())}

    def place(node: int) -> None:
        own = np.tile(np.eye(4), (len(frames), 1, 1))
        turn = Rotation.from_quat(local[node, "rotation"]).as_matrix()
        own[:, :3, :3] = turn * local[node, "scale"][:, None]
        own[:, :3, 3] = local[node, "translation"]
        if "matrix" in nodes[node]:
            own[:] = np.array(nodes[node]["matrix"]).reshape(4, 4).T
        above = worlds[:, parents[node]] if node in parents else np.eye(4)
        worlds[:, node] = above @ own
        for child in nodes[node].get("children", ()):
            place(child)

    for root in set(range(len(nodes))) - parents.keys():
        place(root)
    return worlds


def _colors(file: GltfFile, primitive: dict[str, object], vertices: int) -> np.ndarray:
    """The picture's colour at each vertex, or grey."""
    attributes = primitive["attributes"]
    assert isinstance(attributes, dict)
    surface = file.item("materials", primitive.get("material", 0))
    surface = surface.get("pbrMetallicRoughness", {})
    if "baseColorTexture" not in surface or "TEXCOORD_0" not in attributes:
        return np.full((vertices, 3), _GREY)
    texture = file.item("textures", surface["baseColorTexture"]["index"])
    view = file.item("bufferViews", file.item("images", texture["source"])["bufferView"])
    start = view.get("byteOffset", 0)
    content = file.buffers[view["buffer"]][start : start + view["byteLength"]]
    picture = np.asarray(Image.open(io.BytesIO(content)).convert("RGB")) / 255
    u, v = (file.array(attributes["TEXCOORD_0"]) % 1).T
    rows = np.minimum((v * len(picture)).astype(int), len(picture) - 1)
    return picture[rows, np.minimum((u * picture.shape[1]).astype(int), picture.shape[1] - 1)]


def write_strips(motion_file: Path, characters: Sequence[Path], output: Path, count: int) -> None:
    """The motion on the mannequin, and below it every character with it, as a picture."""
    motion = load_motion(motion_file)
    frames = np.linspace(0, len(motion) - 1, count).astype(int).tolist()
    rows: list[np.ndarray] = []
    with tempfile.TemporaryDirectory() as folder:
        for character in characters:
            made = retarget(motion, character, Path(folder) / character.stem)
            strip = draw_strip(made.files[0], motion, frames)
            rows += [strip if not rows else strip[len(strip) // 2 :]]
    picture = Image.fromarray(np.concatenate(rows))
    picture = picture.resize((picture.width // 2, picture.height // 2), Image.Resampling.LANCZOS)
    picture.save(output, optimize=True)


def draw_strip(path: Path, motion: Motion, frames: Sequence[int], tile: int = 300) -> np.ndarray:
    """Two rows of pictures: the motion on the mannequin, and the character in its file."""
    mesh = animated_mesh(path, frames)
    size = float(np.ptp(mesh.vertices[..., 1], axis=1).max())
    view = View(tile, round(1.3 * tile), distance=5.5, field=max(2.35, 1.25 * size),
                target_height=0.5 * size)  # fmt: skip
    plain = MannequinRenderer(view)
    R_world = world_rotations(motion.local_rotations[list(frames)])
    rows: list[list[np.ndarray]] = [[], []]
    for number, frame in enumerate(frames):
        joints = motion.joint_positions[frame]
        rows[0].append(plain.draw(R_world[number], joints, joints[0, [0, 2]]))
        middle = mesh.vertices[number].mean(0) * [1, 0, 1]
        rows[1].append(_drawn(plain, view, mesh, number, middle))
    return np.concatenate([np.concatenate(row, 1) for row in rows])


def _drawn(
    floor: MannequinRenderer, view: View, mesh: AnimatedMesh, number: int, middle: np.ndarray
) -> np.ndarray:
    vertices = (mesh.vertices[number] - middle).astype(np.float32)
    picture = np.empty((view.height, view.width, 3), np.uint8)
    floor._floor.draw(picture, vertices, middle[[0, 2]])
    corners = vertices[mesh.triangles]
    faces = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = np.zeros_like(vertices)
    for corner in range(3):
        np.add.at(normals, mesh.triangles[:, corner], faces)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-12)
    light = 0.45 + 0.55 * np.clip((normals @ _LIGHT + 0.25) / 1.25, 0, 1)
    pixels, depth = view.project(vertices)
    quads = mesh.triangles[:, [0, 1, 2, 2]]
    paint(picture, pixels, depth, 255 * mesh.colors * light[:, None], quads)
    return picture
