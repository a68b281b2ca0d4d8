"""Drawing the mannequin on the CPU: its faces, a floor and a soft shadow.

The world is camera-aligned (the camera that filmed stands on the +Z side and looks along -Z), so a
view from +Z shows the figure's left and right where the input video has them. The view keeps its
height, direction and distance and only slides along the floor; everything about the floor that
depends on the view is therefore computed once.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Float32, UInt8

from vimoflow.formats.body import COLORS_SRGB, BodyMesh, load_body, skin
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import PARENTS
from vimoflow.viewer.rasterizer import paint

_GRID_M = 0.5
_SHADOW_REACH_M, _SHADOW_PIXELS = 2.4, 200
_KEY_LIGHT = np.array([-0.42, 0.76, 0.50])  # from over the camera's left shoulder
_SKY_SRGB, _FLOOR_SRGB, _LINE_SRGB = (0.86, 0.89, 0.93), (0.76, 0.79, 0.83), (0.62, 0.66, 0.72)


@dataclass(frozen=True)
class View:
    """A camera at +Z of a point on the floor that it follows.

    Attributes:
        width, height: of the picture, pixels.
        distance: from the followed point, metres.
        eye_height, target_height: where the camera is and looks, metres above the floor.
        field: visible height at the followed point, metres.
    """

    width: int
    height: int
    distance: float = 4.6
    eye_height: float = 1.55
    target_height: float = 0.90
    field: float = 2.35

    @property
    def focal_px(self) -> float:
        """Focal length in pixels."""
        slant = float(np.hypot(self.distance, self.eye_height - self.target_height))
        return self.height * slant / self.field

    @functools.cached_property
    def axes(self) -> Float[np.ndarray, "3 3"]:
        """Rows: right, down and forward of the camera, in the world."""
        forward = np.array([0.0, self.target_height - self.eye_height, -self.distance])
        forward /= np.linalg.norm(forward)
        right = np.array([1.0, 0.0, 0.0])
        return np.stack((right, np.cross(forward, right), forward))

    def project(
        self, points: Float[np.ndarray, "points 3"]
    ) -> tuple[Float[np.ndarray, "points 2"], Float[np.ndarray, "points"]]:
        """Pixels and depths (metres) of points relative to the followed point."""
        seen = (points - [0.0, self.eye_height, self.distance]) @ self.axes.T
        depth = seen[:, 2]
        centre = np.array([self.width / 2, self.height / 2])
        return seen[:, :2] / np.maximum(depth, 0.05)[:, None] * self.focal_px + centre, depth

    def floor_points(
        self,
    ) -> tuple[Float[np.ndarray, "height width 2"], Float[np.ndarray, "height width"]]:
        """x and z on the floor behind every pixel, and its depth, metres; infinite in the sky."""
        u = (np.arange(self.width) + 0.5 - self.width / 2) / self.focal_px
        v = (np.arange(self.height) + 0.5 - self.height / 2) / self.focal_px
        ray = u[None, :, None] * self.axes[0] + v[:, None, None] * self.axes[1] + self.axes[2]
        with np.errstate(divide="ignore"):
            depth = np.where(ray[..., 1] < -1e-6, self.eye_height / -ray[..., 1], np.inf)
        hit = np.where(np.isfinite(depth), depth, 1e6)[..., None] * ray
        return hit[..., [0, 2]] + [0.0, self.distance], depth


class MannequinRenderer:
    """Draws poses from one view; keeps what does not change between frames."""

    def __init__(self, view: View) -> None:
        self._view, self._body = view, load_body(coarse=True)
        self._floor = _Floor(view)

    def draw(
        self,
        R_world_joint: Float[np.ndarray, "24 3 3"],
        p_world_joint: Float[np.ndarray, "24 3"],
        follow_xz: Float[np.ndarray, "2"],
        out: UInt8[np.ndarray, "height width 3"] | None = None,
    ) -> UInt8[np.ndarray, "height width 3"]:
        """The figure over the floor, sRGB, in ``out`` if it is given."""
        picture = (
            np.empty((self._view.height, self._view.width, 3), np.uint8) if out is None else out
        )
        vertices, normals = skin(self._body, R_world_joint, p_world_joint)
        vertices = (vertices - [follow_xz[0], 0.0, follow_xz[1]]).astype(np.float32)
        self._floor.draw(picture, vertices, follow_xz)
        _paint(picture, self._view, self._body, vertices, normals.astype(np.float32))
        return picture


class _Floor:
    """Sky, floor, the grid on it and a shadow.

    The camera does not roll, so a row of the picture lies at one depth: only the grid's lines along
    the view and the shadow differ from column to column.
    """

    def __init__(self, view: View) -> None:
        points, depth = view.floor_points()
        near = 1 / (1 + (depth[:, :1] / (2.1 * view.distance)) ** 4)
        backdrop = _backdrop(view, near) * 255 + 0.5
        # Rows with floor in them; those above never change.
        self._horizon = int(np.argmax(np.isfinite(depth[:, 0])))
        sky = backdrop[: self._horizon].astype(np.uint8)
        self._sky = np.repeat(sky, view.width, axis=1)
        points, depth, near = (array[self._horizon :] for array in (points, depth, near))
        self._ground = np.moveaxis(backdrop[self._horizon :], -1, 0).astype(np.float32)
        self._columns = (points[..., 0] / _GRID_M).astype(np.float32)
        self._rows = (points[:, :1, 1] / _GRID_M).astype(np.float32)
        line_width_m = np.clip(depth[:, :1] / view.focal_px * 0.9, 0.004, 1.0)
        self._sharpness = (_GRID_M / line_width_m).astype(np.float32)
        self._line_share = (near * 0.85).astype(np.float32)
        scale = _SHADOW_PIXELS / (2 * _SHADOW_REACH_M)
        shadow_pixels = ((points + _SHADOW_REACH_M) * scale - 0.5).astype(np.float32)
        self._shadow_x = np.ascontiguousarray(shadow_pixels[..., 0])
        self._shadow_z = np.ascontiguousarray(shadow_pixels[..., 1])

    def draw(
        self,
        picture: UInt8[np.ndarray, "height width 3"],
        vertices: Float32[np.ndarray, "vertices 3"],
        follow_xz: Float[np.ndarray, "2"],
    ) -> None:
        """Fill a picture with the floor around a point on it, in the shadow of a figure."""
        import cv2

        shift = (follow_xz / _GRID_M).astype(np.float32)
        line = self._lines(self._columns + shift[0])
        np.maximum(line, self._lines(self._rows + shift[1]), out=line)
        line *= self._line_share
        shadow = cv2.remap(_shadow(vertices), self._shadow_x, self._shadow_z, cv2.INTER_LINEAR)
        light = 1 - shadow * np.float32(0.5 / 255)
        channels = []
        for ground, over, under in zip(self._ground, _LINE_SRGB, _FLOOR_SRGB, strict=True):
            shaded = line * np.float32((over - under) * 255)
            shaded += ground
            shaded *= light
            channels.append(shaded.astype(np.uint8))
        picture[: self._horizon] = self._sky
        picture[self._horizon :] = cv2.merge(channels)

    def _lines(
        self, phase: Float32[np.ndarray, "rows columns"]
    ) -> Float32[np.ndarray, "rows columns"]:
        """How much of a pixel the nearest line covers, from places in cells of the grid."""
        phase -= np.rint(phase)
        np.abs(phase, out=phase)
        phase *= -self._sharpness
        phase += np.float32(1.5)
        return np.clip(phase, 0, 1, out=phase)


def followed_path(motion: Motion, view: View) -> Float[np.ndarray, "frames 2"]:
    """Where the view is (x and z on the floor, metres): the root, smoothed over half a second."""
    from scipy.ndimage import gaussian_filter1d

    return gaussian_filter1d(motion.trans[:, [0, 2]], 0.5 * motion.fps, axis=0, mode="nearest")


def world_rotations(
    R_parent_joint: Float[np.ndarray, "frames 24 3 3"],
) -> Float[np.ndarray, "frames 24 3 3"]:
    """World rotations of all joints."""
    R_world = R_parent_joint.copy()
    for index, parent in enumerate(PARENTS):
        if parent >= 0:
            R_world[:, index] = R_world[:, parent] @ R_parent_joint[:, index]
    return R_world


def _backdrop(view: View, near: Float[np.ndarray, "height 1"]) -> Float[np.ndarray, "height 1 3"]:
    """The floor's colour, lost in the sky with distance."""
    rise = np.linspace(0.06, -0.06, view.height)[:, None, None]
    sky = np.array(_SKY_SRGB) + rise
    mix = near[..., None] * np.array(_FLOOR_SRGB) + (1 - near[..., None]) * sky
    return mix


