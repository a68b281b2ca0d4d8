"""``data prepare`` on a small synthetic AIST++ folder, as a folder and as an archive."""

from __future__ import annotations

import functools
import importlib
import json
import os
import pickle
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from lab.corpora.public import ALL
from vimoflow.data.preparation_summary import summary_table
from vimoflow.data.prepare import PrepareOptions
from vimoflow.data.shards import read_manifest, read_shards
from vimoflow.errors import ConfigError, InputError, OutputError
from vimoflow.motion.clip import Motion

prepare_module = importlib.import_module("vimoflow.data.prepare")
prepare = functools.partial(prepare_module.prepare, corpora=ALL)
ONE = PrepareOptions(workers=1)
VALIDATION_NAME = "gJS_sBM_cAll_d03_mJS2_ch07"
SCALING = 90.0


def write_sequence(root: Path, name: str, seed: int, frames: int = 20) -> None:
    """One sequence at 60 fps, nine views, some detections missing."""
    rng = np.random.default_rng(seed)
    motion = {
        "smpl_poses": rng.normal(0, 0.02, (frames, 72)).cumsum(0),
        "smpl_trans": SCALING
        * (rng.normal(0, 0.01, (frames, 3)).cumsum(0) + np.array([0, 0.9, 0])),
        "smpl_scaling": np.array([SCALING]),
    }
    points = rng.uniform(100, 900, (9, frames, 17, 3))
    points[..., 2] = 0.9
    points[3, 4] = np.nan
    triangulated = SCALING * rng.normal(0, 0.5, (frames, 17, 3))
    for folder, data in (
        ("motions", motion),
        ("keypoints2d", {"keypoints2d": points}),
        ("keypoints3d", {"keypoints3d_optim": triangulated}),
    ):
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / f"{name}.pkl").write_bytes(pickle.dumps(data))


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Nine good sequences, of which one is validation, and one that is on the ignore list."""
    root = tmp_path / "aistpp"
    names = [f"made_up_{i}" for i in range(8)] + [VALIDATION_NAME, "ignored"]
    for seed, name in enumerate(names):
        write_sequence(root, name, seed)
    (root / "cameras").mkdir()
    view = {
        "size": [1920, 1080], "matrix": np.diag([1500.0, 1500, 1]).tolist(),
        "translation": [0, 160, 500], "distortions": [0.0] * 5,
    }  # fmt: skip
    views = [{**view, "name": f"c{i}", "rotation": [3.1, 0.1 * i, 0]} for i in range(9)]
    (root / "cameras" / "setting1.json").write_text(json.dumps(views))
    (root / "cameras" / "mapping.txt").write_text("".join(f"{n} setting1\n" for n in names))
    (root / "splits").mkdir()
    (root / "splits" / "ignore_list.txt").write_text("ignored\n")
    return root


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def archived(root: Path, path: Path) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for file in sorted(root.rglob("*")):
            archive.add(file, file.relative_to(root), recursive=False)
    return path


def test_a_folder_becomes_two_shards(corpus: Path, tmp_path: Path) -> None:
    entries = prepare("aistpp", [corpus], tmp_path / "out", ONE)
    assert read_manifest(tmp_path / "out") == entries
    (train,) = read_shards(tmp_path / "out", "train")
    (validation,) = read_shards(tmp_path / "out", "validation")
    assert train.names == tuple(f"made_up_{i}" for i in range(8))
    assert validation.names == (VALIDATION_NAME,)
    assert train.entry.licence == "CC BY 4.0"
    assert train.entry.frames == 8 * 10  # 60 to 30 fps
    assert len(train.view_of) == 8 * 9 and train.keypoints.shape == (8 * 9 * 10, 17, 3)
    gone = train.keypoints.reshape(8, 9, 10, 17, 3)[:, 3, 2]
    assert not gone.any()  # frame 4 at 60 fps
    assert train.coco_truth.shape == (80, 17, 3)


def test_an_archive_is_the_same_and_so_is_any_number_of_workers(
    corpus: Path, tmp_path: Path
) -> None:
    archive = archived(corpus, tmp_path / "aistpp.tar.gz")
    prepare("aistpp", [corpus], tmp_path / "folder", ONE)
    prepare("aistpp", [archive], tmp_path / "archive", PrepareOptions(workers=2))
    assert contents(tmp_path / "folder") == contents(tmp_path / "archive")
    shutil.make_archive(str(tmp_path / "zipped"), "zip", corpus)
    prepare("aistpp", [tmp_path / "zipped.zip"], tmp_path / "zip", PrepareOptions(workers=3))
    assert contents(tmp_path / "folder") == contents(tmp_path / "zip")


def test_a_bad_file_is_rejected_with_its_reason(corpus: Path, tmp_path: Path) -> None:
    (corpus / "motions" / "made_up_3.pkl").write_bytes(b"not a pickle")
    (corpus / "keypoints2d" / "made_up_5.pkl").write_bytes(b"")
    prepare("aistpp", [corpus], tmp_path / "out", ONE)
    (train,) = read_shards(tmp_path / "out", "train")
    assert "made_up_3" not in train.names and len(train.names) == 6
    rejected = dict(train.entry.rejected)
    assert list(rejected) == ["ignored.pkl", "made_up_3.pkl", "made_up_5.pkl"]
    assert rejected["made_up_3.pkl"].startswith("made_up_3.pkl: not a plain pickle of arrays")
    text = (tmp_path / "out" / "manifest.json").read_text()
    assert str(tmp_path) not in text  # no path of one machine


def test_a_sequence_that_misses_a_camera_or_frames_is_rejected(
    corpus: Path, tmp_path: Path
) -> None:
    mapping = corpus / "cameras" / "mapping.txt"
    mapping.write_text(mapping.read_text().replace("made_up_1 setting1\n", ""))
    write_sequence(corpus, "other", 5, frames=30)
    os.replace(corpus / "keypoints2d" / "other.pkl", corpus / "keypoints2d" / "made_up_2.pkl")
    (corpus / "motions" / "other.pkl").unlink()
    prepare("aistpp", [corpus], tmp_path / "out", ONE)
    reasons = dict(read_manifest(tmp_path / "out")[0].rejected)
    assert "no camera setting" in reasons["made_up_1.pkl"]
    assert "15 frames, the motion 10" in reasons["made_up_2.pkl"]


def refused(source: str, path: Path, output: Path) -> str:
    with pytest.raises((InputError, ConfigError)) as caught:
        prepare(source, [path], output, ONE)
    assert "\n" not in str(caught.value)
    assert not output.exists()
    return str(caught.value)


def test_nothing_usable_is_said(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert "aistpp" in refused("no-such-corpus", corpus, out)
    assert "no aistpp files" in refused("aistpp", tmp_path, out)
    assert "holds no" in refused("mass", corpus, out)
    for path in (corpus / "motions").iterdir():
        path.write_bytes(b"")
    assert "all 10 files rejected" in refused("aistpp", corpus, out)


def test_who_asks_for_a_public_corpus_is_told_where_it_is_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="`python -m lab prepare`"):
        prepare_module.prepare("aistpp", [tmp_path], tmp_path / "out", ONE)


def test_a_damaged_archive_leaves_nothing(corpus: Path, tmp_path: Path) -> None:
    archive = archived(corpus, tmp_path / "aistpp.tar.gz")
    archive.write_bytes(archive.read_bytes()[:-2000])
    assert "damaged" in refused("aistpp", archive, tmp_path / "out")
    assert "neither a folder nor" in refused("aistpp", tmp_path / "missing", tmp_path / "out")


KILLED = """
import os, signal, sys
from pathlib import Path
from lab.corpora.public import ALL
from vimoflow.data.prepare import PrepareOptions, prepare

