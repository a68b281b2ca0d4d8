"""Calibrations of every format against OpenCV's projection; what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation

from lab.calibrated.calibrations import Calibration, read_calibration
from lab.calibrated.triangulation import project_with_lens
from vimoflow.errors import ConfigError, InputError

RIG = {
    "cam_01": ([[1210.5, 0, 950.0], [0, 1205.5, 545.0], [0, 0, 1]], [-0.1, 0.02, 1e-3, -2e-3],
               [0.1, -0.4, 0.05], [0.2, -0.1, 4.0]),
    "cam_02": ([[1300.0, 0, 961.0], [0, 1301.0, 538.0], [0, 0, 1]], [0.05, -0.01, 0.0, 1e-3],
               [-0.2, 0.7, 0.0], [-0.5, 0.3, 4.5]),
}  # fmt: skip
POINTS = 0.5 * np.random.default_rng(0).normal(size=(20, 3))


def expected(name: str, points: np.ndarray = POINTS) -> np.ndarray:
    matrix, lens, rotation, translation = map(np.array, RIG[name])
    return cv2.projectPoints(points, rotation, translation, matrix, lens)[0][:, 0]


def check(calibration: Calibration, names: tuple[str, ...]) -> None:
    assert calibration.names == names
    pixels = project_with_lens(calibration.cameras, torch.from_numpy(POINTS))
    for row, name in enumerate(RIG):
        np.testing.assert_allclose(pixels[row], expected(name), atol=1e-6)


def toml(rig: dict = RIG, extra: str = "fisheye = false") -> str:
    tables = [
        f'[{name}]\nname = "{name}"\nsize = [1920, 1080]\nmatrix = {json.dumps(matrix)}\n'
        f"distortions = {lens}\nrotation = {rotation}\ntranslation = {translation}\n{extra}\n"
        for name, (matrix, lens, rotation, translation) in rig.items()
    ]
    return "\n".join([*tables, "[metadata]\nadjusted = false\nerror = 0.0\n"])


def write_opencv(path: Path, fields: dict) -> None:
    storage = cv2.FileStorage(str(path), cv2.FILE_STORAGE_WRITE)
    for name, value in fields.items():
        storage.write(name, np.array(value, float) if isinstance(value, list) else value)
    storage.release()


def test_pose2sim_and_anipose_toml(tmp_path):
    path = tmp_path / "Calib.toml"
    path.write_text(toml())
    calibration = read_calibration(path)
    check(calibration, ("cam_01", "cam_02"))
    assert calibration.sizes == ((1920, 1080), (1920, 1080))


def test_a_size_that_is_none_is_not_known(tmp_path):
    path = tmp_path / "Calib.toml"
    path.write_text(toml().replace("[1920, 1080]", "[inf, 1080]"))
    assert read_calibration(path).sizes is None or None in read_calibration(path).sizes


@pytest.mark.parametrize("rotation", ["vector", "matrix"])
def test_opencv_yaml_with_names(tmp_path, rotation):
    fields = {}
    for name, (matrix, lens, rotvec, translation) in RIG.items():
        R = Rotation.from_rotvec(rotvec).as_matrix().tolist()
        fields[f"K_{name}"], fields[f"dist_{name}"] = matrix, [[x] for x in lens]
        fields[f"Rot_{name}" if rotation == "matrix" else f"R_{name}"] = (
            R if rotation == "matrix" else [[x] for x in rotvec]
        )
        fields[f"T_{name}"] = [[x] for x in translation]
    write_opencv(tmp_path / "cameras.yml", fields)
    check(read_calibration(tmp_path / "cameras.yml"), ("cam_01", "cam_02"))


def test_a_folder_of_opencv_yaml(tmp_path):
    for name, (matrix, lens, rotvec, translation) in RIG.items():
        write_opencv(
            tmp_path / f"{name}.yaml",
            {"image_width": 1920, "image_height": 1080, "camera_matrix": matrix,
             "distortion_coefficients": [lens], "rvec": [[x] for x in rotvec],
             "tvec": [[x] for x in translation]},
        )  # fmt: skip
    calibration = read_calibration(tmp_path)
    check(calibration, ("cam_01", "cam_02"))
    assert calibration.sizes == ((1920, 1080), (1920, 1080))


def test_opencv_stereo(tmp_path):
    first, second = RIG.values()
    R1, R2 = (Rotation.from_rotvec(c[2]).as_matrix() for c in (first, second))
    R = R2 @ R1.T
    T = np.array(second[3]) - R @ np.array(first[3])
    write_opencv(
        tmp_path / "stereo.yml",
        {"M1": first[0], "D1": [first[1]], "M2": second[0], "D2": [second[1]],
         "R": R.tolist(), "T": [[x] for x in T]},
    )  # fmt: skip
    calibration = read_calibration(tmp_path / "stereo.yml")
    in_first = torch.from_numpy(POINTS @ R1.T + first[3])  # the world is the first camera's frame
    pixels = project_with_lens(calibration.cameras, in_first)
    np.testing.assert_allclose(pixels[0], expected("cam_01"), atol=1e-6)
    np.testing.assert_allclose(pixels[1], expected("cam_02"), atol=1e-6)


def test_aist_json(tmp_path):
    views = [
        {"name": name, "size": [1920, 1080], "matrix": m, "distortions": [*d, 0.0], "rotation": r,
         "translation": t}
        for name, (m, d, r, t) in RIG.items()
    ]  # fmt: skip
    (tmp_path / "setting1.json").write_text(json.dumps(views))
    check(read_calibration(tmp_path / "setting1.json"), ("cam_01", "cam_02"))


@pytest.mark.parametrize(("up", "axis"), [("y", 1), ("-y", 1), ("z", 2)])
def test_worlds_are_turned_upright_and_scaled(tmp_path, up, axis):
    (tmp_path / "c.toml").write_text(toml())
    source = read_calibration(tmp_path / "c.toml")
    metric = source.in_metres(0.001, up)
    world_up = np.zeros(3)
    world_up[axis] = -1.0 if up == "-y" else 1.0
    # The point that is one unit along the source's up is a millimetre along +Y.
    there = project_with_lens(source.cameras, torch.from_numpy(world_up[None]))
    here = project_with_lens(metric.cameras, torch.tensor([[0.0, 0.001, 0.0]]).double())
    torch.testing.assert_close(here, there)
    torch.testing.assert_close(
        torch.linalg.det(metric.cameras.R_camera_world), torch.ones(2).double()
    )


def test_cameras_are_selected_by_name(tmp_path):
    (tmp_path / "c.toml").write_text(toml())
    swapped = read_calibration(tmp_path / "c.toml").select(("cam_02", "cam_01"))
    pixels = project_with_lens(swapped.cameras, torch.from_numpy(POINTS))
    np.testing.assert_allclose(pixels[0], expected("cam_02"), atol=1e-6)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not toml at all [", "cannot be read as TOML"),
        ("", "holds 0 cameras"),
        (toml({"only": RIG["cam_01"]}), "holds 1 cameras"),
        (toml(extra="fisheye = true"), "fisheye"),
        (toml().replace("matrix", "matrices"), "holds 0 cameras"),
        (toml().replace("translation", "shift"), "no 'T'"),
        (toml().replace("1210.5", '"wide"'), "no matrix"),
        (toml().replace("1210.5", "nan"), "finite"),
        (toml().replace("1210.5", "-1210.5"), "no valid camera matrix"),
        (toml().replace("rotation = [0.1, ", "rotation = ["), "2 numbers"),
    ],
)
def test_bad_files_are_refused(tmp_path, text, message):
    path = tmp_path / "Calib.toml"
    path.write_text(text)
    with pytest.raises(InputError, match=message) as error:
        read_calibration(path)
    assert str(path) in str(error.value) and "\n" not in str(error.value)


def test_other_bad_paths_are_refused(tmp_path):
    with pytest.raises(InputError, match="no such"):
        read_calibration(tmp_path / "none.toml")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(InputError, match="ends in"):
        read_calibration(tmp_path / "a.txt")
    (tmp_path / "bad.yml").write_bytes(b"\x00\x01 nothing: [")
    with pytest.raises(InputError, match=r"bad\.yml"):
        read_calibration(tmp_path / "bad.yml")
    (tmp_path / "c.toml").write_text(toml())
    calibration = read_calibration(tmp_path / "c.toml")
    with pytest.raises(ConfigError, match="unit"):
        calibration.in_metres(0.0)
    with pytest.raises(ConfigError, match="up"):
        calibration.in_metres(1.0, "x")
