"""Training batches: reproducible, in the canonical frame, with 2D that shows the 3D."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from vimoflow.data.augmentation import AugmentationSettings
from vimoflow.data.batches import (
    Batch,
    BatchSettings,
    WindowSource,
    corpus_shares,
    is_static,
    make_batch,
)
from vimoflow.data.filming import ToldSettings
from vimoflow.data.recording import Recording
from vimoflow.data.shards import Shard, read_shard, write_shard
from vimoflow.data.virtual_cameras import CameraSettings
from vimoflow.errors import ConfigError
from vimoflow.geometry.cameras import Camera, project
from vimoflow.geometry.rotations import rotation_about
from vimoflow.inference.conditioning.corruption import CorruptionSettings
from vimoflow.motion.canonical import canonical_motion
from vimoflow.motion.features import decode_features
from vimoflow.motion.kinematics import coco_points, forward_kinematics
from vimoflow.motion.skeleton import coco, joint

CLEAN = BatchSettings(
    augmentation=AugmentationSettings.none(),
    corruption=CorruptionSettings(severity=0.0),
    told=ToldSettings(
        down_known=1.0, down_deg=0.0, focal_known=1.0, focal_spread=0.0, aim_deg=0.0,
        size_spread=0.0, track_drop=0.0,
    ),
)  # fmt: skip
STATIC = CameraSettings(
    pan_share=0.0, travel_share=0.0, orbit_share=0.0, zoom_share=0.0, handheld_share=0.0,
    roam_followed=0.0, wide_pitch_share=0.0, truncation_share=0.0,
)  # fmt: skip
VIEW_YAWS = (0.4, -2.0)


def real_views(points_world: torch.Tensor) -> np.ndarray:
    """Detections of static cameras 5 m away at the given headings, all sure."""
    views = []
    for yaw in VIEW_YAWS:
        turn = rotation_about("y", torch.tensor(yaw, dtype=torch.float64))
        R = torch.diag(torch.tensor([1.0, -1.0, -1.0], dtype=torch.float64)) @ turn.T
        position = turn @ torch.tensor([0.0, 1.0, 5.0], dtype=torch.float64)
        lens = torch.tensor(1000.0).double(), torch.tensor([640.0, 360.0]).double()
        pixels, _ = project(Camera(R, -R @ position, *lens), points_world.reshape(-1, 3))
        pixels = pixels.reshape(len(points_world), 17, 2)
        views.append(torch.cat((pixels, torch.ones_like(pixels[..., :1])), -1).numpy())
    return np.stack(views).astype(np.float32)


def recording(seed: int, frames: int, real: bool) -> Recording:
    """An upright figure that turns, walks and swings its limbs."""
    rng = np.random.default_rng(seed)
    seconds = np.arange(frames)[:, None, None] / 30
    poses = rng.normal(0, 0.3, (24, 3)) * np.sin(3 * seconds + rng.uniform(0, 6, (24, 1)))
    poses[:, 0] = [0, 1, 0] * (rng.uniform(-3, 3) + 0.5 * seconds[:, 0])
    R = torch.from_numpy(Rotation.from_rotvec(poses.reshape(-1, 3)).as_matrix())
    root = torch.zeros(frames, 3, dtype=torch.float64)
    root[:, 0] = 0.3 * torch.sin(torch.arange(frames) / 20)
    motion = canonical_motion(R.reshape(frames, 24, 3, 3), root, 30.0)
    points = coco_points(
        *forward_kinematics(
            torch.from_numpy(motion.local_rotations), torch.from_numpy(motion.trans).double()
        )
    )
    views = real_views(points) if real else None
    headings = np.array(VIEW_YAWS) if real else None
    return Recording(f"{seed}", "aistpp" if real else "hdm05", "train", motion, views, headings)


@pytest.fixture(scope="module")
def shards(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shard]:
    folder: Path = tmp_path_factory.mktemp("shards")
    made = {}
    for name, real in (("virtual", False), ("real", True)):
        recordings = [recording(i + 10 * real, 60 + 20 * i, real) for i in range(3)]
        made[name] = read_shard(folder, write_shard(recordings, folder, "", ""))
    return made


def batch_of(
    shard: Shard, settings: BatchSettings | None = None, seed: int = 0, frames: int = 30
) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return make_batch(WindowSource([shard]), 12, frames, generator, settings)


def tensors(batch: Batch) -> list[torch.Tensor]:
    return [batch.features, batch.joints, batch.condition.channels, batch.valid]


def test_one_generator_state_gives_one_batch(shards: dict[str, Shard]) -> None:
    first, again, other = (batch_of(shards["virtual"], seed=s) for s in (1, 1, 2))
    for a, b, c in zip(tensors(first)[:3], tensors(again)[:3], tensors(other)[:3], strict=True):
        assert torch.equal(a, b) and not torch.equal(a, c)


@pytest.mark.parametrize("kind", ["virtual", "real"])
def test_everything_is_finite_and_features_agree_with_joints(
    shards: dict[str, Shard], kind: str
) -> None:
    batch = batch_of(shards[kind], frames=70)  # longer than some recordings
    assert all(torch.isfinite(t).all() for t in tensors(batch))
    rotations, contacts, root = decode_features(batch.features)
    _, joints = forward_kinematics(rotations, root)
    torch.testing.assert_close(joints, batch.joints, atol=1e-4, rtol=0)
    assert contacts.unique().tolist() in ([0.0], [1.0], [0.0, 1.0])


def test_the_first_root_is_above_the_origin(shards: dict[str, Shard]) -> None:
    root = batch_of(shards["virtual"]).joints[:, 0, joint("pelvis")]
    np.testing.assert_allclose(root[:, [0, 2]], 0, atol=1e-5)
    assert (root[:, 1] > 0).all()


def facing(joints: torch.Tensor) -> torch.Tensor:
    """Unit direction the chest faces, (batch, frames, 3), for an upright figure."""
    across = joints[..., joint("left_shoulder"), :] - joints[..., joint("right_shoulder"), :]
    up = torch.tensor([0.0, 1.0, 0.0]).expand_as(across)
    return torch.nn.functional.normalize(torch.linalg.cross(across, up, dim=-1), dim=-1)


@pytest.mark.parametrize("mirror", [0.0, 1.0])
@pytest.mark.parametrize("kind", ["virtual", "real"])
def test_the_condition_is_the_joints_seen_from_plus_z(
    shards: dict[str, Shard], kind: str, mirror: float
) -> None:
    """In the canonical frame the camera is towards +Z: image right is +X, image down is -Y."""
    augmentation = dataclasses.replace(AugmentationSettings.none(), mirror=mirror)
    settings = dataclasses.replace(CLEAN, augmentation=augmentation, cameras=STATIC, real_2d=1.0)
    batch = batch_of(shards[kind], settings)
    rotations, _, root = decode_features(batch.features)
    points = coco_points(*forward_kinematics(rotations, root))
    hips = points[..., [coco("left_hip"), coco("right_hip")], :].mean(-2, keepdim=True)
    expected = (points - hips)[..., :2] * torch.tensor([1.0, -1.0])
    seen = batch.condition.pose[..., 2:] > 0
    error = (batch.condition.pose[..., :2] - expected) * seen
    # Perspective, pitch, roll and the size's own error remain; a wrong side would be far off.
    assert float(error.norm(dim=-1).median()) < 0.06
    assert float(error.norm(dim=-1).quantile(0.99)) < 0.3
    towards = facing(batch.joints)[..., 2]
    left, right = (batch.condition.pose[..., coco(f"{s}_shoulder"), 0] for s in ("left", "right"))
    frontal, back = towards > 0.8, towards < -0.8
    assert frontal.any() or back.any()
    assert (left > right)[frontal].all() and (left < right)[back].all()


def test_the_track_follows_the_root(shards: dict[str, Shard]) -> None:
    batch = batch_of(shards["real"], dataclasses.replace(CLEAN, real_2d=1.0))
    path = batch.joints[:, :, 0, 0] - batch.joints[:, :1, 0, 0]
    assert batch.condition.track[..., 2].eq(1).all()
    np.testing.assert_allclose(batch.condition.track[..., 0], path, atol=0.06)


def test_padding_is_masked(shards: dict[str, Shard]) -> None:
    batch = batch_of(shards["virtual"], CLEAN, frames=70)
    padded = ~batch.valid
    assert padded.any() and batch.valid[:, 0].all()
    assert not batch.condition.channels[padded].any()
    starts = padded.float().argmax(1)[padded.any(1)]
    assert starts.eq(60).all()  # the end of the only recording shorter than the window
    np.testing.assert_array_equal(batch.valid.sum(1)[padded.any(1)], starts)  # only at the end


def test_retimed_windows_are_the_same_path_at_another_speed(shards: dict[str, Shard]) -> None:
    twice = dataclasses.replace(AugmentationSettings.none(), retime=1.0, retime_range=(2.0, 2.0))
    source = WindowSource([shards["virtual"]])
    generator = torch.Generator().manual_seed(0)
    settings = dataclasses.replace(CLEAN, augmentation=twice)
    fast, _, _ = source.windows(6, 20, generator, settings)
    slow, _, _ = source.windows(6, 20, generator, CLEAN)
    turn = [(c.root_world[:, 1:, 0] - c.root_world[:, :-1, 0]).abs().mean() for c in (fast, slow)]
    assert 1.3 < float(turn[0] / turn[1]) < 3


def test_shares_decide_which_corpus_is_drawn(shards: dict[str, Shard]) -> None:
    both = [shards["virtual"], shards["real"]]
    only_real = WindowSource(both, {"aistpp": 1.0, "hdm05": 0.0})
    settings = dataclasses.replace(CLEAN, real_2d=1.0)
    _, points, _ = only_real.windows(8, 10, torch.Generator().manual_seed(0), settings)
    assert points[..., 2].eq(1).all()
    only_virtual = WindowSource(both, {"aistpp": 0.0, "hdm05": 1.0})
    _, points, _ = only_virtual.windows(8, 10, torch.Generator().manual_seed(0), settings)
    assert not points.any()


def test_static_cameras_are_told_from_moving_ones() -> None:
    frames = 10
    R = torch.eye(3).repeat(4, frames, 1, 1)
    t, focal = torch.zeros(4, frames, 3), torch.full((4, frames), 1000.0)
    R[1] = rotation_about("y", torch.linspace(0, 0.3, frames))
    t[2, :, 0] = torch.linspace(0, 0.5, frames)
    focal[3] = torch.linspace(1000, 1200, frames)
    camera = Camera(R, t, focal, torch.zeros(4, frames, 2))
    assert is_static(camera).tolist() == [True, False, False, False]


def test_stated_shares_are_kept_and_others_keep_their_proportions():
    corpora = ["aistpp", "hdm05", "dances"]
    plain = corpus_shares(corpora, {})
    stated = corpus_shares(corpora, {"dances": 0.2})
    assert stated[2] == pytest.approx(0.2) and stated.sum() == pytest.approx(1.0)
    assert stated[0] / stated[1] == pytest.approx(plain[0] / plain[1])


@pytest.mark.parametrize(
    "stated", [{"nobody": 0.2}, {"a": -0.1}, {"a": 1.0}, {"a": 0.6, "b": 0.7}, {"a": 0.3, "b": 0.3}]
)
def test_shares_that_cannot_be_had(stated):
    corpora = ["a", "b"]
    with pytest.raises(ConfigError, match="--share"):
        corpus_shares(corpora, stated)
