"""`vimoflow generate` from end to end with the checkpoint that ships: results, and bad input."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path

import numpy as np
import pybvh
import pygltflib
import pytest
from scipy.spatial.transform import Rotation

from vimoflow.diffusion.checkpoint import load_checkpoint, save_checkpoint
from vimoflow.formats.bvh_reader import bvh_to_source_motion, read_bvh
from vimoflow.formats.motion_npz import load_motion_npz
from vimoflow.motion.skeleton import JOINT_NAMES, joint, load_skeleton

FAST = ("--steps", "2", "--no-refine", "--formats", "npz")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def glb_positions(path: Path) -> np.ndarray:
    """Joint positions (frames, 24, 3) in metres from a GLB's keys, which are one a frame."""
    gltf = pygltflib.GLTF2().load(str(path))

    def values(index: int, size: int) -> np.ndarray:
        accessor = gltf.accessors[index]
        start = gltf.bufferViews[accessor.bufferView].byteOffset + (accessor.byteOffset or 0)
        flat = np.frombuffer(gltf.binary_blob(), "<f4", accessor.count * size, start)
        return flat.reshape(accessor.count, size).astype(float)

    animation = gltf.animations[0]
    keys = {}
    for channel in animation.channels:
        size = 4 if channel.target.path == "rotation" else 3
        output = values(animation.samplers[channel.sampler].output, size)
        keys[channel.target.node, channel.target.path] = output
    found: dict[str, np.ndarray] = {}

    def visit(node: int, R_above: Rotation, p_above: np.ndarray) -> None:
        rest = np.array(gltf.nodes[node].translation or [0.0, 0.0, 0.0])
        p = p_above + R_above.apply(keys.get((node, "translation"), rest))
        found[gltf.nodes[node].name] = p
        for child in gltf.nodes[node].children or []:
            visit(child, R_above * Rotation.from_quat(keys[node, "rotation"]), p)

    visit(gltf.skins[0].joints[0], Rotation.identity(), np.zeros(3))
    return np.stack([found[name] for name in JOINT_NAMES], axis=1)


def test_all_results_agree_within_a_millimetre(run, keypoint_file, tmp_path):
    out = tmp_path / "out"
    code, err = run("generate", keypoint_file(24), "-o", out, "--steps", 2)
    assert code == 0 and "vimoflow:" not in err
    assert names(out) == {
        "motion.npz", "motion.bvh", "motion.glb", "preview.html", "preview.mp4", "run.json"
    }  # fmt: skip
    joints = load_motion_npz(out / "motion.npz").joint_positions
    with np.load(out / "motion.npz", allow_pickle=False) as arrays:
        assert np.abs(arrays["joints"] - joints).max() < 1e-3
    ours = bvh_to_source_motion(read_bvh(out / "motion.bvh"), 0.01)
    index = [ours.joint_names.index(name) for name in JOINT_NAMES]
    assert np.abs(ours.p_world_joint[:, index] - joints).max() < 1e-3
    theirs = pybvh.read_bvh_file(out / "motion.bvh")
    index = [theirs.node_index[name] for name in JOINT_NAMES]
    assert np.abs(np.asarray(theirs.node_positions())[:, index] / 100 - joints).max() < 1e-3
    assert np.abs(glb_positions(out / "motion.glb") - joints).max() < 1e-3
    document = json.loads((out / "run.json").read_text())
    assert document["checkpoint"]["terms"] == load_checkpoint().terms
    assert document["input"]["frames"] == 24 and document["quality"]["seen_percent"] == 100
    assert document["options"]["seed"] == 0 and document["quality"]["filled"] == []


