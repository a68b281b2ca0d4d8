"""`vimoflow generate` from end to end with the checkpoint that ships: results, and bad input."""

from __future__ import annotations

import dataclasses
import json
import struct
import sys
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from vimoflow.cli.main import main
from vimoflow.diffusion.checkpoint import load_checkpoint
from vimoflow.formats.bvh import bvh_to_source_motion, read_bvh
from vimoflow.formats.motion_npz import load_motion_npz
from vimoflow.keypoints.formats import write_keypoints_json
from vimoflow.motion.skeleton import load_skeleton

FAST = ("--steps", "2", "--formats", "npz")


@pytest.fixture
def run(monkeypatch, capsys):
    """The command as a user gives it: exit code and what went to stderr."""

    def call(*arguments: object) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["vimoflow", *map(str, arguments)])
        code: object = 0
        try:
            code = main()
        except SystemExit as stop:
            code = stop.code
        return int(code or 0), capsys.readouterr().err  # type: ignore[call-overload]

    return call


@pytest.fixture
def keypoint_file(tmp_path, swaying_keypoints):
    def write(frames: int = 40, fps: float = 30.0, name: str = "dance.json", hide=()) -> Path:
        keypoints = swaying_keypoints(frames, fps)
        points = keypoints.points.copy()
        for start, end in hide:
            points[start:end] = 0.0
        path = tmp_path / name
        write_keypoints_json(dataclasses.replace(keypoints, points=points), path)
        return path

    return write


def write_video(path: Path, pictures, fps: float = 30, audio_only: bool = False) -> Path:
    with av.open(str(path), "w") as container:
        if audio_only:
            stream = container.add_stream("aac", rate=44100)
            sound = av.AudioFrame.from_ndarray(
                np.zeros((1, 44100), np.float32), format="fltp", layout="mono"
            )
            sound.sample_rate = 44100
            container.mux(stream.encode(sound))
        else:
            stream = container.add_stream("libx264", rate=Fraction(fps).limit_denominator(1001))
            stream.height, stream.width = pictures[0].shape[:2]
            stream.pix_fmt = "yuv420p"
            for picture in pictures:
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def dancer(shared_data: Path, count: int) -> list[np.ndarray]:
    with av.open(str(shared_data / "video" / "hiphop.mp4")) as container:
        stream = container.decode(video=0)
        return [next(stream).to_ndarray(format="rgb24")[::2, ::2].copy() for _ in range(count)]


def assert_refused(code: int, err: str, output: Path, word: str) -> None:
    lines = [line for line in err.splitlines() if line.startswith("vimoflow: ")]
    assert code == 2 and len(lines) == 1 and word in lines[0], err
    assert "Traceback" not in err
    assert not output.exists() or not list(output.iterdir())


def test_all_results_agree_within_a_millimetre(run, keypoint_file, tmp_path):
    out = tmp_path / "out"
    code, _ = run("generate", keypoint_file(24), "-o", out, "--steps", 2)
    assert code == 0
    names = {"motion.npz", "motion.bvh", "motion.glb", "preview.html", "preview.mp4", "run.json"}
    assert {path.name for path in out.iterdir()} == names
    motion = load_motion_npz(out / "motion.npz")
    source = bvh_to_source_motion(read_bvh(out / "motion.bvh"), 0.01)
    assert np.abs(source.p_world_joint[:, :1] - motion.joint_positions[:, :1]).max() < 1e-3
    index = [source.joint_names.index(n) for n in ("left_ankle", "right_wrist", "head")]
    ours = motion.joint_positions[:, [7, 21, 15]]
    assert np.abs(source.p_world_joint[:, index] - ours).max() < 1e-3
    document = json.loads((out / "run.json").read_text())
    assert document["checkpoint"]["terms"] == load_checkpoint("small").terms
    assert document["input"]["frames"] == 24 and document["quality"]["seen_percent"] == 100


def test_same_seed_same_bytes_and_another_seed_others(run, keypoint_file, tmp_path):
    source = keypoint_file(20)
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        formats = "npz,bvh,glb,html"
        arguments = ("-o", tmp_path / name, "--steps", 2, "--seed", seed, "--formats", formats)
        assert run("generate", source, *arguments)[0] == 0
    for file in ("motion.npz", "motion.bvh", "motion.glb", "preview.html"):
        a, b, c = ((tmp_path / name / file).read_bytes() for name in "abc")
        assert a == b and a != c