def _shadow(
    vertices: Float32[np.ndarray, "vertices 3"],
) -> UInt8[np.ndarray, "pixels pixels"]:
    """How dark the floor is around the followed point, 0 to 255: softer the higher the part.

    The vertices lie about a pixel apart, so they are splatted rather than their faces filled.
    """
    import cv2

    light = _KEY_LIGHT * [0.55, 1.0, 0.55]  # steeper than the key light, so it stays at the feet
    height = np.maximum(vertices[:, 1], 0)
    ground = vertices[:, [0, 2]] - height[:, None] * light[[0, 2]] / light[1]
    pixels = (ground + _SHADOW_REACH_M) * (_SHADOW_PIXELS / (2 * _SHADOW_REACH_M))
    pixels = np.clip(pixels, 0, _SHADOW_PIXELS - 1).astype(np.int32)
    shadow = np.zeros((_SHADOW_PIXELS, _SHADOW_PIXELS), np.uint8)
    square = np.ones((3, 3), np.uint8)
    for low, high, blur in ((0.0, 0.25, 0.8), (0.25, 0.9, 2.8), (0.9, 9.0, 5.6)):
        x, z = pixels[(height >= low) & (height < high)].T
        if not len(x):
            continue
        reach = int(3 * blur) + 2
        rows = slice(max(0, z.min() - reach), z.max() + reach + 1)
        columns = slice(max(0, x.min() - reach), x.max() + reach + 1)
        layer = np.zeros_like(shadow)
        layer[z, x] = 255
        closed = cv2.morphologyEx(layer[rows, columns], cv2.MORPH_CLOSE, square)
        part = shadow[rows, columns]
        np.maximum(part, cv2.GaussianBlur(closed, (0, 0), blur), out=part)
    # What fell on the border lies beyond it.
    shadow[[0, -1]], shadow[:, [0, -1]] = 0, 0
    return shadow


