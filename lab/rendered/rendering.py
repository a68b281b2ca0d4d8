"""Frames of a scene by pyrender on EGL, which needs no screen and no graphics card."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType, TracebackType
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8

from lab.rendered.bodies import Body
from lab.rendered.outfits import dress
from lab.rendered.scenes import SIZE_PX, Occluder, Scene
from vimoflow.errors import ConfigError
from vimoflow.installation import install_command
from vimoflow.motion.clip import Motion
from vimoflow.motion.kinematics import forward_kinematics

_OPENGL_FROM_OPENCV = np.diag([1.0, -1.0, -1.0, 1.0])
_ROOM_M = 14.0  # half the side of the room
# key light: intensity, azimuth from the camera and elevation in degrees; ambient share
_LIGHTS = {
    "even": (2.2, 30.0, 55.0, 0.55), "side": (3.5, 85.0, 30.0, 0.25),
    "dim": (0.8, -40.0, 60.0, 0.18), "back": (3.5, 160.0, 35.0, 0.35),
}  # fmt: skip


@dataclass(frozen=True)
class Frame:
    """A picture, how far each pixel is (metres; 0 is nothing), and the body in the world."""

    rgb: UInt8[np.ndarray, "height width 3"]
    depth: Float[np.ndarray, "height width"]
    vertices: Float[np.ndarray, "vertices 3"]


class Studio:
    """Films scenes; a context manager that holds the graphics context.

    Args:
        size_px: side of the pictures; the time they take goes with its square.

    Raises:
        ConfigError: pyrender or EGL is missing.
    """

    def __init__(self, size_px: int = SIZE_PX) -> None:
        self._size_px = size_px

    def __enter__(self) -> Studio:
        self._gl = _pyrender()
        try:
            self._renderer: Any = self._gl.OffscreenRenderer(self._size_px, self._size_px)
        except Exception as error:  # each platform fails in its own way
            raise ConfigError(
                f"cannot draw without a screen ({type(error).__name__}: {error}); "
                "on Debian: apt-get install libegl1 libgl1-mesa-dri"
            ) from error
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._renderer.delete()

    def film(
        self, scene: Scene, body: Body, others: Sequence[tuple[Motion, Body]] = ()
    ) -> Iterator[Frame]:
        """The frames of a scene, in order; others who are in it, too, have clothes of their own."""
        stage = _stage(self._gl, scene)
        camera = self._gl.IntrinsicsCamera(1.0, 1.0, 1.0, 1.0, znear=0.1, zfar=60.0)
        eye = stage.add(camera)
        cast = [
            _Actor.of(motion, who, scene.seed + k)
            for k, (motion, who) in enumerate([(scene.motion, body), *others])
        ]
        for i in range(len(scene.motion)):
            bodies = [one.vertices(i) for one in cast]
            nodes = [
                stage.add(mesh)
                for one, vertices in zip(cast, bodies, strict=True)
                for mesh in (
                    _mesh(self._gl, vertices, one.body.triangles, one.colors),
                    _shadow(self._gl, vertices, one.body, scene),
                )
            ]
            _aim(camera, scene, i)
            stage.set_pose(eye, _pose(scene, i))
            rgb, depth = self._renderer.render(stage)
            yield Frame(np.array(rgb[..., :3]), depth, bodies[0])
            for node in nodes:
                stage.remove_node(node)


@dataclass(frozen=True)
class _Actor:
    """Somebody in a scene: where the joints are, whose body, in which clothes."""

    R: torch.Tensor
    p: torch.Tensor
    body: Body
    colors: np.ndarray

    @classmethod
    def of(cls, motion: Motion, body: Body, seed: int) -> _Actor:
        """The clothes are the seed's."""
        R, p = forward_kinematics(
            torch.from_numpy(motion.local_rotations), torch.from_numpy(motion.trans).double()
        )
        return cls(R, p, body, dress(body, seed))

    def vertices(self, i: int) -> np.ndarray:
        """Of the body in a frame, metres."""
        return self.body.posed(self.R[i].numpy(), self.p[i].numpy())