def test_physics_is_told_in_the_record_and_on_the_time_line(run, keypoint_file, tmp_path):
    pytest.importorskip("mujoco", reason="needs the extra [physics]")
    out = tmp_path / "out"
    wanted = ("--steps", "2", "--no-refine", "--formats", "npz,html", "--root", "inplace")
    assert run("generate", keypoint_file(24), "-o", out, *wanted, "--physics")[0] == 0
    told = json.loads((out / "run.json").read_text())["physics"]
    assert {len(column) for column in told["frames"].values()} == {24}
    assert told["summary"]["implausibility"] > 0
    page = (out / "preview.html").read_text()
    assert "of body weight from nowhere" in page
    for fault in told["faults"]:
        assert f'[{fault["start_s"]},{fault["end_s"]},"{fault["what"]}"]' in page
    # The path that the option takes away is no fault of the motion's.
    free = tmp_path / "free"
    assert run("generate", keypoint_file(24), "-o", free, *wanted[:-2], "--physics")[0] == 0
    assert json.loads((free / "run.json").read_text())["physics"] == told


def test_physics_without_the_simulator_is_refused_at_once(
    run, keypoint_file, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "mujoco", None)
    code, err = run("generate", keypoint_file(24), "-o", tmp_path / "out", "--physics")
    assert code == 2 and err.strip().count("\n") == 0 and "[physics]" in err
    assert not (tmp_path / "out").exists()


def test_same_seed_same_bytes_and_another_seed_others(run, keypoint_file, tmp_path):
    source = keypoint_file(12)
    formats = "npz,bvh,glb,html"
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        arguments = ("-o", tmp_path / name, "--steps", 1, "--seed", seed, "--formats", formats)
        arguments += ("--sampler", "ddim")
        assert run("generate", source, *arguments)[0] == 0
    for file in ("motion.npz", "motion.bvh", "motion.glb", "preview.html"):
        a, b, c = ((tmp_path / name / file).read_bytes() for name in "abc")
        assert a == b and a != c


def test_samples_are_kept_and_the_best_is_on_top(run, keypoint_file, tmp_path):
    out = tmp_path / "out"
    arguments = (*FAST[:-1], "npz,html")
    assert run("generate", keypoint_file(20), "-o", out, "--samples", 3, *arguments)[0] == 0
    assert names(out / "samples") == {"00", "01", "02"}
    files = [out / "samples" / n / "motion.npz" for n in ("00", "01", "02")]
    with np.load(out / "motion.npz") as best, np.load(files[0]) as first:
        assert all((best[key] == first[key]).all() for key in first.files)
        extra = set(best.files) - set(first.files)
        assert extra == {"joint_spread_m", "joint_radius_50_m", "joint_radius_90_m"}
    assert len({path.read_bytes() for path in files}) == 3
    document = json.loads((out / "run.json").read_text())
    assert document["quality"] == document["samples"][0]
    differ = document["samples_differ"]
    assert f"{differ['spread_mm']:.0f} mm a joint" in (out / "preview.html").read_text("utf-8")
    assert differ["from_first_mm"][0] == 0 < min(differ["from_first_mm"][1:])
    jitters = [one["jitter"] for one in document["samples"]]
    assert max(jitters) < 2 * jitters[0], "drawn samples tremble"


def test_a_bad_input_does_not_stop_the_others(run, keypoint_file, tmp_path):
    good, bad = keypoint_file(12, name="good.json"), tmp_path / "bad.json"
    bad.write_text("{")
    (tmp_path / "two").mkdir()
    twin = tmp_path / "two" / "good.json"
    twin.write_bytes(good.read_bytes())
    out = tmp_path / "out"
    code, err = run("generate", good, bad, twin, "-o", out, *FAST)
    complaints = [line for line in err.splitlines() if line.startswith("vimoflow: ")]
    assert code == 2 and len(complaints) == 1 and "bad.json" in complaints[0]
    assert names(out) == {"good", "good_2"}
    assert all(names(folder) == {"motion.npz", "run.json"} for folder in out.iterdir())


def test_only_the_formats_asked_for(run, keypoint_file, tmp_path):
    source, a, b = keypoint_file(8), tmp_path / "a", tmp_path / "b"
    fast = ("--steps", 2, "--no-refine")
    assert run("generate", source, "-o", a, *fast, "--formats", "bvh")[0] == 0
    assert names(a) == {"motion.bvh", "run.json"}
    assert run("generate", source, "-o", b, *fast, "--no-preview")[0] == 0
    assert names(b) == {"motion.npz", "motion.bvh", "motion.glb", "run.json"}