def _paint(
    picture: UInt8[np.ndarray, "height width 3"],
    view: View,
    body: BodyMesh,
    vertices: Float32[np.ndarray, "vertices 3"],
    normals: Float32[np.ndarray, "vertices 3"],
) -> None:
    """Draw the figure into ``picture``, with two samples a pixel for smooth edges."""
    import cv2

    pixels, depth = view.project(vertices)
    low = np.maximum(np.floor(pixels.min(axis=0)).astype(int) - 2, 0)
    high = np.minimum(np.ceil(pixels.max(axis=0)).astype(int) + 2, (view.width, view.height))
    if (low >= high).any() or depth.min() < 0.1:
        return
    patch = picture[low[1] : high[1], low[0] : high[0]]
    samples = np.repeat(cv2.cvtColor(patch, cv2.COLOR_RGB2RGBA), 2, axis=0)
    colors = _shade(view, body, vertices, normals) * 255
    paint(samples, (pixels - low) * (1, 2), depth, colors, body.faces)
    mean = cv2.addWeighted(samples[::2], 0.5, samples[1::2], 0.5, 0)
    cv2.cvtColor(mean, cv2.COLOR_RGBA2RGB, dst=patch)


def _shade(
    view: View,
    body: BodyMesh,
    vertices: Float32[np.ndarray, "vertices 3"],
    normals: Float32[np.ndarray, "vertices 3"],
) -> Float32[np.ndarray, "vertices 3"]:
    """Colours in sRGB: a key light, light from sky and floor, a rim and a soft highlight."""
    key = (_KEY_LIGHT / np.linalg.norm(_KEY_LIGHT)).astype(np.float32)
    to_eye = np.array([0.0, view.eye_height, view.distance], np.float32) - vertices
    to_eye /= np.sqrt(_dot(to_eye, to_eye))[:, None]
    diffuse = np.clip((normals @ key + 0.25) / 1.25, 0, 1)
    ambient = 0.30 + 0.14 * normals[:, 1]
    rim = (1 - np.clip(_dot(normals, to_eye), 0, 1)) ** 3
    half = key + to_eye
    half /= np.sqrt(_dot(half, half))[:, None]
    shine = np.clip(_dot(normals, half), 0, 1) ** 40
    grounded = 0.75 + 0.25 * np.clip(vertices[:, 1] / 0.5, 0, 1)  # less light near the floor
    albedo = (np.array(COLORS_SRGB, np.float32) ** 2.2)[body.material]
    light = (ambient + 0.78 * diffuse) * grounded
    linear = albedo * light[:, None] + (0.10 * rim + 0.10 * shine)[:, None]
    return np.clip(linear, 0, 1) ** (1 / 2.2)


def _dot(
    a: Float32[np.ndarray, "vertices 3"], b: Float32[np.ndarray, "vertices 3"]
) -> Float32[np.ndarray, "vertices"]:
    return np.einsum("vi,vi->v", a, b)