def _pyrender() -> ModuleType:
    os.environ.setdefault("PYOPENGL_PLATFORM", "egl")
    try:
        import pyrender
    except (ImportError, AttributeError) as error:  # PyOpenGL without libEGL raises the latter
        raise ConfigError(
            f"the rendered benchmark needs pyrender and EGL ({error}); run: "
            f"{install_command('render')}, and on Debian: apt-get install libegl1 libgl1-mesa-dri"
        ) from error
    return pyrender


def _aim(camera: Any, scene: Scene, i: int) -> None:
    camera.fx = camera.fy = float(scene.camera.focal_px[i])
    camera.cx, camera.cy = (float(c) for c in scene.camera.center_px[i])


def _pose(scene: Scene, i: int) -> np.ndarray:
    """World from camera, in OpenGL's axes."""
    R = scene.camera.R_camera_world[i].double().numpy()
    pose = np.eye(4)
    pose[:3, :3] = R.T
    pose[:3, 3] = -R.T @ scene.camera.t_camera_world[i].double().numpy()
    return pose @ _OPENGL_FROM_OPENCV


def _stage(gl: ModuleType, scene: Scene) -> Any:
    """Room, light and what stands in the way: all that does not move."""
    intensity, azimuth, elevation, ambient = _LIGHTS[scene.light]
    rng = np.random.default_rng(scene.seed)
    stage = gl.Scene(bg_color=[0.6, 0.65, 0.7], ambient_light=[ambient] * 3)
    R = scene.camera.R_camera_world[0].numpy()
    heading = np.arctan2(-R[2, 0], -R[2, 2])  # from the person towards the camera
    key = gl.DirectionalLight(color=np.ones(3), intensity=intensity)
    stage.add(key, pose=_light_pose(heading + np.radians(azimuth), np.radians(elevation)))
    fill = gl.DirectionalLight(color=np.ones(3), intensity=0.3 * intensity)
    stage.add(fill, pose=_light_pose(heading - np.radians(50), np.radians(20)))
    stage.add(_floor(gl, rng))
    for wall in _walls(gl, rng):
        stage.add(wall)
    if scene.occluder is not None:
        stage.add(_box(gl, scene.occluder, rng.uniform(0.15, 0.8, 3)))
    return stage


def _light_pose(azimuth: float, elevation: float) -> np.ndarray:
    """A pose whose -Z axis points from the light's side to the origin."""
    toward_light = np.array([
        np.cos(elevation) * np.sin(azimuth), np.sin(elevation), np.cos(elevation) * np.cos(azimuth)
    ])  # fmt: skip
    right = np.cross([0, 1, 0], toward_light)
    right /= np.linalg.norm(right)
    pose = np.eye(4)
    pose[:3, :3] = np.stack((right, np.cross(toward_light, right), toward_light), axis=1)
    return pose


def _floor(gl: ModuleType, rng: np.random.Generator) -> Any:
    """Tiles of half a metre in two shades, each a little different."""
    cells = 56
    line = np.linspace(-_ROOM_M, _ROOM_M, cells + 1)
    base = rng.uniform(0.3, 0.7, 3)
    a, b = np.meshgrid(np.arange(cells), np.arange(cells), indexing="ij")
    shade = 0.92 + 0.12 * ((a + b) % 2) + rng.normal(0, 0.02, a.shape)
    corners = [(0, 0), (0, 1), (1, 1), (1, 0)]
    quads = np.stack([
        np.stack((line[a + i], np.zeros(a.shape), line[b + j]), axis=-1) for i, j in corners
    ], axis=2)  # fmt: skip
    colors = np.repeat((shade[..., None] * base).reshape(-1, 3), 4, axis=0)
    triangles = np.arange(cells * cells)[:, None, None] * 4 + np.array([[0, 1, 2], [0, 2, 3]])
    return _mesh(gl, quads.reshape(-1, 3), triangles.reshape(-1, 3), colors)


