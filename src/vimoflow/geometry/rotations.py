"""Rotations: the one place that talks to roma.

Names are ``<from>_to_<to>``. Matrices act on column vectors:
``v_parent = R_parent_joint @ v_joint``.
"""

from __future__ import annotations

import roma
import torch
from jaxtyping import Float
from torch import Tensor


def axis_angle_to_matrix(axis_angle: Float[Tensor, "*batch 3"]) -> Float[Tensor, "*batch 3 3"]:
    """Rotation vectors in radians (any length, wrapped or not) to matrices."""
    return roma.rotvec_to_rotmat(axis_angle)


def matrix_to_axis_angle(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 3"]:
    """Matrices to rotation vectors in radians, of length at most pi."""
    return roma.rotmat_to_rotvec(matrix)


def quaternion_to_matrix(quaternion_xyzw: Float[Tensor, "*batch 4"]) -> Float[Tensor, "*batch 3 3"]:
    """Quaternions in (x, y, z, w) order, of any positive length, to matrices."""
    unit = torch.nn.functional.normalize(quaternion_xyzw, dim=-1)
    return roma.unitquat_to_rotmat(unit)


def matrix_to_quaternion(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch 4"]:
    """Matrices to unit quaternions in (x, y, z, w) order."""
    return roma.rotmat_to_unitquat(matrix)


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
    return roma.special_procrustes(matrix)


def rotation_about(
    axis: str, angle: Float[Tensor, "*batch"] | Float[Tensor, ""]
) -> Float[Tensor, "*batch 3 3"]:
    """Rotation by ``angle`` radians about the coordinate axis ``"x"``, ``"y"`` or ``"z"``."""
    zero = torch.zeros_like(angle)
    components = {name: zero for name in "xyz"} | {axis: angle}
    return roma.rotvec_to_rotmat(torch.stack([components[name] for name in "xyz"], dim=-1))


def heading_of(matrix: Float[Tensor, "*batch 3 3"]) -> Float[Tensor, "*batch"]:
    """The yaw in radians about +Y of the direction in which a joint's +Z axis points.

    Zero faces +Z, pi/2 faces +X. Undefined (but finite) when +Z points straight up or down.
    """
    return torch.atan2(matrix[..., 0, 2], matrix[..., 2, 2])


def geodesic_angle(
    a: Float[Tensor, "*batch 3 3"], b: Float[Tensor, "*batch 3 3"]
) -> Float[Tensor, "*batch"]:
    """Angle in radians, in [0, pi], of the rotation from ``a`` to ``b``."""
    return roma.rotmat_geodesic_distance(a, b)


def slerp_resample(
    matrix: Float[Tensor, "frames *rest 3 3"],
    times: Float[Tensor, " frames"],
    new_times: Float[Tensor, " new"],
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


def rotation_between(
    a: Float[Tensor, "*batch 3"], b: Float[Tensor, "*batch 3"]
) -> Float[Tensor, "*batch 3 3"]:
    """The smallest rotation from unit vector ``a`` to ``b``; the identity if they are opposite."""
    axis = torch.linalg.cross(a, b, dim=-1)
    angle = torch.atan2(axis.norm(dim=-1), (a * b).sum(-1))
    axis = torch.nn.functional.normalize(axis, dim=-1, eps=1e-12)
    return axis_angle_to_matrix(axis * angle[..., None])