def test_samples_are_kept_and_the_best_is_on_top(run, keypoint_file, tmp_path):
    out = tmp_path / "out"
    assert run("generate", keypoint_file(20), "-o", out, "--samples", 3, *FAST)[0] == 0
    best = (out / "motion.npz").read_bytes()
    assert best == (out / "samples" / "00" / "motion.npz").read_bytes()
    assert len(list((out / "samples").iterdir())) == 3
    figures = json.loads((out / "run.json").read_text())["samples"]
    ranks = [f["reprojection_percent"] + 0.1 * (f["foot_slide_mm"] or 0) for f in figures]
    assert ranks == sorted(ranks)


def test_a_bad_input_does_not_stop_the_others(run, keypoint_file, tmp_path):
    good, bad = keypoint_file(12, name="good.json"), tmp_path / "bad.json"
    bad.write_text("{")
    (tmp_path / "two").mkdir()
    twin = tmp_path / "two" / "good.json"
    twin.write_bytes(good.read_bytes())
    code, err = run("generate", good, bad, twin, "-o", tmp_path / "out", *FAST)
    assert code == 2 and "bad.json" in err
    done = {path.name for path in (tmp_path / "out").iterdir() if list(path.iterdir())}
    assert done == {"good", "good_2"}


def test_inplace_height_and_cut(run, keypoint_file, tmp_path):
    out = tmp_path / "out"
    options = ("--root", "inplace", "--height", 1.9, "--start", 0.5, "--end", 1.0)
    assert run("generate", keypoint_file(60), "-o", out, *options, *FAST)[0] == 0
    motion = load_motion_npz(out / "motion.npz")
    assert len(motion) == 15 and np.ptp(motion.trans[:, [0, 2]]) == 0
    assert motion.skeleton.stature == pytest.approx(1.9, abs=1e-4)
    assert motion.skeleton.offsets[4] == pytest.approx(
        load_skeleton().offsets[4] * 1.9 / load_skeleton().stature, abs=1e-6
    )


@pytest.mark.parametrize(("frames", "fps"), [(1, 30.0), (2, 30.0), (40, 23.976), (90, 120.0)])
def test_one_pose_a_frame_at_any_rate(run, keypoint_file, tmp_path, frames, fps):
    out = tmp_path / "out"
    assert run("generate", keypoint_file(frames, fps), "-o", out, *FAST)[0] == 0
    motion = load_motion_npz(out / "motion.npz")
    assert len(motion) == frames and np.isfinite(motion.joint_positions).all()
    if frames > 1:
        assert motion.fps == pytest.approx(fps, rel=1e-4)
        assert motion.timestamps[-1] == pytest.approx((frames - 1) / fps, rel=1e-6)


def test_longer_than_a_window_without_seams(run, keypoint_file, tmp_path):
    out = tmp_path / "out"
    assert run("generate", keypoint_file(420), "-o", out, *FAST)[0] == 0
    motion = load_motion_npz(out / "motion.npz")
    steps = np.linalg.norm(np.diff(motion.joint_positions, axis=0), axis=-1).max(axis=1)
    assert len(motion) == 420 and steps.max() < 8 * np.median(steps) + 0.02


def test_a_person_who_leaves_is_filled_in_and_it_is_said(run, keypoint_file, tmp_path):
    out = tmp_path / "out"
    assert run("generate", keypoint_file(150, hide=[(45, 105)]), "-o", out, *FAST)[0] == 0
    motion = load_motion_npz(out / "motion.npz")
    assert not motion.observed[45:105].any() and motion.observed[:45].all()
    assert np.isfinite(motion.joint_positions).all()
    filled = json.loads((out / "run.json").read_text())["quality"]["filled"]
    assert filled == [[1.5, pytest.approx(3.467, abs=0.01)]]


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("missing.mp4", None, "no such file"),
        ("empty.mp4", b"", "empty"),
        ("text.mp4", b"this is a text about a video\n" * 50, "text.mp4"),
        ("keypoints.json", b"{]", "keypoints.json"),
        ("keypoints.npz", b"PK\x03\x04 no", "keypoints.npz"),
    ],
)
def test_files_that_are_nothing(run, tmp_path, name, content, word):
    path, out = tmp_path / name, tmp_path / "out"
    if content is not None:
        path.write_bytes(content)
    assert_refused(*run("generate", path, "-o", out), out, word)


