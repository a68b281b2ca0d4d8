"""AIST++ files: plain pickles are read, hostile and damaged ones refused in one line."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lab.corpora import aistpp_files as aistpp
from vimoflow.errors import InputError

READERS: list[Callable[[Path], Any]] = [
    aistpp.read_motion,
    aistpp.read_keypoints2d,
    aistpp.read_keypoints3d,
]


def write_pickle(path: Path, data: object, protocol: int = 4) -> Path:
    path.write_bytes(pickle.dumps(data, protocol=protocol))
    return path


def refused(path: Path, read: Callable[[Path], Any]) -> str:
    with pytest.raises(InputError) as caught:
        read(path)
    message = str(caught.value)
    assert str(path) in message and "\n" not in message
    return message


class RunsCode:
    """What an attacker would put into a pickle."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return os.mkdir, (str(self.marker),)


@pytest.mark.parametrize("read", READERS)
def test_a_pickle_that_runs_code_is_refused_and_does_not_run(
    tmp_path: Path, read: Callable[[Path], Any]
) -> None:
    marker = tmp_path / "was here"
    hostile = {"smpl_poses": np.zeros((2, 72)), "x": RunsCode(marker)}
    path = write_pickle(tmp_path / "bad.pkl", hostile)
    assert "not allowed" in refused(path, read)
    assert not marker.exists()
    pickle.loads(path.read_bytes())
    assert marker.exists()  # plain pickle would have run it


@pytest.mark.parametrize("name", ["eval", "getattr", "__import__"])
def test_builtins_are_refused_by_name(tmp_path: Path, name: str) -> None:
    path = tmp_path / "bad.pkl"
    path.write_bytes(f"cbuiltins\n{name}\n(S'1'\ntR.".encode())
    assert f"builtins.{name} is not allowed" in refused(path, aistpp.read_motion)


@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.99])
def test_cut_pickles_are_refused(tmp_path: Path, share: float) -> None:
    whole = pickle.dumps({"keypoints2d": np.ones((9, 4, 17, 3))})
    path = tmp_path / "cut.pkl"
    path.write_bytes(whole[: int(share * len(whole))])
    refused(path, aistpp.read_keypoints2d)


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04", b"\x80\x04K\x07.", bytes(range(64))])
def test_other_files_are_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "other.pkl"
    path.write_bytes(data)
    refused(path, aistpp.read_motion)


def test_missing_files_are_said(tmp_path: Path) -> None:
    for read in (*READERS, aistpp.read_cameras, aistpp.read_name_list):
        refused(tmp_path / "none.pkl", read)
    with pytest.raises(InputError, match=r"mapping\.txt"):
        aistpp.read_camera_mapping(tmp_path)


def good_motion() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {
        "smpl_poses": rng.normal(size=(6, 72)).astype(np.float32),
        "smpl_trans": rng.normal(size=(6, 3)),
        "smpl_scaling": np.array([91.5]),
        "smpl_loss": np.float64(0.25),
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("smpl_poses", None),
        ("smpl_poses", np.zeros((6, 69))),
        ("smpl_poses", "a text"),
        ("smpl_trans", np.zeros((6, 2))),
        ("smpl_scaling", np.array([0.0])),
        ("smpl_scaling", np.array([np.nan])),
        ("smpl_scaling", None),
        ("smpl_scaling", np.array([])),
        ("smpl_poses", np.zeros(72)),
        ("smpl_poses", np.zeros((0, 72))),
        ("smpl_poses", np.full((6, 72), np.nan)),
        ("smpl_trans", np.zeros((5, 3))),
        ("smpl_trans", np.full((6, 3), np.inf)),
    ],
)
def test_wrong_fields_are_named(tmp_path: Path, field: str, value: object) -> None:
    path = write_pickle(tmp_path / "m.pkl", {**good_motion(), field: value})
    assert field in refused(path, aistpp.read_motion)


@pytest.mark.parametrize("protocol", [2, 4])
def test_motion_comes_back(tmp_path: Path, protocol: int) -> None:
    data = good_motion()
    motion = aistpp.read_motion(write_pickle(tmp_path / "m.pkl", data, protocol))
    np.testing.assert_allclose(motion.poses, data["smpl_poses"].reshape(6, 24, 3))
    np.testing.assert_allclose(motion.trans, data["smpl_trans"])
    assert motion.scaling == 91.5


def test_missing_detections_become_zeros(tmp_path: Path) -> None:
    points = np.random.default_rng(0).uniform(1, 2, (9, 5, 17, 3))
    points[2, 3] = np.nan
    points[4, 1, 7, 0] = np.inf  # half a point is no point
    read = aistpp.read_keypoints2d(write_pickle(tmp_path / "k.pkl", {"keypoints2d": points}))
    missing = ~np.isfinite(points).all(-1)
    assert missing.sum() == 18 and not read[missing].any()
    np.testing.assert_array_equal(read[~missing], points[~missing])


def test_missing_3d_points_stay_nan(tmp_path: Path) -> None:
    points = np.ones((5, 17, 3))
    points[1] = np.nan
    path = write_pickle(tmp_path / "k.pkl", {"keypoints3d_optim": points})
    np.testing.assert_array_equal(aistpp.read_keypoints3d(path), points)
    refused(write_pickle(path, {"keypoints3d": points}), aistpp.read_keypoints3d)


def test_detections_without_views_are_refused(tmp_path: Path) -> None:
    path = write_pickle(tmp_path / "k.pkl", {"keypoints2d": np.zeros((5, 17, 3))})
    refused(path, aistpp.read_keypoints2d)


def test_cameras_mapping_and_name_lists(tmp_path: Path) -> None:
    view = {
        "name": "c01", "size": [1920, 1080], "matrix": np.diag([1500.0, 1500, 1]).tolist(),
        "rotation": [0.1, 0.2, 0.3], "translation": [0, 160, 500], "distortions": [0.0] * 5,
    }  # fmt: skip
    path = tmp_path / "setting1.json"
    path.write_text(json.dumps([view, {**view, "name": "c02"}]))
    cameras = aistpp.read_cameras(path)
    assert [camera.name for camera in cameras] == ["c01", "c02"]
    assert cameras[0].size == (1920, 1080) and cameras[0].matrix[1, 1] == 1500
    np.testing.assert_array_equal(cameras[1].translation, [0, 160, 500])
    path.write_text(json.dumps([{**view, "rotation": [1, 2]}]))
    refused(path, aistpp.read_cameras)
    path.write_text("[1")
    refused(path, aistpp.read_cameras)
    (tmp_path / "mapping.txt").write_text("a setting1\nb setting2\n\n")
    assert aistpp.read_camera_mapping(tmp_path) == {"a": "setting1", "b": "setting2"}
    (tmp_path / "split.txt").write_text("a\nb\n")
    assert aistpp.read_name_list(tmp_path / "split.txt") == {"a", "b"}
