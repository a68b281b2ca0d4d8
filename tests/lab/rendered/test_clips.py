"""Rendered clips on disk, with frames made up in place of the drawing."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
import torch
from scipy import sparse

from benchmark_examples import swaying
from lab.rendered import filming
from lab.rendered.benchmark import rendered_cases, rendered_sets
from lab.rendered.bodies import Body
from lab.rendered.clips import Detections, read_clips
from lab.rendered.detector import detector_errors, write_detector_errors
from lab.rendered.filming import render_benchmark
from lab.rendered.rendering import Frame, Studio
from lab.rendered.scenes import SIZE_PX
from vimoflow.data.recording import Recording
from vimoflow.data.shards import read_shards, write_shard
from vimoflow.errors import ConfigError, InputError
from vimoflow.evaluation.benchmark.benchmark_file import ClipSet, Manifest
from vimoflow.evaluation.benchmark.scores import Posed
from vimoflow.evaluation.metrics import paired as metrics
from vimoflow.geometry.cameras import camera_heading, project
from vimoflow.geometry.rotations import rotation_about
from vimoflow.motion.skeleton import COCO_LIMBS, coco

EMPTY = sparse.csr_matrix((17, 3))


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    rows = [Recording(f"r{i}", "c", "validation", swaying(20, i)) for i in range(3)]
    write_shard(rows, folder, "CC BY 4.0", "https://example.org")
    return read_shards(folder, "validation")


class _Studio(Studio):
    """Grey pictures; a wall half a metre in front of the camera in the left half of each."""

    filmed: ClassVar[list[str]] = []
    stop_after = 99

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def film(self, scene, body):
        if len(self.filmed) >= self.stop_after:
            raise KeyboardInterrupt
        self.filmed.append(scene.name)
        depth = np.zeros((SIZE_PX, SIZE_PX))
        depth[:, : SIZE_PX // 2] = 0.5
        for _ in range(len(scene.motion)):
            yield Frame(np.full((SIZE_PX, SIZE_PX, 3), 99, np.uint8), depth, np.zeros((3, 3)))


@pytest.fixture
def studio(monkeypatch):
    _Studio.filmed, _Studio.stop_after = [], 99
    body = Body(
        np.zeros((3, 3)), np.array([[0, 1, 2]]), np.zeros(3, int), sparse.csr_matrix((3, 96)), EMPTY
    )
    monkeypatch.setattr(filming, "Studio", _Studio)
    monkeypatch.setattr(filming, "load_people", lambda folder: [body])
    return _Studio


@pytest.fixture
def rendered(studio, shards, tmp_path) -> Path:
    render_benchmark(shards, tmp_path, 2, 0)
    return tmp_path


def test_a_stopped_run_goes_on_where_it_was(studio, shards, tmp_path):
    studio.stop_after = 1
    with pytest.raises(KeyboardInterrupt):
        render_benchmark(shards, tmp_path, 3, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["00-c.mp4", "00-c.truth.npz"]
    studio.stop_after = 99
    render_benchmark(shards, tmp_path, 3, 0)
    assert studio.filmed == ["00-c", "01-c", "02-c"]
    with pytest.raises(InputError, match="another seed"):
        render_benchmark(shards, tmp_path, 3, 1)


def test_what_is_read_is_what_was_filmed(rendered):
    found = read_clips(rendered)
    assert [clip.name for clip in found] == ["00-c", "01-c"]
    for clip in found:
        px = project(clip.camera, torch.from_numpy(clip.coco_world).float())[0]
        np.testing.assert_allclose(clip.coco_px, px.numpy(), atol=0.05)
        left = clip.coco_px[..., 0].round() < SIZE_PX // 2
        assert np.array_equal(clip.hidden, left)  # all of the body is behind the wall


def test_cases_of_rendered_clips_see_the_truth_from_the_camera(rendered):
    found = read_clips(rendered)
    for case, clip in zip(rendered_cases(found, "truth"), found, strict=True):
        limbs = torch.from_numpy(case.truth_coco).double()[:, list(COCO_LIMBS)]
        posed = Posed.of(case.truth).coco[:, list(COCO_LIMBS)]
        assert float(metrics.mpjpe(posed, limbs, root=())) < 0.05
        assert case.static_camera == clip.static_camera and case.source == "truth"
        # The same camera in the turned world has no heading and sees the same.
        back = rotation_about("y", torch.tensor(clip.heading))
        turned = dataclasses.replace(clip.camera, R_camera_world=clip.camera.R_camera_world @ back)
        assert float(camera_heading(turned.R_camera_world[0])) == pytest.approx(0, abs=1e-5)
        px = project(turned, torch.from_numpy(case.truth_coco))[0]
        np.testing.assert_allclose(px.numpy(), clip.coco_px, atol=0.05)


def test_the_manifest_names_sources_and_titles(rendered):
    wanted = (
        ClipSet("rendered", "truth", limit=1),
        ClipSet("rendered", "truth", "b", names=("01-c",)),
    )
    sets = rendered_sets(Manifest("m", wanted), rendered)
    assert [[case.name[:4] for case in named.cases] for named in sets] == [["00-c"], ["01-c"]]
    assert [named.title for named in sets] == ["rendered, truth", "b"]
    with pytest.raises(ConfigError, match="vimoflow evaluate"):
        rendered_sets(Manifest("m", (ClipSet("aistpp", "truth"),)), rendered)


def test_a_damaged_clip_is_refused(rendered):
    (rendered / "00-c.truth.npz").write_bytes(b"torn")
    with pytest.raises(InputError, match="delete it"):
        read_clips(rendered)


def _detect(monkeypatch, change):
    def found(clip):
        points = np.concatenate((clip.coco_px, np.ones((*clip.coco_px.shape[:2], 1))), axis=-1)
        return Detections(change(clip, points), np.zeros((len(points), 33, 3)))

    monkeypatch.setattr("lab.rendered.detector.detections", found)


def test_a_perfect_detector_has_no_error(rendered, monkeypatch):
    _detect(monkeypatch, lambda clip, points: points)
    for joint in detector_errors(read_clips(rendered)).joints:
        for size in (joint.median_px, joint.hidden_median_mm, joint.bias_down_mm):
            assert np.isnan(size) or abs(size) < 1e-6
        assert joint.missing == 0 or joint.n == 0


def test_a_constant_offset_comes_out_as_bias(rendered, monkeypatch):
    """Hips 30 mm too low and 20 mm too far apart, at the person's distance."""

    def change(clip, points):
        hips = [coco("left_hip"), coco("right_hip")]
        depth = project(clip.camera, torch.from_numpy(clip.coco_world).float())[1].numpy()
        scale = (clip.camera.focal_px.numpy() / depth[:, hips].mean(1))[:, None]
        apart = clip.coco_px[:, hips[0]] - clip.coco_px[:, hips[1]]
        unit = apart / np.linalg.norm(apart, axis=1, keepdims=True)
        points[:, hips[0], :2] += 0.02 * scale * unit
        points[:, hips[1], :2] -= 0.02 * scale * unit
        points[:, hips, 1] += 0.03 * scale
        points[: len(points) // 2, coco("nose"), 2] = 0
        return points

    _detect(monkeypatch, change)
    found = read_clips(rendered)
    found = [dataclasses.replace(clip, hidden=np.zeros_like(clip.hidden)) for clip in found]
    errors = {joint.name: joint for joint in detector_errors(found).joints}
    left, right = errors["left_hip"], errors["right_hip"]
    # Where the hips are not level the outward direction shares a little of the offset downwards,
    # with opposite sign on both sides.
    assert (left.bias_outward_mm + right.bias_outward_mm) / 2 == pytest.approx(20, abs=0.5)
    assert (left.bias_down_mm + right.bias_down_mm) / 2 == pytest.approx(30, abs=0.5)
    assert errors["left_knee"].bias_down_mm == pytest.approx(0, abs=1e-6)
    assert errors["nose"].missing == pytest.approx(0.5, abs=0.05)


def test_the_table_and_the_file_agree(rendered, monkeypatch, tmp_path):
    _detect(monkeypatch, lambda clip, points: points + np.array([3.0, 4.0, 0.0]))
    errors = detector_errors(read_clips(rendered))
    table = write_detector_errors(errors, tmp_path / "out")
    assert len(table.splitlines()) == 19 and "nan" not in table
    assert {line.count("|") for line in table.splitlines()} == {14}
    fields = json.loads((tmp_path / "out" / "detector.json").read_text("utf-8"))
    visible = [j for j in fields["joints"].values() if j["median_px"] is not None]
    assert visible and all(j["median_px"] == pytest.approx(5, abs=1e-3) for j in visible)
