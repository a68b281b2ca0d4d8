"""Clips in the thesis' shapes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from lab.corpora.aistpp import read_aistpp_file
from lab.thesis_clips import cut_thesis_clips, write_thesis_clips
from vimoflow.data.recording import Recording
from vimoflow.errors import InputError, OutputError
from vimoflow.geometry.rotations import axis_angle_to_matrix, geodesic_angle
from vimoflow.motion.clip import Motion
from vimoflow.motion.features import decode_features

BREAK, KRUMP = "gBR_sBM_cAll_d04_mBR0_ch01", "gKR_sBM_cAll_d28_mKR2_ch02"


def made_up(name: str = KRUMP, frames: int = 320, views: int | None = 3) -> Recording:
    rng = np.random.default_rng(0)
    motion = Motion(
        poses=rng.normal(scale=0.5, size=(frames, 24, 3)).astype(np.float32),
        trans=rng.normal(size=(frames, 3)).cumsum(0).astype(np.float32),
        fps=30.0,
        contacts=rng.integers(0, 2, (frames, 4)).astype(np.float32),
    )
    keypoints = headings = None
    if views is not None:
        keypoints = rng.uniform(100, 900, (views, frames, 17, 3)).astype(np.float32)
        keypoints[..., 2] = rng.uniform(0.1, 1, keypoints.shape[:-1])
        keypoints[1, 7, 9] = 0.0
        headings = np.zeros(views)
    return Recording(name, "aistpp", "train", motion, keypoints, headings)


def test_clips_have_the_thesis_shapes_and_hold_the_motion() -> None:
    recording = made_up()
    clips = cut_thesis_clips(recording)
    assert [clip.name for clip in clips] == [f"{KRUMP}_000", f"{KRUMP}_001"]
    for number, clip in enumerate(clips):
        assert clip.cond_2d.shape == (3, 150, 17, 3) and clip.m3d.shape == (150, 151)
        part = slice(150 * number, 150 * number + 150)
        R, contacts, root = decode_features(torch.from_numpy(clip.m3d))
        given = axis_angle_to_matrix(torch.from_numpy(recording.motion.poses[part]))
        assert geodesic_angle(R, given).max() < 2e-3
        np.testing.assert_array_equal(contacts.numpy(), recording.motion.contacts[part])
        trans = recording.motion.trans[part]
        np.testing.assert_array_equal(root[0, [0, 2]].numpy(), 0)
        np.testing.assert_allclose(root[:, 1].numpy(), trans[:, 1], atol=1e-6)
        np.testing.assert_allclose(np.diff(root.numpy(), axis=0), np.diff(trans, axis=0), atol=1e-5)


def test_the_condition_is_centred_on_the_hips_and_free_of_the_images_scale() -> None:
    recording = made_up()
    assert recording.keypoints_px is not None
    (first, _) = cut_thesis_clips(recording)
    hips = first.cond_2d[..., [11, 12], :2].mean(-2)
    np.testing.assert_allclose(hips, 0, atol=1e-4)
    np.testing.assert_allclose(first.cond_2d[..., 2], recording.keypoints_px[:, :150, :, 2])
    assert not first.cond_2d[1, 7, 9].any()  # missing stays missing
    recording.keypoints_px[..., :2] = 2 * recording.keypoints_px[..., :2] + 50
    (moved, _) = cut_thesis_clips(recording)
    np.testing.assert_allclose(moved.cond_2d, first.cond_2d, atol=1e-4)


def test_without_detections_there_are_no_views() -> None:
    (clip, _) = cut_thesis_clips(made_up(views=None))
    assert clip.cond_2d.shape == (0, 150, 17, 3)


def test_files_go_to_the_thesis_parts_and_leftovers_are_on_record(tmp_path: Path) -> None:
    recordings = [made_up(KRUMP, 320), made_up(BREAK, 150), made_up(BREAK[:-1] + "2", 149)]
    assert write_thesis_clips(recordings, tmp_path / "a") == 3
    files = sorted(str(p.relative_to(tmp_path / "a")) for p in (tmp_path / "a").rglob("*.*"))
    assert files == [
        "clips.json", f"test/{BREAK}_000.safetensors", f"train/{KRUMP}_000.safetensors",
        f"train/{KRUMP}_001.safetensors",
    ]  # fmt: skip
    rows = json.loads((tmp_path / "a" / "clips.json").read_text())
    assert [(r["split"], r["clips"], r["frames_left"]) for r in rows] == [
        ("train", 2, 20), ("test", 1, 0), ("test", 0, 149),
    ]  # fmt: skip
    arrays = load_file(tmp_path / "a" / files[1])
    (clip,) = cut_thesis_clips(recordings[1])
    np.testing.assert_array_equal(arrays["m3d"], clip.m3d)
    np.testing.assert_array_equal(arrays["cond_2d"], clip.cond_2d)
    write_thesis_clips(recordings, tmp_path / "b")
    for name in files:
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_what_cannot_be_split_or_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no AIST"):
        write_thesis_clips([made_up("a walk")], tmp_path / "a")
    with pytest.raises(InputError, match="there twice"):
        write_thesis_clips([made_up(), made_up()], tmp_path / "a")
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        write_thesis_clips([made_up()], tmp_path / "file")


def test_a_real_sequence_gives_nine_views(shared_data: Path) -> None:
    path = shared_data / "aistpp" / "motions" / "gBR_sBM_cAll_d04_mBR2_ch08.pkl"
    (clip,) = cut_thesis_clips(read_aistpp_file(path))
    assert clip.cond_2d.shape == (9, 150, 17, 3) and clip.cond_2d.dtype == np.float32
    assert np.isfinite(clip.cond_2d).all() and np.isfinite(clip.m3d).all()
    limbs = np.abs(clip.cond_2d[..., :2])[clip.cond_2d[..., 2] > 0.5]
    assert 0.1 < np.median(limbs) < 0.6 and limbs.max() < 3  # metres of the person
