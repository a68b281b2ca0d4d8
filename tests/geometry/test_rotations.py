"""Rotations against scipy and roma, and the properties of 6D and of interpolation on SO(3)."""

from __future__ import annotations

import math

import numpy as np
import pytest
import roma
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.transform import Rotation

from vimoflow.geometry import rotations as rot

COMPONENT = st.floats(-6.0, 6.0, allow_nan=False)
ROTVECS = arrays(np.float64, (5, 3), elements=COMPONENT)
FEW = settings(max_examples=30, deadline=None)


def tensor(values: np.ndarray) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def random_matrices(count: int, seed: int = 0) -> torch.Tensor:
    return tensor(Rotation.random(count, random_state=seed).as_matrix())


@FEW
@given(ROTVECS)
def test_axis_angle_to_matrix_agrees_with_scipy(rotvec: np.ndarray) -> None:
    expected = Rotation.from_rotvec(rotvec).as_matrix()
    np.testing.assert_allclose(rot.axis_angle_to_matrix(tensor(rotvec)), expected, atol=1e-9)


@FEW
@given(ROTVECS)
def test_axis_angle_and_quaternion_come_back(rotvec: np.ndarray) -> None:
    matrix = tensor(Rotation.from_rotvec(rotvec).as_matrix())
    axis_angle = rot.matrix_to_axis_angle(matrix)
    assert (axis_angle.norm(dim=-1) <= math.pi + 1e-6).all()
    np.testing.assert_allclose(rot.axis_angle_to_matrix(axis_angle), matrix, atol=1e-6)
    quaternion = rot.matrix_to_quaternion(matrix)
    np.testing.assert_allclose(
        Rotation.from_quat(quaternion.numpy()).as_matrix(), matrix, atol=1e-6
    )
    np.testing.assert_allclose(rot.quaternion_to_matrix(quaternion * 3.0), matrix, atol=1e-6)


TINY_TO_HALF_TURN = [0.0, 1e-9, 1e-6, 1e-3, 1.0, math.pi - 1e-3, math.pi, 4.0]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("angle", TINY_TO_HALF_TURN)
def test_values_and_gradients_agree_with_roma(angle: float, dtype: torch.dtype) -> None:
    """Where formulas change over: at no angle at all and at half a turn; roma in double."""
    generator = torch.Generator().manual_seed(5)
    direction = torch.randn(6, 3, generator=generator, dtype=torch.float64)
    rotvec = (angle * torch.nn.functional.normalize(direction, dim=-1)).to(dtype)
    weights = torch.randn(6, 3, 3, generator=generator, dtype=torch.float64)

    def run(to_matrix, to_vector, dtype):  # type: ignore[no-untyped-def]
        vector = rotvec.to(dtype).requires_grad_()
        matrix = to_matrix(vector)
        (slope,) = torch.autograd.grad((matrix * weights).sum(), vector)
        leaf = roma.rotvec_to_rotmat(rotvec.double()).to(dtype).requires_grad_()
        back = to_vector(leaf)
        (slope_back,) = torch.autograd.grad((back * weights[:, 0]).sum(), leaf)
        return [value.detach().double() for value in (matrix, slope, back, slope_back)]

    ours = run(rot.axis_angle_to_matrix, rot.matrix_to_axis_angle, dtype)
    theirs = run(roma.rotvec_to_rotmat, roma.rotmat_to_rotvec, torch.float64)
    digits = 1e-13 if dtype == torch.float64 else 5e-6
    # roma leaves out what is of second order in tiny angles.
    atol = digits + (2e-6 if 0 < angle < 1e-5 else 0)
    torch.testing.assert_close(ours[:2], theirs[:2], atol=atol, rtol=0)
    if angle != math.pi:  # half a turn may be taken either way
        torch.testing.assert_close(ours[2:], theirs[2:], atol=100 * atol, rtol=200 * digits)


@FEW
@given(ROTVECS)
def test_quaternions_agree_with_roma(rotvec: np.ndarray) -> None:
    matrix = tensor(Rotation.from_rotvec(rotvec).as_matrix())
    quaternion = rot.matrix_to_quaternion(matrix)
    np.testing.assert_allclose(quaternion, roma.rotmat_to_unitquat(matrix), atol=1e-12)
    np.testing.assert_allclose(
        rot.quaternion_to_matrix(quaternion), roma.unitquat_to_rotmat(quaternion), atol=1e-12
    )


@pytest.mark.parametrize("mirrored", [False, True])
def test_nearest_rotation_agrees_with_roma(mirrored: bool) -> None:
    noise = torch.randn(20, 3, 3, generator=torch.Generator().manual_seed(2)).double()
    matrix = random_matrices(20) + 0.3 * noise
    if mirrored:
        matrix[..., 0] *= -1
    np.testing.assert_allclose(
        rot.nearest_rotation(matrix), roma.special_procrustes(matrix), atol=1e-10
    )


