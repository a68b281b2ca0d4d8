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
from jaxtyping import Float, Float32, UInt8, UInt32

from vimoflow.formats.body import COLORS_SRGB, load_body, skin
from vimoflow.motion.clip import Motion
from vimoflow.motion.skeleton import PARENTS
from vimoflow.viewer.rasterizer import paint

_GRID_M = 0.5
_CELL = 1024  # samples of a cell of the grid
_SHADOW_REACH_M, _SHADOW_PIXELS = 2.4, 200
_SOFT_PIXELS = 20  # that far a blurred shadow reaches
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
    ) -> tuple[Float[np.ndarray, "points 2"], Float[np.ndarray, " points"]]:
        """Pixels and depths (metres) of points relative to the followed point."""
        eye = np.array([0.0, self.eye_height, self.distance], points.dtype)
        x, y, depth = self.axes.astype(points.dtype) @ (points - eye).T
        scale = self.focal_px / np.maximum(depth, 0.05)
        return np.stack((x * scale + self.width / 2, y * scale + self.height / 2)).T, depth

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
        self._view, self._body = view, load_body(coarse=True).single_precision()
        self._albedo = (np.array(COLORS_SRGB, np.float32) ** 2.2)[self._body.material].T
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
        vertices -= np.array([follow_xz[0], 0.0, follow_xz[1]], np.float32)
        self._floor.draw(picture, vertices, follow_xz)
        self._paint(picture, vertices, normals)
        return picture

    def _paint(
        self,
        picture: UInt8[np.ndarray, "height width 3"],
        vertices: Float32[np.ndarray, "vertices 3"],
        normals: Float32[np.ndarray, "vertices 3"],
    ) -> None:
        """Draw the figure."""
        view = self._view
        pixels, depth = view.project(vertices)
        low = np.maximum(np.floor(pixels.min(axis=0)).astype(int) - 2, 0)
        high = np.minimum(np.ceil(pixels.max(axis=0)).astype(int) + 2, (view.width, view.height))
        if (low >= high).any() or depth.min() < 0.1:
            return
        colors = _shade(view, self._albedo, vertices, normals) * 255
        patch = picture[low[1] : high[1], low[0] : high[0]]
        paint(patch, pixels - low.astype(np.float32), depth, colors, self._body.faces)


