"""Rotations in tensor operations, tested against roma and scipy.

roma itself is not imported: it loads torch's compiler, which takes longer than torch.

Names are ``<from>_to_<to>``. Matrices act on column vectors:
``v_parent = R_parent_joint @ v_joint``.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor

_SERIES_BELOW = 0.01  # radians squared: five terms reach double precision there


def axis_angle_to_matrix(axis_angle: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotation vectors in radians (any length, wrapped or not) to matrices (Rodrigues' formula).

    Smooth everywhere, the zero vector included.
    """
    square = (axis_angle * axis_angle).sum(-1)[..., None, None]
    first, second = _sine_ratios(square)
    x, y, z = axis_angle.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack((zero, -z, y, z, zero, -x, -y, x, zero), dim=-1).unflatten(-1, (3, 3))
    outer = axis_angle[..., :, None] * axis_angle[..., None, :]
    eye = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    return eye * (1 - second * square) + first * cross + second * outer


def _sine_ratios(square: Float[Tensor, "*batch"]) -> tuple[Tensor, Tensor]:
    """sin(a) / a and (1 - cos(a)) / a**2 from a**2; series where quotients would lose digits."""
    angle = square.clamp_min(_SERIES_BELOW).sqrt()
    first, second = torch.sin(angle) / angle, (1 - torch.cos(angle)) / angle**2
    series_1 = 1 - square / 6 * (1 - square / 20 * (1 - square / 42 * (1 - square / 72)))
    series_2 = 0.5 - square / 24 * (1 - square / 30 * (1 - square / 56 * (1 - square / 90)))
    small = square < _SERIES_BELOW
    return torch.where(small, series_1, first), torch.where(small, series_2, second)


