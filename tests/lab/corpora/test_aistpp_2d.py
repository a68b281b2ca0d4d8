"""AIST++ detections as motions: against the SMPL fits of a sequence that has both."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import torch

from lab.corpora.aistpp import read_aistpp_file
from lab.corpora.aistpp_2d import cameras_beside, read_aistpp_2d_file
from vimoflow.errors import InputError
from vimoflow.evaluation.metrics.paired import pa_mpjpe
from vimoflow.motion.skeleton import COCO_LIMBS, joint

D02 = "gJS_sFM_cAll_d02_mJS4_ch09"
JOINTS = [joint(f"{s}_{n}") for s in ("left", "right") for n in (
    "hip", "knee", "ankle", "shoulder", "elbow", "wrist")]  # fmt: skip


def write_piece(source, folder, frames, spoil=None):
    """The first ``frames`` (60 fps) of a file of detections, beside its cameras."""
    data = pickle.loads(source.read_bytes())
    keypoints = data["keypoints2d"][:, :frames].copy()
    if spoil is not None:
        keypoints[:, spoil] = np.nan
    path = folder / source.name
    path.write_bytes(pickle.dumps({**data, "keypoints2d": keypoints}))
    return path


@pytest.fixture
def folder(shared_data, tmp_path):
    (tmp_path / "cameras").symlink_to(shared_data / "aistpp" / "cameras")
    return tmp_path


def test_the_fit_comes_close_to_the_smpl_truth(shared_data, folder):
    path = write_piece(shared_data / "aistpp" / "keypoints2d" / f"{D02}.pkl", folder, 160)
    recording = read_aistpp_2d_file(path)
    truth = read_aistpp_file(shared_data / "aistpp" / "motions" / f"{D02}.pkl")
    ours = recording.motion.joint_positions[:, JOINTS]
    theirs = truth.motion.joint_positions[: len(ours), JOINTS]
    assert float(pa_mpjpe(torch.from_numpy(ours), torch.from_numpy(theirs))) < 35
    assert len(ours) == 80
    assert recording.keypoints_px.shape == (9, 80, 17, 3)
    np.testing.assert_allclose(recording.heading_of_view, truth.heading_of_view, atol=1e-6)
    assert recording.coco_truth is not None and truth.coco_truth is not None
    limbs = recording.coco_truth - truth.coco_truth[:80]
    assert np.median(np.linalg.norm(limbs[:, list(COCO_LIMBS)], axis=-1)) < 0.08


def test_what_does_not_triangulate_is_cut_off(shared_data, folder):
    source = shared_data / "aistpp" / "keypoints2d" / f"{D02}.pkl"
    recording = read_aistpp_2d_file(write_piece(source, folder, 180, spoil=slice(0, 40)))
    assert 60 <= len(recording.motion) <= 70
    assert recording.keypoints_px.shape[1] == len(recording.motion)
    with pytest.raises(InputError, match="at most"):
        read_aistpp_2d_file(write_piece(source, folder, 100))


def test_missing_cameras_are_one_line(tmp_path):
    with pytest.raises(InputError, match="'cameras'"):
        cameras_beside(tmp_path)
