"""What newcomers do wrong first, each ending in a line that says what to do; pictures turned."""

from __future__ import annotations

import json

import numpy as np
import pytest

from vimoflow.keypoints.keypoint_writers import write_keypoints
from vimoflow.keypoints.posture import turned
from vimoflow.pipeline.generate_options import GenerateOptions
from vimoflow.pipeline.inputs import read_source
from vimoflow.video import VideoWriter

FAST = ("--steps", "2", "--no-refine", "--formats", "npz")


def test_a_stated_rate_wins(run, keypoint_file, assert_refused, tmp_path):
    film = keypoint_file(24, fps=24_000 / 1001)
    assert_refused("states its own times (23.976 Hz on average)", film, "--fps", 30, *FAST)
    for options in ((), ("--fps", 23.98)):
        assert run("generate", film, "-o", tmp_path / "out", *options, *FAST)[0] == 0
        rate = float(np.load(tmp_path / "out" / "motion.npz")["mocap_framerate"])
        assert rate == pytest.approx(23.976, abs=1e-3)


def test_the_way_that_the_refusal_names_can_be_followed(run, keypoint_file, tmp_path):
    film = keypoint_file(24, fps=24.0)
    other = tmp_path / "out.json"
    assert run("keypoints", "convert", film, other, "--to", "vimoflow", "--fps", 30)[0] == 0
    assert run("generate", other, "-o", tmp_path / "out", "--fps", 30, *FAST)[0] == 0


def test_a_rate_is_taken_where_none_is_stated(run, swaying_keypoints, tmp_path):
    write_keypoints([swaying_keypoints(20)], tmp_path / "frames", "openpose")
    code, _ = run("generate", tmp_path / "frames", "-o", tmp_path / "out", "--fps", 50, *FAST)
    assert code == 0
    assert float(np.load(tmp_path / "out" / "motion.npz")["mocap_framerate"]) == 50.0


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_who_lies_on_the_side_gets_a_hint_that_works(run, swaying_keypoints, tmp_path, degrees):
    upright = swaying_keypoints(20)
    for name, one in (("up", upright), ("side", turned(upright, degrees))):
        write_keypoints([one], tmp_path / f"{name}.json", "vimoflow")
    run("generate", tmp_path / "side.json", "-o", tmp_path / "lying", *FAST)
    record = json.loads((tmp_path / "lying" / "run.json").read_text())
    (hint,) = record["input"]["warnings"]
    assert f"--rotate {360 - degrees} puts it upright" in hint
    run("generate", tmp_path / "up.json", "-o", tmp_path / "a", *FAST)
    run("generate", tmp_path / "side.json", "-o", tmp_path / "b", "--rotate", 360 - degrees, *FAST)
    a, b = (np.load(tmp_path / name / "motion.npz")["joints"] for name in "ab")
    np.testing.assert_allclose(a, b, atol=1e-3)
    assert json.loads((tmp_path / "b" / "run.json").read_text())["input"]["warnings"] == []


def test_notes_of_readers_stand_in_the_record(run, swaying_keypoints, tmp_path):
    write_keypoints([swaying_keypoints(20)], tmp_path / "frames", "openpose")
    for path in (tmp_path / "frames").iterdir():
        document = json.loads(path.read_text())
        for person in document["people"]:
            values = person["pose_keypoints_2d"]
            person["pose_keypoints_2d"] = [v for n, v in enumerate(values) if n % 3 < 2]
        path.write_text(json.dumps(document))
    run("generate", tmp_path / "frames", "-o", tmp_path / "out", "--fps", 30, *FAST)
    warnings = json.loads((tmp_path / "out" / "run.json").read_text())["input"]["warnings"]
    assert len(warnings) == 1 and "states no confidence" in warnings[0]


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ((0.0, None), "in 61 min of video (--start and --end take a part)"),
        ((60.0, 1200.0), "in 19 min of video"),
        ((0.0, 30.0), "finding keypoints"),
    ],
)
def test_a_long_video_is_announced(tmp_path, part, said):
    path = tmp_path / "long.mp4"
    with VideoWriter(path, (32, 32), 0.1) as writer:
        for number in range(366):
            writer.write(np.zeros((32, 32, 3), np.uint8), 10.0 * number)
    labels = []

    def stop(label):
        labels.append(label)
        raise KeyboardInterrupt

    options = GenerateOptions(start_s=part[0], end_s=part[1])
    with pytest.raises(KeyboardInterrupt):
        read_source(path, options, stop)
    assert said in labels[0] and ("min" in said) == ("min" in labels[0])


def test_wrong_folders_and_files(assert_refused, tmp_path):
    (tmp_path / "clips").mkdir()
    (tmp_path / "clips" / "dance.mp4").write_bytes(b"x")
    assert_refused("name a file in it, such as 'dance.mp4'", tmp_path / "clips", *FAST)
    (tmp_path / "essay.pdf").write_text("%PDF-1.4 dear reader")
    assert_refused("not a video file", tmp_path / "essay.pdf", *FAST)
    (tmp_path / "walk.bvh").write_text("HIERARCHY\nROOT Hips\n")
    assert_refused("`vimoflow edit` takes motions", tmp_path / "walk.bvh", *FAST)


@pytest.mark.parametrize("options", [("--offsets", "0,1,2"), ("--offsets", "0")])
def test_offsets_are_counted_before_anything_is_read(assert_refused, tmp_path, options):
    unread = tmp_path / "left.mp4"
    unread.write_text("no video")
    assert_refused("--offsets", unread, unread, "--views", *options)


def test_one_input_is_not_several_views(keypoint_file, assert_refused):
    assert_refused("--views: takes 2 to 9 inputs, not 1", keypoint_file(20), "--views", *FAST)


def test_a_folder_of_something_else_names_a_file_of_it(assert_refused, tmp_path):
    (tmp_path / "takes" / "a folder").mkdir(parents=True)
    (tmp_path / "takes" / "walk.mp4").write_text("no video")
    assert_refused("such as 'walk.mp4'", tmp_path / "takes", *FAST)
