"""Reference 3D from several cameras: synthetic rigs, files, and AIST++'s own triangulation."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from lab.calibrated.calibrations import Calibration, read_calibration
from lab.calibrated.reference import (
    reference_from_views,
    save_reference,
)
from lab.calibrated.triangulation import project_with_lens
from lab.corpora import aistpp_files as aistpp
from vimoflow.errors import InputError
from vimoflow.keypoints.formats import write_keypoints_json
from vimoflow.keypoints.sequence import Keypoints2D

TOML = "\n".join(
    f'[c{i}]\nname = "c{i}"\nsize = [1920, 1080]\nmatrix = [[1000.0, 0.0, 960.0], '
    f"[0.0, 1000.0, 540.0], [0.0, 0.0, 1.0]]\ndistortions = [-0.1, 0.0, 0.0, 0.0]\n"
    f"rotation = [0.0, {0.7 * i}, 0.0]\ntranslation = [0.0, 0.0, 4.0]\n"
    for i in range(3)
)


@pytest.fixture
def rig(tmp_path) -> tuple[Calibration, list[Keypoints2D], np.ndarray]:
    path = tmp_path / "Calib.toml"
    path.write_text(TOML)
    calibration = read_calibration(path)
    points = 0.4 * np.random.default_rng(0).normal(size=(6, 17, 3))
    pixels = project_with_lens(calibration.cameras, torch.from_numpy(points)).numpy()
    views = [
        Keypoints2D(
            np.concatenate((pixels[:, v], np.full((6, 17, 1), 0.9)), -1), np.arange(6) / 50,
            (1920, 1080), f"dance_c{v}.json",
        )
        for v in range(3)
    ]  # fmt: skip
    return calibration, views, points


def test_points_come_back_whatever_the_order_of_the_views(rig):
    calibration, views, points = rig
    for order in ((0, 1, 2), (2, 0, 1), (2, 1)):
        reference = reference_from_views([views[i] for i in order], calibration)
        np.testing.assert_allclose(reference.points_world, points, atol=1e-5)
        assert reference.cameras == tuple(f"c{i}" for i in order)
        assert reference.fps == pytest.approx(50) and reference.found == 1.0
        assert (reference.views_used == len(order)).all()


def test_views_without_names_come_in_order_and_are_cut(rig):
    calibration, views, points = rig
    plain = [dataclasses.replace(v, source="video.json") for v in views]
    plain[1] = dataclasses.replace(
        plain[1], points=plain[1].points[:4], timestamps=plain[1].timestamps[:4]
    )
    reference = reference_from_views(plain, calibration)
    np.testing.assert_allclose(reference.points_world, points[:4], atol=1e-5)


def test_what_does_not_fit_is_refused(rig):
    calibration, views, _ = rig
    with pytest.raises(InputError, match="at least 2"):
        reference_from_views(views[:1], calibration)
    with pytest.raises(InputError, match=r"name the files after their cameras \(c0, c1, c2\)"):
        reference_from_views([dataclasses.replace(v, source="x") for v in views[:2]], calibration)
    slow = dataclasses.replace(views[1], timestamps=views[1].timestamps * 2)
    with pytest.raises(InputError, match=r"dance_c1\.json: 25 Hz"):
        reference_from_views([views[0], slow], calibration)
    small = dataclasses.replace(views[1], image_size=(1280, 720))
    with pytest.raises(InputError, match="1280x720"):
        reference_from_views([views[0], small], calibration)
    wrong = [
        dataclasses.replace(v, points=v.points + np.array([0, 300.0 * i * (-1) ** i, 0]))
        for i, v in enumerate(views)
    ]
    with pytest.raises(InputError, match="no point is seen"):
        reference_from_views(wrong, calibration)


def test_a_file_holds_what_was_found(rig, tmp_path):
    calibration, views, _ = rig
    reference = reference_from_views(views, calibration)
    save_reference(reference, tmp_path / "r.npz")
    with np.load(tmp_path / "r.npz", allow_pickle=False) as again:
        np.testing.assert_array_equal(again["points"], reference.points_world)
        np.testing.assert_array_equal(again["reprojection_px"], reference.reprojection_px)
        assert (
            again["cameras"].tolist() == list(reference.cameras) and again["fps"] == reference.fps
        )
    assert [p.name for p in tmp_path.glob("*.partial")] == []


def test_the_command(rig, tmp_path):
    from lab.cli.triangulate import triangulate
    from vimoflow.cli.commands import command as made

    _, views, points = rig
    files = []
    for view in views:
        files.append(str(tmp_path / view.source))
        write_keypoints_json(view, files[-1])
    app = made(triangulate, "triangulate")
    out = tmp_path / "made" / "reference.npz"
    calibration = str(tmp_path / "Calib.toml")
    result = CliRunner().invoke(app, [*files, "--calibration", calibration, "-o", str(out)])
    assert result.exit_code == 0, result.output
    assert "6 frames from 3 views, 100.0 % of the points" in result.output
    with np.load(out) as made:
        np.testing.assert_allclose(made["points"], points, atol=1e-4)


def test_agrees_with_the_triangulation_of_aist(shared_data):
    """Nine views of real detections; AIST++'s own points are smoothed and optimised besides."""
    folder, name = shared_data / "aistpp", "gJS_sFM_cAll_d02_mJS4_ch09"
    setting = aistpp.read_camera_mapping(folder / "cameras")[name]
    scaling = aistpp.read_motion(folder / "motions" / f"{name}.pkl").scaling
    calibration = read_calibration(folder / "cameras" / f"{setting}.json").in_metres(1 / scaling)
    detections = aistpp.read_keypoints2d(folder / "keypoints2d" / f"{name}.pkl")[:, ::20]
    published = aistpp.read_keypoints3d(folder / "keypoints3d" / f"{name}.pkl")[::20] / scaling
    views = [
        Keypoints2D(points, np.arange(len(points)) / 3, (1920, 1080), camera)
        for points, camera in zip(detections, calibration.names, strict=True)
    ]
    reference = reference_from_views(views, calibration)
    error = 1000 * np.linalg.norm(reference.points_world - published, axis=-1)
    assert reference.found > 0.98
    # Measured on all frames: median 10 mm, mean 20 mm, most at the forearms.
    assert np.nanmedian(error) < 12 and np.nanmean(error) < 24 and np.nanquantile(error, 0.95) < 75
    assert np.nanmedian(reference.reprojection_px) < 9