def test_inplace_height_and_cut(run, keypoint_file, tmp_path):
    out = tmp_path / "out"
    options = ("--root", "inplace", "--height", 1.9, "--start", 0.5, "--end", 1.0)
    assert run("generate", keypoint_file(60), "-o", out, *options, *FAST)[0] == 0
    motion = load_motion_npz(out / "motion.npz")
    assert len(motion) == 15 and np.ptp(motion.trans[:, [0, 2]]) == 0
    assert motion.timestamps[0] == 0 and motion.fps == pytest.approx(30)
    factor = 1.9 / load_skeleton().stature
    np.testing.assert_allclose(motion.skeleton.offsets, load_skeleton().offsets * factor, atol=1e-6)


def test_what_is_told_of_the_camera_changes_the_motion_and_is_recorded(
    run, keypoint_file, tmp_path
):
    source, trunks = keypoint_file(20), {}
    for name, told in (("plain", ()), ("told", ("--gravity", "30,0", "--focal", 70))):
        out = tmp_path / name
        assert run("generate", source, "-o", out, *told, *FAST)[0] == 0
        joints = load_motion_npz(out / "motion.npz").joint_positions
        trunks[name] = np.mean(joints[:, joint("neck")] - joints[:, joint("pelvis")], axis=0)
    tilt = {name: np.degrees(np.arccos(v[1] / np.linalg.norm(v))) for name, v in trunks.items()}
    assert tilt["told"] > tilt["plain"] + 10  # who looks upright to a rolled camera is not
    options = json.loads((tmp_path / "told" / "run.json").read_text())["options"]
    assert options["gravity"] == [30, 0] and options["focal_mm"] == 70


@pytest.mark.parametrize(("frames", "fps"), [(1, 30.0), (2, 30.0), (40, 23.976), (90, 120.0)])
def test_one_pose_a_frame_at_any_rate(run, keypoint_file, tmp_path, frames, fps):
    out = tmp_path / "out"
    assert run("generate", keypoint_file(frames, fps), "-o", out, *FAST)[0] == 0
    motion = load_motion_npz(out / "motion.npz")
    assert len(motion) == frames and np.isfinite(motion.joint_positions).all()
    np.testing.assert_allclose(motion.timestamps, np.arange(frames) / fps, atol=1e-6)
    assert motion.fps == pytest.approx(fps, rel=1e-4)


def test_keypoints_without_a_clock_take_the_rate_given(
    run, swaying_keypoints, assert_refused, tmp_path
):
    source, out = tmp_path / "dance.npz", tmp_path / "done"
    np.savez(source, points=swaying_keypoints(20).points)
    assert_refused("frame rate", source, *FAST)
    assert run("generate", source, "-o", out, "--fps", 50, *FAST)[0] == 0
    motion = load_motion_npz(out / "motion.npz")
    assert len(motion) == 20 and motion.fps == pytest.approx(50)


def test_longer_than_a_window_without_seams(run, keypoint_file, tmp_path):
    out = tmp_path / "out"
    assert run("generate", keypoint_file(400), "-o", out, *FAST)[0] == 0
    motion = load_motion_npz(out / "motion.npz")
    assert len(motion) == 400 and np.isfinite(motion.joint_positions).all()
    steps = np.linalg.norm(np.diff(motion.joint_positions, axis=0), axis=-1).max(axis=1)
    assert steps.max() < 8 * np.median(steps) + 0.02


def test_a_person_who_leaves_is_filled_in_and_it_is_said(run, keypoint_file, tmp_path):
    out = tmp_path / "out"
    assert run("generate", keypoint_file(150, hide=[(45, 105)]), "-o", out, *FAST)[0] == 0
    motion = load_motion_npz(out / "motion.npz")
    assert not motion.observed[45:105].any()
    assert motion.observed[:45].all() and motion.observed[105:].all()
    assert np.isfinite(motion.joint_positions).all()
    filled = json.loads((out / "run.json").read_text())["quality"]["filled"]
    assert filled == [[1.5, pytest.approx(104 / 30, abs=0.01)]]


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("missing.mp4", None, "no such file"),
        ("empty.mp4", b"", "empty"),
        ("text.mp4", b"this is a text about a video\n" * 50, "text.mp4"),
        ("keypoints.json", b"{]", "keypoints.json"),
        ("keypoints.json", b"[1, 2, 3]", "no known keypoint format"),
        ("keypoints.npz", b"PK\x03\x04 no", "keypoints.npz"),
    ],
)
def test_files_that_are_nothing(assert_refused, tmp_path, name, content, word):
    path = tmp_path / name
    if content is not None:
        path.write_bytes(content)
    assert_refused(word, path)