@FEW
@given(ROTVECS)
def test_sixd_is_two_columns_and_comes_back(rotvec: np.ndarray) -> None:
    matrix = tensor(Rotation.from_rotvec(rotvec).as_matrix())
    sixd = rot.matrix_to_sixd(matrix)
    np.testing.assert_array_equal(sixd[..., :3], matrix[..., 0])
    np.testing.assert_array_equal(sixd[..., 3:], matrix[..., 1])
    np.testing.assert_allclose(rot.sixd_to_matrix(sixd), matrix, atol=1e-9)


@FEW
@given(arrays(np.float64, (4, 6), elements=st.floats(-10, 10)))
def test_any_sixd_gives_a_finite_matrix(sixd: np.ndarray) -> None:
    assert torch.isfinite(rot.sixd_to_matrix(tensor(sixd))).all()


def test_gram_schmidt_forgets_scale_and_shear() -> None:
    matrix = random_matrices(20)
    sixd = rot.matrix_to_sixd(matrix)
    sheared = torch.cat((2.5 * sixd[..., :3], 0.4 * sixd[..., 3:] + 1.7 * sixd[..., :3]), dim=-1)
    np.testing.assert_allclose(rot.sixd_to_matrix(sheared), matrix, atol=1e-12)


def test_nearest_rotation_is_no_farther_than_any_other() -> None:
    noisy = random_matrices(10) + 0.3 * torch.randn(
        10, 3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1)
    )
    nearest = rot.nearest_rotation(noisy)
    np.testing.assert_allclose(torch.linalg.det(nearest), 1.0, atol=1e-9)
    others = nearest[:, None] @ rot.axis_angle_to_matrix(
        0.1 * torch.cat((torch.eye(3), -torch.eye(3))).double()
    )
    distance = (noisy - nearest).flatten(1).norm(dim=-1)
    assert (distance[:, None] <= (noisy[:, None] - others).flatten(2).norm(dim=-1)).all()


@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_rotation_about_a_coordinate_axis(axis: str) -> None:
    angle = torch.tensor([-3.0, -0.4, 0.0, 1.2, 7.0], dtype=torch.float64)
    expected = Rotation.from_euler(axis, angle.numpy()[:, None]).as_matrix()
    np.testing.assert_allclose(rot.rotation_about(axis, angle), expected, atol=1e-12)


def test_heading_is_the_yaw_of_forward() -> None:
    yaw = torch.linspace(-3.1, 3.1, 9, dtype=torch.float64)
    turned = rot.rotation_about("y", yaw)
    np.testing.assert_allclose(rot.heading_of(turned), yaw, atol=1e-9)
    leaning = turned @ rot.rotation_about("x", torch.tensor(0.7, dtype=torch.float64))
    np.testing.assert_allclose(rot.heading_of(leaning), yaw, atol=1e-9)
    left = rot.rotation_about("y", torch.tensor(math.pi / 2, dtype=torch.float64))
    np.testing.assert_allclose(left @ tensor(np.array([0.0, 0.0, 1.0])), [1, 0, 0], atol=1e-9)


@FEW
@given(ROTVECS, ROTVECS)
def test_geodesic_angle_agrees_with_scipy(first: np.ndarray, second: np.ndarray) -> None:
    a, b = Rotation.from_rotvec(first), Rotation.from_rotvec(second)
    angle = rot.geodesic_angle(tensor(a.as_matrix()), tensor(b.as_matrix()))
    np.testing.assert_allclose(angle, (a.inv() * b).magnitude(), atol=1e-6)


def test_slerp_is_exact_at_the_given_times_and_holds_the_ends() -> None:
    matrix = random_matrices(6).reshape(3, 2, 3, 3)
    times = tensor(np.array([0.0, 0.2, 1.0]))
    np.testing.assert_allclose(rot.slerp_resample(matrix, times, times), matrix, atol=1e-9)
    outside = rot.slerp_resample(matrix, times, tensor(np.array([-5.0, 9.0])))
    np.testing.assert_allclose(outside, matrix[[0, 2]], atol=1e-9)


def test_slerp_turns_at_constant_speed_about_one_axis() -> None:
    matrix = random_matrices(2, seed=3)
    steps = rot.slerp_resample(
        matrix, tensor(np.array([1.0, 3.0])), torch.linspace(1, 3, 9).double()
    )
    whole = rot.geodesic_angle(matrix[0], matrix[1])
    np.testing.assert_allclose(rot.geodesic_angle(steps[:-1], steps[1:]), whole / 8, atol=1e-7)


def test_slerp_of_one_frame_is_that_frame() -> None:
    matrix = random_matrices(1)
    new = rot.slerp_resample(matrix, torch.zeros(1).double(), torch.arange(3).double())
    np.testing.assert_array_equal(new, matrix.expand(3, 3, 3))