def _walls(gl: ModuleType, rng: np.random.Generator) -> list[Any]:
    """Four walls of one colour and furniture along them."""
    color = rng.uniform(0.45, 0.85, 3)
    shades = (1.0, 0.9, 0.95, 0.85)
    boxes = [
        Occluder("wall", (x * _ROOM_M, z * _ROOM_M), size, 0.0)
        for x, z, size in (
            (1, 0, (0.2, 7.0, 28.0)), (-1, 0, (0.2, 7.0, 28.0)),
            (0, 1, (28.0, 7.0, 0.2)), (0, -1, (28.0, 7.0, 0.2)),
        )
    ]  # fmt: skip
    meshes = [_box(gl, box, color * shade) for box, shade in zip(boxes, shades, strict=True)]
    for _ in range(14):
        angle, away = rng.uniform(0, 2 * np.pi), rng.uniform(10, 13)
        size = (rng.uniform(0.5, 3), rng.uniform(0.5, 3), rng.uniform(0.3, 1))
        place = (float(away * np.sin(angle)), float(away * np.cos(angle)))
        meshes.append(_box(gl, Occluder("box", place, size, angle), rng.uniform(0.1, 0.9, 3)))
    return meshes


def _box(gl: ModuleType, box: Occluder, color: np.ndarray) -> Any:
    corners = np.array([(x, y, z) for x in (-0.5, 0.5) for y in (0, 1) for z in (-0.5, 0.5)])
    faces = ((0, 1, 3, 2), (4, 6, 7, 5), (0, 4, 5, 1), (2, 3, 7, 6), (0, 2, 6, 4), (1, 5, 7, 3))
    points = corners[np.array(faces)].reshape(-1, 3) * box.size_m
    c, s = np.cos(box.heading), np.sin(box.heading)
    points = points @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]).T
    points += (box.center_xz[0], 0.0, box.center_xz[1])
    triangles = np.arange(6)[:, None, None] * 4 + np.array([[0, 1, 2], [0, 2, 3]])
    return _mesh(gl, points, triangles.reshape(-1, 3), np.tile(color, (len(points), 1)))


def _shadow(gl: ModuleType, vertices: np.ndarray, body: Body, scene: Scene) -> Any:
    """The body flattened along the key light onto the floor, in a darker shade."""
    _, azimuth, elevation, _ = _LIGHTS[scene.light]
    R = scene.camera.R_camera_world[0].numpy()
    angle = np.arctan2(-R[2, 0], -R[2, 2]) + np.radians(azimuth)
    run = vertices[:, 1:2].clip(min=0) / np.tan(max(np.radians(elevation), np.radians(40)))
    flat = vertices - run * np.array([np.sin(angle), 0, np.cos(angle)])
    flat[:, 1] = 0.004
    color = np.full((len(flat), 3), 0.12)
    up = np.tile([0.0, 1.0, 0.0], (len(flat), 1))
    return _mesh(gl, flat, body.triangles, color, normals=up)


def _mesh(
    gl: ModuleType,
    vertices: np.ndarray,
    triangles: np.ndarray,
    colors: np.ndarray,
    normals: np.ndarray | None = None,
) -> Any:
    if normals is None:
        normals = vertex_normals(vertices, triangles)
    primitive = gl.Primitive(
        positions=vertices.astype(np.float32),
        normals=normals.astype(np.float32),
        indices=triangles.astype(np.uint32),
        color_0=np.column_stack((colors, np.ones(len(colors)))).astype(np.float32),
        mode=4,
        material=gl.MetallicRoughnessMaterial(metallicFactor=0.0, roughnessFactor=0.9),
    )
    return gl.Mesh([primitive], is_visible=True)


def vertex_normals(
    vertices: Float[np.ndarray, "vertices 3"], triangles: np.ndarray
) -> Float[np.ndarray, "vertices 3"]:
    """Unit normals, each the mean of its triangles' normals weighted by their area."""
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    across = np.cross(b - a, c - a)
    normals = np.stack(
        [
            np.bincount(triangles.ravel(), np.repeat(across[:, k], 3), minlength=len(vertices))
            for k in range(3)
        ],
        axis=1,
    )
    return normals / np.linalg.norm(normals, axis=1, keepdims=True).clip(min=1e-12)
