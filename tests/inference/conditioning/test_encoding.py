"""What the denoiser sees of the 2D: invariances, the person's size, missing points, the track."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from vimoflow.inference.conditioning.encoding import Condition, encode_condition, person_size_px
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import MIRROR_COCO, coco

HIPS = [coco("left_hip"), coco("right_hip")]
SHOULDERS = [coco("left_shoulder"), coco("right_shoulder")]


def dancing_points(frames: int = 60, seed: int = 0, turn: float = 0.0) -> torch.Tensor:
    """COCO points in metres of a figure whose limbs swing."""
    rng = np.random.default_rng(seed)
    seconds = np.arange(frames)[:, None, None] / 30
    poses = rng.normal(0, 0.5, (24, 3)) * np.sin(3 * seconds + rng.uniform(0, 6, (24, 1)))
    poses[:, 0] = [0.0, turn, 0.0]
    R = torch.from_numpy(Rotation.from_rotvec(poses.reshape(-1, 3)).as_matrix())
    root = torch.stack((torch.linspace(0, 1, frames), torch.ones(frames), torch.zeros(frames)), -1)
    return coco_points(*forward_kinematics(R.reshape(frames, 24, 3, 3), root.double()))


def filmed(points: torch.Tensor, scale: float = 200.0) -> torch.Tensor:
    """Orthographic image with confidence 0.9: right and down."""
    xy = points[..., :2] * torch.tensor([scale, -scale]).double() + 500.0
    return torch.cat((xy, torch.full_like(xy[..., :1], 0.9)), dim=-1)


def encoded(points_px: torch.Tensor, static: bool | torch.Tensor = True) -> Condition:
    return encode_condition(points_px, person_size_px(points_px), static)


@settings(max_examples=20, deadline=None)
@given(st.floats(-3000, 3000), st.floats(-3000, 3000), st.floats(0.1, 10))
def test_place_and_size_of_the_image_do_not_matter(x: float, y: float, factor: float) -> None:
    points = filmed(dancing_points(20))
    other = points.clone()
    other[..., :2] = points[..., :2] * factor + torch.tensor([x, y]).double()
    for part, same in zip(
        (encoded(points).pose, encoded(points).track),
        (encoded(other).pose, encoded(other).track),
        strict=True,
    ):
        torch.testing.assert_close(part, same, atol=1e-6, rtol=0)


def test_pose_is_root_centred_right_and_down() -> None:
    pose = encoded(filmed(dancing_points())).pose
    np.testing.assert_allclose(pose[:, HIPS, :2].mean(1), 0, atol=1e-9)
    assert (pose[:, coco("nose"), 1] < 0).all()  # the head is up
    assert (pose[:, coco("left_shoulder"), 0] > pose[:, coco("right_shoulder"), 0]).all()
    np.testing.assert_allclose(pose[..., 2], 0.9)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("turn", [0.0, 0.6, 1.57])
def test_the_size_is_pixels_per_metre_whatever_the_pose(seed: int, turn: float) -> None:
    size = person_size_px(filmed(dancing_points(90, seed, turn), 173.0))
    assert float(size) == pytest.approx(173, rel=0.06)


def test_the_size_does_not_hang_on_which_half_of_the_body_is_seen() -> None:
    points = filmed(dancing_points(90))
    cut = points.clone()
    cut[:, 11:] = 0  # no legs
    assert float(person_size_px(cut)) == pytest.approx(float(person_size_px(points)), rel=0.06)


def test_nothing_seen_has_size_one_and_is_all_zeros() -> None:
    nothing = torch.zeros(2, 10, 17, 3)
    np.testing.assert_array_equal(person_size_px(nothing), [1, 1])
    condition = encoded(nothing)
    assert not condition.pose.any() and not condition.track.any()
    torch.testing.assert_close(condition.channels, condition.empty().channels)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(0, 1))
def test_missing_points_are_zeros_and_change_no_other(seed: int, share: float) -> None:
    points = filmed(dancing_points(12))
    missing = torch.from_numpy(np.random.default_rng(seed).random((12, 17)) < share)
    size = person_size_px(points)
    holes = points.clone()
    holes[missing] = torch.tensor([1e6, -1e6, 0.01]).double()  # meaningless, below the threshold
    condition, whole = encode_condition(holes, size), encode_condition(points, size)
    assert torch.isfinite(condition.channels).all()
    assert not condition.pose[missing].any()
    hips_seen = ~missing[:, HIPS].any(-1)
    kept = ~missing & hips_seen[:, None]
    torch.testing.assert_close(condition.pose[kept], whole.pose[kept])


def test_shoulders_stand_in_for_hips() -> None:
    points = filmed(dancing_points(5, turn=0.3))
    headless = points.clone()
    headless[:, HIPS] = 0
    size = person_size_px(points)
    track = encode_condition(headless, size).track
    assert track[:, 2].eq(1).all()
    torch.testing.assert_close(
        encode_condition(headless, size).pose[:, SHOULDERS, 1].mean(1),
        torch.full((5,), -0.5).double(),
    )
    headless[:, SHOULDERS] = 0  # only limbs: where the person is, nobody knows
    condition = encode_condition(headless, size)
    assert not condition.track.any() and condition.pose.any()


def test_the_track_is_relative_to_the_first_known_frame() -> None:
    points = filmed(dancing_points(31), 100.0)
    points[:7] = 0
    track = encode_condition(points, torch.tensor(100.0).double()).track
    assert not track[:7].any()
    np.testing.assert_allclose(track[7], [0, 0, 1], atol=1e-9)
    path = points[7:, HIPS, :2].mean(1) - points[7, HIPS, :2].mean(0)
    np.testing.assert_allclose(track[7:, :2], path / 100, atol=1e-9)
    assert float(track[-1, 0]) > 0.5


def test_a_moving_camera_hides_the_track_of_its_own_clip_only() -> None:
    points = filmed(dancing_points(10)).expand(3, -1, -1, -1)
    condition = encoded(points, torch.tensor([True, False, True]))
    assert condition.track.abs().sum((1, 2)).gt(0).tolist() == [True, False, True]
    torch.testing.assert_close(condition.pose[0], condition.pose[1])
    assert not encoded(points, False).track.any()


def test_masking_is_the_same_as_seeing_nothing() -> None:
    condition = encoded(filmed(dancing_points(6)).expand(2, -1, -1, -1))
    masked = condition.masked(torch.tensor([True, False]))
    torch.testing.assert_close(masked.channels[0], condition.channels[0])
    torch.testing.assert_close(masked.channels[1], condition.empty().channels[1])


def test_the_mirrored_condition_is_that_of_the_mirrored_film() -> None:
    points = filmed(dancing_points())
    points[3:5, 7] = 0.0
    film = points[:, list(MIRROR_COCO)].clone()
    film[..., 0] = torch.where(film[..., 2] > 0, 1000.0 - film[..., 0], 0.0)
    expected, found = encoded(film), encoded(points).mirrored()
    torch.testing.assert_close(found.pose, expected.pose)
    torch.testing.assert_close(found.track, expected.track)


def test_a_window_s_track_begins_at_its_own_first_known_frame() -> None:
    generator = torch.Generator().manual_seed(3)
    pose, path = torch.rand(2, 6, 17, 3, generator=generator), torch.rand(2, 6, 2)
    known = torch.tensor([[0, 0, 1, 1, 0, 1], [1, 1, 1, 1, 1, 1]])[..., None].float()
    moved = Condition(pose, torch.cat((path * known, known), -1)).from_own_start()
    assert (moved.track[0, 2, :2] == 0).all() and (moved.track[1, 0, :2] == 0).all()
    assert (moved.track[0, [0, 1, 4]] == 0).all()  # what is not known stays nothing
    torch.testing.assert_close(moved.track[0, 5, :2], path[0, 5] - path[0, 2])
    torch.testing.assert_close(moved.from_own_start().track, moved.track)
    assert (Condition(pose, torch.zeros(2, 6, 3)).from_own_start().track == 0).all()