def test_videos_without_a_picture_or_a_person(run, tmp_path):
    out = tmp_path / "out"
    silence = write_video(tmp_path / "sound.mp4", (), audio_only=True)
    assert_refused(*run("generate", silence, "-o", out, *FAST), out, "sound.mp4")
    black = write_video(tmp_path / "black.mp4", [np.zeros((120, 160, 3), np.uint8)] * 12)
    assert_refused(*run("generate", black, "-o", out, *FAST), out, "no person found")


def test_keypoints_without_confidence(run, keypoint_file, tmp_path):
    out = tmp_path / "out"
    path = keypoint_file(20, hide=[(0, 20)])
    assert_refused(*run("generate", path, "-o", out, *FAST), out, "confidence")


def test_output_that_cannot_be_written(run, keypoint_file, tmp_path):
    path = keypoint_file(10)
    code, err = run("generate", path, "-o", path / "out", *FAST)
    assert code == 2 and err.startswith("vimoflow: ") and err.count("\n") == 1


def test_checkpoints_that_cannot_be_used(run, keypoint_file, tmp_path):
    from vimoflow.diffusion.checkpoint import _resolve

    path, out = keypoint_file(10), tmp_path / "out"
    content = _resolve("small").read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"]["version"] = "99"
    other = json.dumps(header).encode()
    files = {
        "cut": content[: len(content) // 2],
        "garbled": b"\0" * 4096,
        "other": struct.pack("<Q", len(other)) + other + content[8 + length :],
    }
    words = {"cut": "damaged", "garbled": "damaged", "other": "version 99"}
    for name, data in files.items():
        checkpoint = tmp_path / f"{name}.safetensors"
        checkpoint.write_bytes(data)
        result = run("generate", path, "-o", out, "--checkpoint", checkpoint, *FAST)
        assert_refused(*result, out, words[name])
    assert_refused(*run("generate", path, "-o", out, "--checkpoint", "huge"), out, "huge")


def test_interrupted_writing_leaves_nothing(run, keypoint_file, tmp_path, monkeypatch):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("vimoflow.pipeline.generation._write_run", interrupt)
    out = tmp_path / "out"
    code, err = run("generate", keypoint_file(10), "-o", out, *FAST)
    assert code == 130 and "interrupted" in err and not list(out.iterdir())


def test_real_video_sideways_slow_and_fast(run, shared_data, tmp_path):
    """One dancer stored upright and sideways with rotation metadata, at two odd rates."""
    pictures = dancer(shared_data, 24)
    upright = write_video(tmp_path / "upright.mp4", pictures, 23.976)
    fast = write_video(tmp_path / "fast.mp4", pictures, 120)
    sideways = write_video(tmp_path / "sideways.mp4", [np.rot90(p).copy() for p in pictures])
    turn(sideways)
    motions = {}
    for path in (upright, fast, sideways):
        out = tmp_path / path.stem
        assert run("generate", path, "-o", out, *FAST)[0] == 0
        motions[path.stem] = load_motion_npz(out / "motion.npz")
    assert [len(m) for m in motions.values()] == [24, 24, 24]
    assert motions["upright"].fps == pytest.approx(24000 / 1001, rel=1e-3)
    assert motions["fast"].fps == pytest.approx(120, rel=1e-3)
    both = motions["upright"].observed & motions["sideways"].observed
    gap = motions["upright"].joints2d[..., :2] - motions["sideways"].joints2d[..., :2]
    assert both.mean() > 0.8 and np.median(np.abs(gap[both])) < 6


def turn(path: Path) -> None:
    """Write a quarter turn clockwise into the track header's matrix."""
    data = bytearray(path.read_bytes())
    at = data.index(b"tkhd") + 4
    matrix = at + (40 if data[at] == 0 else 52)
    one = 1 << 16
    values = (0, one, 0, -one, 0, 0, 0, 0, 1 << 30)
    data[matrix : matrix + 36] = struct.pack(">9i", *values)
    path.write_bytes(bytes(data))


def test_a_video_cut_off_is_used_as_far_as_it_goes_or_refused(run, shared_data, tmp_path):
    whole = (shared_data / "video" / "hiphop.mp4").read_bytes()
    path, out = tmp_path / "cut.mp4", tmp_path / "out"
    path.write_bytes(whole[: len(whole) // 2])
    code, err = run("generate", path, "-o", out, *FAST)
    if code == 0:
        assert json.loads((out / "run.json").read_text())["input"]["warnings"]
    else:
        assert_refused(code, err, out, "cut.mp4")