def progress(done, total):
    if done == 3:
        os.kill(os.getpid(), signal.SIGKILL)

corpus, out, workers = sys.argv[1:]
prepare("aistpp", [Path(corpus)], Path(out), PrepareOptions(int(workers)), progress, ALL)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs POSIX signals")
@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_run_goes_on_to_the_same_bytes(
    corpus: Path, tmp_path: Path, workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, out = tmp_path / "whole", tmp_path / "out"
    prepare("aistpp", [corpus], whole, ONE)
    command = [sys.executable, "-c", KILLED, str(corpus), str(out), str(workers)]
    # Reading to the end of stdout waits for all processes of the run: none may outlive it.
    killed = subprocess.run(command, stdout=subprocess.PIPE, timeout=300, check=False)
    assert killed.returncode == -signal.SIGKILL
    assert [path.name for path in out.iterdir()] == [".partial-aistpp"]
    kept = sorted((out / ".partial-aistpp").glob("[!.]*.safetensors"))
    assert len(kept) >= 3
    kept[0].write_bytes(kept[0].read_bytes()[:100])  # torn, as after a loss of power
    (out / ".partial-aistpp" / "unpacked-1").mkdir()
    (out / ".partial-aistpp" / ".0.1.partial.safetensors").write_bytes(b"half")
    read: list[str] = []
    original = prepare_module._read
    monkeypatch.setattr(
        prepare_module,
        "_read",
        lambda corpus, folder, file: read.append(file.name) or original(corpus, folder, file),
    )
    prepare("aistpp", [corpus], out, ONE)
    assert len(read) == 10 - (len(kept) - 1)
    assert contents(out) == contents(whole)


def test_changed_input_is_read_anew(
    corpus: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Results are taken up by content: of the motion itself and of the files beside it."""

    def full(*_: object) -> None:
        raise OutputError("stopped before the end")

    with monkeypatch.context() as patch, pytest.raises(OutputError):
        patch.setattr(prepare_module, "write_shard", full)
        prepare("aistpp", [corpus], tmp_path / "out", ONE)
    write_sequence(corpus, "made_up_2", seed=99)
    detections = corpus / "keypoints2d" / "made_up_4.pkl"
    detections.write_bytes((corpus / "keypoints2d" / "made_up_5.pkl").read_bytes())
    (corpus / "splits" / "ignore_list.txt").write_text("ignored\nmade_up_6\n")
    for name in ("out", "fresh"):
        prepare("aistpp", [corpus], tmp_path / name, ONE)
    assert contents(tmp_path / "out") == contents(tmp_path / "fresh")
    assert "made_up_6" not in read_shards(tmp_path / "out", "train")[0].names


@pytest.mark.parametrize("size", [1000, 100_000])
def test_a_full_disk_is_one_line_and_the_run_goes_on_later(
    corpus: Path, tmp_path: Path, limit_file_size, size: int
) -> None:
    """The limit is met by the first result, or by the shard that gathers them."""
    out = tmp_path / "out"
    with limit_file_size(size), pytest.raises(OutputError, match="cannot be written") as caught:
        prepare("aistpp", [corpus], out, ONE)
    assert str(out) in str(caught.value) and "\n" not in str(caught.value)
    assert [path.name for path in out.iterdir()] == [".partial-aistpp"]
    assert not list((out / ".partial-aistpp").glob(".*.partial*"))
    prepare("aistpp", [corpus], out, ONE)
    prepare("aistpp", [corpus], tmp_path / "fresh", ONE)
    assert contents(out) == contents(tmp_path / "fresh")


def test_a_file_in_the_way_of_the_output_is_one_line(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        prepare("aistpp", [corpus], tmp_path / "file" / "out", ONE)


def test_broken_recordings_and_exact_copies_are_rejected(corpus: Path, tmp_path: Path) -> None:
    """A copy across the splits leaves the training part."""
    for folder in ("motions", "keypoints2d", "keypoints3d"):
        for copy, original in (("made_up_1", "made_up_0"), ("made_up_2", VALIDATION_NAME)):
            content = (corpus / folder / f"{original}.pkl").read_bytes()
            (corpus / folder / f"{copy}.pkl").write_bytes(content)
    statue = pickle.loads((corpus / "motions" / "made_up_3.pkl").read_bytes())
    statue["smpl_poses"][:], statue["smpl_trans"][:] = 0.1, 90.0
    (corpus / "motions" / "made_up_3.pkl").write_bytes(pickle.dumps(statue))
    entries = prepare("aistpp", [corpus], tmp_path / "out", ONE)
    assert [entry.recordings for entry in entries] == [5, 1]
    assert dict(entries[0].rejected) == {
        "ignored.pkl": "ignored.pkl: on AIST++'s ignore list",
        "made_up_1": "made_up_1: an exact copy of made_up_0",
        "made_up_2": f"made_up_2: an exact copy of {VALIDATION_NAME}",
        "made_up_3.pkl": "made_up_3.pkl: 100% of its frames repeat the one before",
    }
    table = summary_table(entries)
    assert "rejected: 4" in table and "2 x an exact copy of made_up_0 (made_up_1)" in table


def test_preparing_again_replaces_what_was_there(corpus: Path, tmp_path: Path) -> None:
    prepare("aistpp", [corpus], tmp_path / "out", ONE)
    (corpus / "motions" / f"{VALIDATION_NAME}.pkl").unlink()
    entries = prepare("aistpp", [corpus], tmp_path / "out", ONE)
    assert read_manifest(tmp_path / "out") == entries and len(entries) == 1
    assert "aistpp-validation.safetensors" not in contents(tmp_path / "out")


@pytest.mark.parametrize(
    ("source", "options", "reason"),
    [
        ("hdm05", PrepareOptions(licence="mine"), "--licence does not go with 'hdm05'"),
        ("aistpp", PrepareOptions(split="train"), "--split does not go with"),
        ("amass", PrepareOptions(fps=30.0), "--fps does not go with"),
        ("amass", PrepareOptions(name="../up"), "--name '../up'"),
        ("amass", PrepareOptions(name="aistpp"), "--name 'aistpp'"),
    ],
)
def test_options_that_make_no_sense_are_said(
    tmp_path: Path, source: str, options: PrepareOptions, reason: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        prepare(source, [tmp_path], tmp_path / "out", options)
    assert reason in str(caught.value) and not (tmp_path / "out").exists()


def write_amass(folder: Path, names: list[str]) -> None:
    for seed, name in enumerate(names):
        rng = np.random.default_rng(seed)
        path = folder / f"{name}_poses.npz"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(
            path,
            poses=rng.normal(0, 0.05, (40, 156)).cumsum(0) * 0.2,
            trans=rng.normal(0, 0.005, (40, 3)).cumsum(0),
            mocap_framerate=60.0,
            gender="neutral",
            betas=np.zeros(16),
        )


def test_a_format_has_the_users_name_split_and_terms(tmp_path: Path) -> None:
    write_amass(tmp_path / "in", ["CMU/01/01_01", "SFU/0005/walk", "mine/run"])
    options = PrepareOptions(1, split="train", licence="research only", name="my-captures")
    entries = prepare("amass", [tmp_path / "in"], tmp_path / "out", options)
    (entry,) = entries
    assert (entry.file, entry.recordings) == ("my-captures-train.safetensors", 3)
    assert (entry.licence, entry.bars_commercial_use) == ("research only", True)
    own, other = prepare("amass", [tmp_path / "in"], tmp_path / "out", ONE)
    assert (own.corpus, own.licence, other.split) == ("amass", "not stated", "validation")
    left = read_shards(tmp_path / "out", "train", without=["my-captures"])
    assert [shard.entry.corpus for shard in left] == ["amass"]


def test_progress_counts_every_file(corpus: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    prepare("aistpp", [corpus], tmp_path / "out", ONE, lambda *row: seen.append(row))
    assert seen == [(i, 10) for i in range(1, 11)]


def write_bvh(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    poses = rng.normal(0, 0.02, (40, 24, 3)).cumsum(0).astype(np.float32)
    trans = np.tile(np.float32([0, 0.95, 0]), (40, 1))
    Motion(poses, trans, 30.0, np.ones((40, 4), dtype=np.float32)).save(path)


def test_bvh_of_any_rig_with_a_map_a_rate_and_a_name(tmp_path: Path) -> None:
    for seed in range(3):
        write_bvh(tmp_path / "in" / f"take_{seed}.bvh", seed)
    (tmp_path / "in" / "bad.bvh").write_text("HIERARCHY\n")
    found = PrepareOptions(1, split="train")
    named = PrepareOptions(1, rig="vimoflow", fps=60.0, name="at-60", split="train")
    (own,) = prepare("bvh", [tmp_path / "in"], tmp_path / "out", found)
    (fast,) = prepare("bvh", [tmp_path / "in"], tmp_path / "out", named)
    assert (own.corpus, own.recordings, own.frames) == ("bvh", 3, 3 * 40)
    assert (fast.corpus, fast.frames) == ("at-60", 3 * 20)
    assert own.retarget is not None and own.retarget.end_error_ratio < 0.01
    ((name, reason),) = own.rejected
    assert name == "bad.bvh" and reason.startswith("bad.bvh: ")
    with pytest.raises((InputError, ConfigError), match="no-such-rig"):
        prepare("bvh", [tmp_path / "in"], tmp_path / "out", PrepareOptions(1, rig="no-such-rig"))


def test_some_of_ones_own_bvh_is_held_out_and_a_single_pose_costs_itself(tmp_path: Path) -> None:
    for seed in range(5):
        write_bvh(tmp_path / "in" / f"take_{seed}.bvh", seed)
    text = (tmp_path / "in" / "take_0.bvh").read_text()
    head, _, rows = text.partition("Frame Time:")
    pose = head.replace("Frames: 40", "Frames: 1") + "Frame Time:" + "\n".join(rows.split("\n")[:2])
    (tmp_path / "in" / "pose.bvh").write_text(pose + "\n")
    train, validation = prepare("bvh", [tmp_path / "in"], tmp_path / "out", PrepareOptions(1))
    assert (train.split, validation.split) == ("train", "validation")
    assert validation.recordings == 1
    assert train.recordings + validation.recordings + len(train.rejected) == 6
    assert {name for name, _ in train.rejected} <= {"pose.bvh"}
