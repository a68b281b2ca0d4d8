"""3D points from what several calibrated cameras see of them, wrong views left out.

Confidence-weighted DLT (Hartley and Zisserman 2004, section 12.2) over the views that agree with
the best pair of views, then Gauss-Newton steps on the reprojection error. Lens distortion is
OpenCV's rational model. Lengths are in whatever unit the cameras' translations have.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from vimoflow.errors import InputError
from vimoflow.geometry.cameras import Camera

_PARALLEL = 1e-4  # squared sine of the angle between two rays below which they fix no depth
_NEAR = 1e-6  # depth that counts as in front of a camera


@dataclass(frozen=True)
class CalibratedCameras:
    """Views with lenses, as a calibration gives them; frame of the world as the calibration's.

    Attributes:
        matrix_px: intrinsics, pixels.
        distortion: OpenCV's k1, k2, p1, p2, k3, k4, k5, k6; zeros for none.
        R_camera_world: rotates world vectors into the camera's frame (+Z forward, +Y down).
        t_camera_world: ``p_camera = R_camera_world @ p_world + t_camera_world``.
    """

    matrix_px: Float[Tensor, "*batch views 3 3"]
    distortion: Float[Tensor, "*batch views 8"]
    R_camera_world: Float[Tensor, "*batch views 3 3"]
    t_camera_world: Float[Tensor, "*batch views 3"]


@dataclass(frozen=True)
class Triangulation:
    """Points that at least two views agree on.

    Attributes:
        points_world: in the unit of the cameras' translations; NaN where too few views agree.
        reprojection_px: mean distance, over the views used, of the projected point to the
            undistorted observation, pixels; NaN where there is no point.
        used: the views that the point was computed from.
    """

    points_world: Float[Tensor, "*batch points 3"]
    reprojection_px: Float[Tensor, "*batch points"]
    used: Bool[Tensor, "*batch views points"]


def calibrated(camera: Camera) -> CalibratedCameras:
    """Pinhole cameras (leading shape: any batch, then views) as calibrated ones."""
    matrix = torch.zeros(*camera.focal_px.shape, 3, 3).to(camera.focal_px)
    matrix[..., 0, 0] = matrix[..., 1, 1] = camera.focal_px
    matrix[..., :2, 2] = camera.center_px
    matrix[..., 2, 2] = 1.0
    distortion = torch.zeros(*camera.focal_px.shape, 8).to(matrix)
    return CalibratedCameras(matrix, distortion, camera.R_camera_world, camera.t_camera_world)


def triangulate(
    points_px: Float[Tensor, "*batch views points 3"],
    cameras: Camera | CalibratedCameras,
    outlier_px: float = 40.0,
    min_confidence: float = 0.0,
    min_views: int = 2,
    polish_steps: int = 5,
) -> Triangulation:
    """Robust 3D points from the same points seen in several views.

    Every pair of views proposes a point; the one that most views agree with (truncated squared
    error, weighted by confidence) decides which views are right. Results are float64.

    Args:
        points_px: x, y in pixels and a confidence that weights the view; not finite is not seen.
        cameras: of shape (views,), or one set for every leading index.
        outlier_px: views farther than this from the point are left out. About three times the
            detector's error: 40 suits people in 1080p images.
        min_confidence: observations at or below it are not used.
        min_views: points that fewer views agree on are NaN; at least two.
        polish_steps: Gauss-Newton steps after the linear solution; 0 gives the DLT.

    Raises:
        InputError: fewer than two views, or another number of cameras than of views.
    """
    if isinstance(cameras, Camera):
        cameras = calibrated(cameras)
    views = points_px.shape[-3]
    if views < 2 or cameras.matrix_px.shape[-3] != views:
        raise InputError(
            f"{views} views and {cameras.matrix_px.shape[-3]} cameras: triangulation needs at "
            "least two views and one camera for each"
        )
    rays = _Rays.of(points_px.double(), cameras, min_confidence)
    p_world, used = _consensus(rays, outlier_px)
    for steps in (0, polish_steps):  # the linear solution corrects which views are used
        weight = rays.weight * used
        p_world = _dlt(rays, weight)
        for _ in range(steps):
            p_world = _gauss_newton_step(rays, weight, p_world)
        error = rays.error_px(p_world)
        used = (error <= outlier_px) & (rays.weight > 0)
    count = used.sum(-1)
    enough = count >= max(min_views, 2)
    mean_error = torch.where(used, error, 0.0).sum(-1) / count
    used = used & enough[..., None]
    return Triangulation(
        torch.where(enough[..., None], p_world, torch.nan),
        torch.where(enough, mean_error, torch.nan),
        used.transpose(-1, -2),
    )


def project_with_lens(
    cameras: CalibratedCameras, p_world: Float[Tensor, "*batch points 3"]
) -> Float[Tensor, "*batch views points 2"]:
    """Distorted pixel coordinates in every view; meaningless behind a camera."""
    p_camera = torch.einsum("...vij,...pj->...vpi", cameras.R_camera_world, p_world)
    p_camera = p_camera + cameras.t_camera_world[..., None, :]
    xy = p_camera[..., :2] / p_camera[..., 2:].clamp(min=_NEAR)
    xy = _distort(xy, cameras.distortion[..., None, :])
    ones = torch.ones_like(xy[..., :1])
    return (torch.cat((xy, ones), -1) @ cameras.matrix_px.transpose(-1, -2))[..., :2]


def undistort(
    points_px: Float[Tensor, "*batch views points 2"], cameras: CalibratedCameras
) -> Float[Tensor, "*batch views points 2"]:
    """Pixels to ideal image coordinates (x/z, y/z), by fixed-point iteration as OpenCV does."""
    ones = torch.ones_like(points_px[..., :1])
    homogeneous = torch.cat((points_px, ones), -1)
    inverse = torch.linalg.inv(cameras.matrix_px)
    seen = (homogeneous @ inverse.transpose(-1, -2))[..., :2]
    k = cameras.distortion[..., None, :]
    xy = seen
    if bool((k != 0).any()):
        for _ in range(20):
            xy = xy + (seen - _distort(xy, k))
    return xy


def _distort(xy: Tensor, k: Tensor) -> Tensor:
    k1, k2, p1, p2, k3, k4, k5, k6 = k.unbind(-1)
    x, y = xy.unbind(-1)
    r2 = x * x + y * y
    radial = (1 + r2 * (k1 + r2 * (k2 + r2 * k3))) / (1 + r2 * (k4 + r2 * (k5 + r2 * k6)))
    return torch.stack(
        (
            x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x),
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y,
        ),
        -1,
    )


@dataclass(frozen=True)
class _Rays:
    """Undistorted observations and their cameras, points before views, float64."""

    xy: Float[Tensor, "*batch points views 2"]
    weight: Float[Tensor, "*batch points views"]
    R: Float[Tensor, "... views 3 3"]
    t: Float[Tensor, "... views 3"]
    focal_px: Float[Tensor, "... views"]

    @classmethod
    def of(cls, points_px: Tensor, cameras: CalibratedCameras, min_confidence: float) -> _Rays:
        seen = torch.isfinite(points_px).all(-1) & (points_px[..., 2] > max(min_confidence, 0.0))
        cameras = CalibratedCameras(
            cameras.matrix_px.double(),
            cameras.distortion.double(),
            cameras.R_camera_world.double(),
            cameras.t_camera_world.double(),
        )
        xy = undistort(torch.where(seen[..., None], points_px[..., :2], 0.0), cameras)
        seen = seen & torch.isfinite(xy).all(-1)
        weight = torch.where(seen, points_px[..., 2], 0.0)
        focal = cameras.matrix_px.diagonal(dim1=-2, dim2=-1)[..., :2].mean(-1)
        return cls(
            torch.where(seen[..., None], xy, 0.0).transpose(-2, -3),
            weight.transpose(-1, -2),
            cameras.R_camera_world.unsqueeze(-4),
            cameras.t_camera_world.unsqueeze(-3),
            focal.unsqueeze(-2),
        )

    def in_cameras(self, p_world: Tensor) -> Tensor:
        return (self.R @ p_world[..., None, :, None]).squeeze(-1) + self.t

    def error_px(self, p_world: Tensor) -> Tensor:
        """Distance in each view, infinite behind the camera."""
        p = self.in_cameras(p_world)
        off = p[..., :2] / p[..., 2:].clamp(min=_NEAR) - self.xy
        return torch.where(p[..., 2] > _NEAR, off.norm(dim=-1) * self.focal_px, torch.inf)


def _consensus(rays: _Rays, outlier_px: float) -> tuple[Tensor, Tensor]:
    """The pair of views whose point costs least, and the views that agree with it."""
    views = rays.weight.shape[-1]
    ones = torch.ones_like(rays.xy[..., :1])
    backward = rays.R.transpose(-1, -2)
    centers = -(backward @ rays.t[..., None]).squeeze(-1).expand(*rays.xy.shape[:-1], 3)
    toward = (backward @ torch.cat((rays.xy, ones), -1)[..., None]).squeeze(-1)
    best_cost = torch.full_like(rays.weight[..., 0], torch.inf)
    best = torch.zeros_like(toward[..., 0, :])
    for a, b in itertools.combinations(range(views), 2):
        p, valid = _midpoint(centers[..., a, :], toward[..., a, :], centers[..., b, :],
                             toward[..., b, :])  # fmt: skip
        error = rays.error_px(p).clamp(max=outlier_px)
        cost = (rays.weight * error.square()).sum(-1)
        valid = valid & (rays.weight[..., a] > 0) & (rays.weight[..., b] > 0)
        better = valid & (cost < best_cost)
        best_cost = torch.where(better, cost, best_cost)
        best = torch.where(better[..., None], p, best)
    found = torch.isfinite(best_cost)[..., None]
    return best, (rays.error_px(best) <= outlier_px) & (rays.weight > 0) & found


def _midpoint(o1: Tensor, d1: Tensor, o2: Tensor, d2: Tensor) -> tuple[Tensor, Tensor]:
    """The middle of the shortest line between two rays, and whether the rays fix it."""
    d1 = torch.nn.functional.normalize(d1, dim=-1)
    d2 = torch.nn.functional.normalize(d2, dim=-1)
    between = o2 - o1
    cosine = (d1 * d2).sum(-1)
    sine2 = 1 - cosine.square()
    u, v = (between * d1).sum(-1), (between * d2).sum(-1)
    safe = sine2.clamp(min=_PARALLEL)
    s1, s2 = (u - cosine * v) / safe, (cosine * u - v) / safe
    middle = (o1 + s1[..., None] * d1 + o2 + s2[..., None] * d2) / 2
    return middle, sine2 > _PARALLEL


def _dlt(rays: _Rays, weight: Tensor) -> Tensor:
    """Homogeneous least squares over the weighted views; two rows a view."""
    P = torch.cat((rays.R, rays.t[..., None]), -1)
    rows = rays.xy[..., None] * P[..., 2:, :] - P[..., :2, :]
    rows = (weight[..., None, None] * rows).flatten(-3, -2)
    homogeneous = torch.linalg.eigh(rows.transpose(-1, -2) @ rows)[1][..., 0]
    w = homogeneous[..., 3:]
    w = torch.where(w.abs() < 1e-12, 1e-12, w)
    return homogeneous[..., :3] / w


def _gauss_newton_step(rays: _Rays, weight: Tensor, p_world: Tensor) -> Tensor:
    """One damped step on the confidence-weighted squared reprojection error."""
    p = rays.in_cameras(p_world)
    z = p[..., 2:].clamp(min=_NEAR)
    ideal = p[..., :2] / z
    residual = ideal - rays.xy
    J = (rays.R[..., :2, :] - ideal[..., None] * rays.R[..., 2:, :]) / z[..., None]
    scale = (weight * rays.focal_px.square())[..., None, None]
    H = (scale * (J.transpose(-1, -2) @ J)).sum(-3)
    g = (scale * (J.transpose(-1, -2) @ residual[..., None])).sum(-3).squeeze(-1)
    damping = 1e-9 * H.diagonal(dim1=-2, dim2=-1).sum(-1) + 1e-30
    step = torch.linalg.solve(H + damping[..., None, None] * torch.eye(3).to(H), g)
    moved = p_world - step
    return torch.where(torch.isfinite(moved), moved, p_world)