def test_a_folder_is_refused(assert_refused, tmp_path):
    (tmp_path / "takes").mkdir()
    assert_refused("is an empty folder", tmp_path / "takes")


def test_keypoints_without_confidence(assert_refused, keypoint_file):
    assert_refused("confidence", keypoint_file(20, hide=[(0, 20)]), *FAST)


def test_a_part_that_is_not_there(assert_refused, keypoint_file):
    assert_refused("nothing between --start and --end", keypoint_file(20), "--start", 5, *FAST)


def test_output_that_cannot_be_written(run, keypoint_file, tmp_path):
    path = keypoint_file(10)
    code, err = run("generate", path, "-o", path / "out", *FAST)
    assert code == 2 and err.startswith("vimoflow: ") and err.count("\n") == 1
    assert list(tmp_path.iterdir()) == [path]


def test_checkpoints_that_cannot_be_used(assert_refused, keypoint_file, tmp_path):
    path, good = keypoint_file(10), tmp_path / "good.safetensors"
    save_checkpoint(load_checkpoint("small"), good)
    content = good.read_bytes()
    length = struct.unpack("<Q", content[:8])[0]
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"]["version"] = "99"
    other = json.dumps(header).encode()
    for name, data, word in (
        ("cut", content[: len(content) // 2], "damaged"),
        ("garbled", b"\0" * 4096, "damaged"),
        ("other", struct.pack("<Q", len(other)) + other + content[8 + length :], "version 99"),
    ):
        checkpoint = tmp_path / f"{name}.safetensors"
        checkpoint.write_bytes(data)
        assert_refused(word, path, "--checkpoint", checkpoint, *FAST)
    assert_refused("huge", path, "--checkpoint", "huge", *FAST)
    missing = tmp_path / "missing.safetensors"
    assert_refused("no such checkpoint", path, "--checkpoint", missing, *FAST)


@pytest.mark.parametrize("where", ["save_motion_npz", "write_run_record"])
def test_interrupted_writing_leaves_nothing(run, keypoint_file, tmp_path, monkeypatch, where):
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"vimoflow.pipeline.animation.{where}", interrupt)
    source = keypoint_file(10)
    code, err = run("generate", source, "-o", tmp_path / "new" / "out", *FAST)
    assert code == 130 and "interrupted" in err
    assert list(tmp_path.iterdir()) == [source]


def test_an_interrupted_second_run_leaves_the_first_one_whole(
    run, keypoint_file, tmp_path, monkeypatch
):
    source, out = keypoint_file(10), tmp_path / "out"
    assert run("generate", source, "-o", out, *FAST)[0] == 0
    before = {path.name: path.read_bytes() for path in out.iterdir()}

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("vimoflow.pipeline.animation.write_run_record", full)
    code, err = run("generate", source, "-o", out, "--seed", 1, *FAST)
    assert code == 2 and "No space left" in err
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_views_are_one_performance(run, keypoint_file, tmp_path):
    files = [keypoint_file(24, name=f"view{i}.json") for i in range(2)]
    out = tmp_path / "out"
    code, _ = run("generate", *files, "-o", out, "--views", "--steps", 2, "--formats", "npz")
    assert code == 0 and names(out) == {"motion.npz", "run.json"}
    assert json.loads((out / "run.json").read_text())["input"]["views"] == 2
    assert len(load_motion_npz(out / "motion.npz")) == 24


def test_several_samples_of_several_views_make_no_sense(run, keypoint_file, tmp_path):
    code, err = run("generate", keypoint_file(12), "-o", tmp_path, "--views", "--samples", 2)
    assert code == 2 and "--views" in err