def matrix_to_axis_angle(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3"]:
    """Matrices to rotation vectors in radians, of length at most pi."""
    quaternion = matrix_to_quaternion(matrix)
    quaternion = torch.where(quaternion[..., 3:] < 0, -quaternion, quaternion)
    axis, real = quaternion[..., :3], quaternion[..., 3]
    half_angle = torch.atan2(torch.linalg.vector_norm(axis, dim=-1), real)
    return axis * (2 / torch.sinc(half_angle / torch.pi))[..., None]


def quaternion_to_matrix(quaternion_xyzw: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch 3 3"]:
    """Quaternions in (x, y, z, w) order, of any positive length, to matrices."""
    x, y, z, w = torch.nn.functional.normalize(quaternion_xyzw, dim=-1).unbind(-1)
    rows = (
        w * w + x * x - y * y - z * z, 2 * (x * y - z * w), 2 * (x * z + y * w),
        2 * (x * y + z * w), w * w - x * x + y * y - z * z, 2 * (y * z - x * w),
        2 * (x * z - y * w), 2 * (y * z + x * w), w * w - x * x - y * y + z * z,
    )  # fmt: skip
    return torch.stack(rows, dim=-1).unflatten(-1, (3, 3))


def matrix_to_quaternion(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 4"]:
    """Matrices to unit quaternions in (x, y, z, w) order (Markley 2008, JGCD 31(2), eq. 8 and 9).

    Of the rows of 4 q q^T, each a multiple of q, the one of the largest component is normalised.
    """
    (m00, m01, m02), (m10, m11, m12), (m20, m21, m22) = (
        row.unbind(-1) for row in matrix.unbind(-2)
    )
    products = torch.stack(
        (
            1 + m00 - m11 - m22, m01 + m10, m02 + m20, m21 - m12,
            m01 + m10, 1 - m00 + m11 - m22, m12 + m21, m02 - m20,
            m02 + m20, m12 + m21, 1 - m00 - m11 + m22, m10 - m01,
            m21 - m12, m02 - m20, m10 - m01, 1 + m00 + m11 + m22,
        ),
        dim=-1,
    ).unflatten(-1, (4, 4))  # fmt: skip
    largest = products.diagonal(dim1=-2, dim2=-1).argmax(dim=-1)[..., None, None]
    row = products.gather(-2, largest.expand(*largest.shape[:-1], 4))[..., 0, :]
    return row / torch.linalg.vector_norm(row, dim=-1, keepdim=True)


def matrix_to_sixd(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 6"]:
    """The first two columns, one after the other (Zhou et al. 2019; thesis 3.4 i)."""
    return matrix[..., :, :2].transpose(-1, -2).flatten(-2)


def sixd_to_matrix(sixd: Float[Tensor, "*batch 6"]) -> Float[Tensor, "*batch 3 3"]:
    """Gram-Schmidt on the two columns; the third is their cross product (Zhou et al. 2019).

    Degenerate columns (zero or parallel) give a finite, though meaningless, rotation.
    """
    a, b = sixd[..., :3], sixd[..., 3:]
    x = torch.nn.functional.normalize(a, dim=-1, eps=1e-8)
    b = b - (x * b).sum(-1, keepdim=True) * x
    y = torch.nn.functional.normalize(b, dim=-1, eps=1e-8)
    return torch.stack((x, y, torch.linalg.cross(x, y, dim=-1)), dim=-1)


def nearest_rotation(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3 3"]:
    """The rotation closest to a matrix in the Frobenius norm (special Procrustes)."""
    u, _, vh = torch.linalg.svd(matrix)
    handedness = torch.ones_like(matrix[..., 0])
    handedness[..., 2] = torch.linalg.det(u @ vh).sign()
    return (u * handedness[..., None, :]) @ vh


def rotation_about(
    axis: str, angle: Float[Tensor, "*batch"] | Float[Tensor, ""]
) -> Float[Tensor, "*batch 3 3"]:
    """Rotation by ``angle`` radians about the coordinate axis ``"x"``, ``"y"`` or ``"z"``."""
    zero = torch.zeros_like(angle)
    components = {name: zero for name in "xyz"} | {axis: angle}
    return axis_angle_to_matrix(torch.stack([components[name] for name in "xyz"], dim=-1))


def heading_of(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch"]:
    """The yaw in radians about +Y of the direction in which a joint's +Z axis points.

    Zero faces +Z, pi/2 faces +X. Undefined (but finite) when +Z points straight up or down.
    """
    return torch.atan2(matrix[..., 0, 2], matrix[..., 2, 2])


def geodesic_angle(
    a: Float[Tensor, "*batch 3 3"], b: Float[Tensor, "*batch 3 3"]
) -> Float[Tensor, "*batch"]:
    """Angle in radians, in [0, pi], of the rotation from ``a`` to ``b``."""
    chord = torch.linalg.matrix_norm(b - a)  # 2 sqrt(2) sin(angle / 2)
    return 2 * torch.asin((chord / 8**0.5).clamp_max(1.0))


def slerp_resample(
    matrix: Float[Tensor, "frames *rest 3 3"],
    times: Float[Tensor, "frames"],
    new_times: Float[Tensor, "new"],
) -> Float[Tensor, "new *rest 3 3"]:
    """Interpolate on SO(3) along the first axis, from ``times`` (increasing, seconds) to others.

    Outside the range the end values are held. Exact at the given times.
    """
    if len(times) == 1:
        return matrix.expand(len(new_times), *matrix.shape[1:]).clone()
    clamped = new_times.clamp(times[0], times[-1])
    right = torch.searchsorted(times, clamped, right=True).clamp(1, len(times) - 1)
    left = right - 1
    weight = (clamped - times[left]) / (times[right] - times[left])
    weight = weight.to(matrix.dtype).reshape(-1, *([1] * (matrix.ndim - 2)))
    step = matrix_to_axis_angle(matrix[left].transpose(-1, -2) @ matrix[right])
    return matrix[left] @ axis_angle_to_matrix(step * weight)