class _Floor:
    """Sky, floor, the grid on it and a shadow.

    The camera does not roll, so a row of the picture lies at one depth: it is read from one cell of
    the grid, kept as it looks at that depth, and is darker where it lies on a line across.
    """

    def __init__(self, view: View) -> None:
        import cv2

        points, depth = view.floor_points()
        near = 1 / (1 + (depth[:, 0] / (2.1 * view.distance)) ** 4)
        backdrop = _backdrop(view, near[:, None])[:, 0] * 255 + 0.5
        self._view = view
        # Rows with floor in them; those above never change.
        self._horizon = int(np.argmax(np.isfinite(depth[:, 0])))
        self._sky = np.repeat(backdrop[: self._horizon, None].astype(np.uint8), view.width, axis=1)
        points, depth, near = (array[self._horizon :] for array in (points, depth, near))
        self._ground, self._line_share = backdrop[self._horizon :], near * 0.85
        line_width_m = np.clip(depth[:, 0] / view.focal_px * 0.9, 0.004, 1.0)
        self._sharpness = _GRID_M / line_width_m
        cell = self._lined(np.arange(_CELL)[None] / _CELL)
        self._cells = np.tile(cell, 2).ravel()  # so that no place needs wrapping
        begin = np.arange(len(depth))[:, None] * 2 * _CELL
        self._places = begin + np.floor(points[..., 0] / _GRID_M % 1 * _CELL).astype(np.intp)
        self._row_cells = points[:, :1, 1] / _GRID_M
        scale = _SHADOW_PIXELS / (2 * _SHADOW_REACH_M)
        shadow_pixels = ((points + _SHADOW_REACH_M) * scale - 0.5).astype(np.float32)
        shadow_x, shadow_z = cv2.split(shadow_pixels)
        self._shadow_at = cv2.convertMaps(shadow_x, shadow_z, cv2.CV_16SC2)  # quicker than floats

    def draw(
        self,
        picture: UInt8[np.ndarray, "height width 3"],
        vertices: Float32[np.ndarray, "vertices 3"],
        follow_xz: Float[np.ndarray, "2"],
    ) -> None:
        """Fill a picture with the floor around a point on it, in the shadow of a figure."""
        import cv2

        shift = follow_xz / _GRID_M
        floor = self._cells[int(shift[0] % 1 * _CELL) :].take(self._places, mode="clip")
        rgba = floor.view(np.uint8).reshape(*floor.shape, 4)
        across = np.repeat(self._lined(self._row_cells + shift[1]), floor.shape[1], axis=1)
        np.minimum(rgba, across.view(np.uint8).reshape(rgba.shape), out=rgba)
        self._darken(rgba, _shadow(vertices))
        picture[: self._horizon] = self._sky
        cv2.cvtColor(rgba, cv2.COLOR_RGBA2RGB, dst=picture[self._horizon :])

    def _darken(
        self,
        rgba: UInt8[np.ndarray, "rows columns 4"],
        shadow: UInt8[np.ndarray, "pixels pixels"],
    ) -> None:
        """Put a shadow on the floor, where there is any."""
        import cv2

        x, z, width, depth = cv2.boundingRect(shadow)
        ends = np.array([x - 1, x + width + 1, z - 1, z + depth + 1]) / _SHADOW_PIXELS * 2 - 1
        left, right, far, near = ends * _SHADOW_REACH_M
        corners = np.array([[a, 0, b] for a in (left, right) for b in (far, near)])
        pixels, _ = self._view.project(corners)
        low = np.floor(pixels.min(axis=0)).astype(int) - (0, self._horizon)
        high = np.ceil(pixels.max(axis=0)).astype(int) - (0, self._horizon)
        cut = tuple(slice(max(0, a), max(0, b)) for a, b in zip(low[::-1], high[::-1], strict=True))
        part = rgba[cut]
        if not width or not part.size:
            return
        place, share = (of_pixels[cut] for of_pixels in self._shadow_at)
        dark = cv2.remap(shadow, place, share, cv2.INTER_LINEAR)
        light = cv2.cvtColor(255 - dark // 2, cv2.COLOR_GRAY2RGBA)
        cv2.multiply(part, light, dst=part, scale=1 / 255)

    def _lined(
        self, phase: Float[np.ndarray, "#rows columns"]
    ) -> UInt32[np.ndarray, "rows columns"]:
        """The floor's colour, as the bytes of a pixel, at places in cells of the grid."""
        away = np.abs(phase - np.rint(phase))
        line = np.clip(1.5 - away * self._sharpness[:, None], 0, 1) * self._line_share[:, None]
        rgba = np.full((*line.shape, 4), 255, np.uint8)
        for channel, (over, under) in enumerate(zip(_LINE_SRGB, _FLOOR_SRGB, strict=True)):
            rgba[..., channel] = self._ground[:, None, channel] + line * ((over - under) * 255)
        return rgba.view(np.uint32)[..., 0]


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
    aside = (light[[0, 2]] / light[1]).astype(np.float32)
    height = np.maximum(vertices[:, 1], 0)
    ground = vertices.T[[0, 2]] - height * aside[:, None]
    at = ((ground + _SHADOW_REACH_M) * (_SHADOW_PIXELS / (2 * _SHADOW_REACH_M))).astype(np.int32)
    inside = ((at >= 0) & (at < _SHADOW_PIXELS)).all(axis=0)
    shadow = np.zeros((_SHADOW_PIXELS, _SHADOW_PIXELS), np.uint8)
    if not inside.all():
        at, height = np.compress(inside, at, axis=1), height[inside]
    if not height.size:
        return shadow
    low = np.maximum(at.min(axis=1) - _SOFT_PIXELS, 0) // 4 * 4
    high = np.minimum(at.max(axis=1) + _SOFT_PIXELS, _SHADOW_PIXELS - 1) // 4 * 4 + 4
    part = shadow[low[1] : high[1], low[0] : high[0]]
    square = np.ones((3, 3), np.uint8)
    # What is blurred needs fewer pixels.
    for bottom, top, blur, times in ((0.0, 0.25, 0.8, 1), (0.25, 0.9, 1.4, 2), (0.9, 9.0, 1.4, 4)):
        layer = np.zeros((high - low)[::-1] // times, np.uint8)
        x, z = (at[:, (height >= bottom) & (height < top)] - low[:, None]) // times
        layer[z, x] = 255
        closed = cv2.morphologyEx(layer, cv2.MORPH_CLOSE, square)
        soft = cv2.GaussianBlur(closed, (0, 0), blur)
        np.maximum(part, cv2.resize(soft, part.shape[::-1]), out=part)
    return shadow


def _shade(
    view: View,
    albedo: Float32[np.ndarray, "3 vertices"],
    vertices: Float32[np.ndarray, "vertices 3"],
    normals: Float32[np.ndarray, "vertices 3"],
) -> Float32[np.ndarray, "vertices 3"]:
    """Colours in sRGB: a key light, light from sky and floor, a rim and a soft highlight."""
    key = (_KEY_LIGHT / np.linalg.norm(_KEY_LIGHT)).astype(np.float32)[:, None]
    up, height = normals.T, vertices[:, 1]
    to_eye = np.array([[0.0], [view.eye_height], [view.distance]], np.float32) - vertices.T
    to_eye /= np.sqrt(_dot(to_eye, to_eye))
    half = key + to_eye
    half /= np.sqrt(_dot(half, half))
    diffuse = np.clip((_dot(up, key) + 0.25) / 1.25, 0, 1)
    ambient = 0.30 + 0.14 * up[1]
    rim = (1 - np.clip(_dot(up, to_eye), 0, 1)) ** 3
    eighth = np.square(np.square(np.square(np.clip(_dot(up, half), 0, 1))))
    shine = eighth * np.square(np.square(eighth))  # to the 40th; numpy's own is slow
    grounded = 0.75 + 0.25 * np.clip(height / 0.5, 0, 1)  # less light near the floor
    linear = albedo * ((ambient + 0.78 * diffuse) * grounded) + 0.10 * (rim + shine)
    return (np.clip(linear, 0, 1) ** (1 / 2.2)).T


def _dot(
    a: Float32[np.ndarray, "3 #vertices"], b: Float32[np.ndarray, "3 #vertices"]
) -> Float32[np.ndarray, " vertices"]:
    return np.einsum("iv,iv->v", a, b)
